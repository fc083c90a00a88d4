/// Sizes and settings of a run of the offline benchmark.
public struct OfflineSettings: Sendable {
    public var rows = 10_000_000
    public var keys = 100_000
    public var spineRows = 1_000_000
    public var rounds = 5
    public var chunks = 100
    /// Only works whose name has one of these in it; all, if there is none.
    public var only: [String] = []
    /// Whether there is a server for works through a socket.
    public var hasServer = true
    /// A directory with the tables of examples/flights/prepare.py.
    public var flights: String?

    public init() {}

    func isWanted(_ work: OfflineWork) -> Bool {
        (hasServer || !work.needsServer) && (only.isEmpty || only.contains { work.name.contains($0) })
    }
}

/// What came of one work: each system's figures, one a round.
public struct OfflineFigures: Encodable, Sendable {
    public enum Unit: String, Encodable, Sendable {
        case milliseconds = "ms"
        case millionRowsPerSecond = "M rows/s"
        case megabytes = "MB"
        case times = "×"
    }

    public struct System: Encodable, Sendable {
        public let name: String
        /// From which of its stores; the faster one, where it has several.
        public var way: String?
        public var values: [Double] = []
        /// The most that its process had.
        public var peakMegabytes: Double?
        /// "same", or where its answer first differs from Headwater's.
        public var answer: String?
        /// Why it did not do the work.
        public var failure: String?
    }

    /// What the tables of a work take on the disk.
    public struct OnDisk: Encodable, Sendable {
        public let name: String
        public let megabytes: Double
    }

    public struct Bar: Encodable, Sendable {
        /// What is measured: a peer's figure over ours (or ours over a peer's, of a size), or our own figure where there is none.
        public let peer: String?
        /// Of our own figure.
        public let unit: Unit?
        public let wanted: Double
        public let isAtMost: Bool
        public let measured: [Double]

        public var isMet: Bool {
            let median = OfflineFigures.median(measured)
            return isAtMost ? median <= wanted : median >= wanted
        }
    }

    public let work: String
    public let unit: Unit
    public var headwater: System
    public var peers: [System] = []
    public var bars: [Bar] = []
    public var onDisk: [OnDisk] = []

    public static let same = "same"

    /// Whether a peer's answer is another than Headwater's.
    public var hasDifference: Bool { peers.contains { $0.answer.map { $0 != Self.same } ?? false } }

    /// The peer of the least median; pandas, measured once, is there for scale.
    public var fasterPeer: System? {
        peers.filter { $0.values.count == headwater.values.count }.min { Self.median($0.values) < Self.median($1.values) }
    }

    public static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }
}
