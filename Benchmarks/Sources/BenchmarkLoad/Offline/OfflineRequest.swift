/// What a system of the offline benchmark is asked for: one JSON line. What a kind of request does not need is left out.
public struct OfflineRequest: Codable, Sendable {
    public enum Action: String, Codable, Sendable {
        /// Before all else: which tables there are, and where.
        case open
        /// Headwater: writes and flushes one table.
        case load
        /// Headwater: the same in a store of its own, which is compacted by levels after each flush as a server does.
        case levels
        /// Headwater: merges everything.
        case compact
        /// Peers: makes their tables from the raw columns.
        case store
        case join
        case scan
    }

    /// What a join or scan asks of one table.
    public struct Group: Codable, Sendable {
        public let name: String
        public let features: [String]
        public var maxAge: Int64?
        /// Whether rows share key and time: then the last written counts.
        public var hasTies: Bool?

        public init(name: String, features: [String], maxAge: Int64? = nil, hasTies: Bool? = nil) {
            (self.name, self.features, self.maxAge, self.hasTies) = (name, features, maxAge, hasTies)
        }
    }

    public var action: Action
    public var place: String?
    public var tables: [OfflineTable]?
    public var spines: [OfflineTable]?
    public var table: String?
    public var rowsPerFlush: Int?
    /// Of each table.
    public var rowsPerRecord: [Int]?
    /// Orders in which peers store their rows: `arrival`, `sorted` by key and time.
    public var layouts: [String]?
    public var layout: String?
    public var spine: String?
    public var groups: [Group]?
    public var start: Int64?
    public var end: Int64?
    /// Where raw columns of the answer go, outside the measured time.
    public var output: String?

    public init(_ action: Action) { self.action = action }
}

/// What came of it.
public struct OfflineAnswer: Codable, Sendable {
    public var seconds: Double?
    public var rows: Int?
    /// Of each table.
    public var tableBytes: [Int]?
    /// How many bytes were written in all for each of new rows.
    public var amplification: Double?
    public var error: String?

    public init() {}
}

/// One of those that are measured.
public protocol OfflineSystem: AnyObject {
    /// - Throws: where the request cannot be done, or the system is gone.
    func ask(_ request: OfflineRequest) throws -> OfflineAnswer
    /// The most memory that its process had; `nil` where it has none of its own.
    var peakBytes: Int? { get }
    func end()
}
