/// The cases of `bench online`.
public enum OnlineCaseName: String, CaseIterable, Sendable {
    case get100 = "get-100"
    case get10 = "get-10"
    case get1 = "get-1"
    case get1Deep = "get-1-deep"
    case service
    case mixed
    case tcp
    case written
    case feast
    case memory
    case start
}

/// One case: what was done, and what each system did of it.
public struct OnlineCase: Sendable {
    public let name: OnlineCaseName
    public let work: String
    /// Each measured over the same rounds, which alternate.
    public var systems: [OnlineSystem] = []
    /// Figures that are no load: name with unit, a value for each round.
    public var measures: [OnlineMeasure] = []
    public var notes: [String] = []

    public init(_ name: OnlineCaseName, _ work: String) {
        self.name = name
        self.work = work
    }

    public func system(_ name: String) -> OnlineSystem? { systems.first { $0.name == name } }
    public func measure(_ name: String) -> OnlineMeasure? { measures.first { $0.name == name } }
}

/// One system under one load.
public struct OnlineSystem: Sendable {
    public let name: String
    public let rowsEach: Int
    public var rounds: [OnlineRound] = []
}

/// One measured stretch.
public struct OnlineRound: Sendable {
    public let result: StreamResult
    public let rowsPerSecond: Double
    /// Cores that the server used.
    public let serverCores: Double
}

public struct OnlineMeasure: Sendable {
    public let name: String
    public let values: [Double]
}

/// The names that systems have in figures.
public enum OnlineSystemName {
    public static let headwater = "headwater"
    /// Another build, beside this one.
    public static let beside = "headwater beside"
    public static let redisHash = "redis HMGET"
    public static let redisPacked = "redis MGET packed"
    public static let floor = "floor"
    /// One group of 50 int64 features, where a case compares with it.
    public static let oneGroup = "headwater, one group"
    public static let tcp = "headwater TCP"
    public static let floorTCP = "floor TCP"
    public static let quiet = "quiet"
    public static let whileWritten = "while written"
    public static let whileSnapshot = "while snapshots are taken"
}

/// What is measured, and with what.
public struct OnlineOptions: Sendable {
    public var headwater: String
    /// Another executable, which the cases of one group's rows and of a service measure too.
    public var beside: String?
    /// Ours, and not the one beside it, listens for HTTP, and is asked for its metrics once a second while it is measured.
    public var isScraped = false
    /// `nil`: the peer is left out, and so is the floor.
    public var redis: String?
    public var floor: String?
    /// An empty directory, whose path is short enough for sockets in it.
    public var place: String
    public var rounds = 3
    public var seconds = 2.0
    public var warmUpSeconds = 0.3
    /// Entities of most cases; memory and start have ten times as many rows.
    public var rows = 1_000_000
    public var keys = KeyDistribution.uniform
    /// Servers on core 0; the caller keeps itself to core 1.
    public var pinsServers = true

    public init(headwater: String, redis: String?, floor: String?, place: String) {
        self.headwater = headwater
        self.redis = redis
        self.floor = floor
        self.place = place
    }
}
