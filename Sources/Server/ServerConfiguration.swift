public import Log
public import Transport

/// What a server process is told by its command line.
public struct ServerConfiguration: Sendable {
    public enum Role: String, CaseIterable, Sendable {
        /// Both services in one process: the embedded default.
        case serve
        case online
        case offline
    }

    public var role: Role
    public var dataDirectory: String
    /// Empty: the role's default address on loopback.
    public var listen: [Endpoint] = []
    public var durability = Durability.sync
    /// The online server to follow over the protocol; `nil`: the log in the data directory.
    public var follow: Endpoint?
    public var logBytesMax = 64 << 30
    /// Bytes of a log segment.
    public var segmentBytes = 64 << 20
    /// Bytes of rows in the offline service's memory after which they go to chunks.
    public var flushMemoryBytes = 128 << 20
    /// Bytes of rows in the online store's memory after which a snapshot is taken.
    public var snapshotMemoryBytes = 256 << 20
    /// Bytes that online rows may take in memory, the mapped snapshot counted; beyond it writes are refused. `nil`: no cap.
    public var memoryBytesMax: Int?
    /// Memory that all history requests together may take.
    public var historyBytesMax = 4 << 30
    /// Memory that a compaction may take, and a flush beside its rows.
    public var compactionBytesMax = 1 << 30
    /// Memory that input and output of all connections take together; `nil`: as `NetworkMemory` finds right.
    public var networkBytesMax: Int?
    public var allowInsecure = false
    /// A group whose members may read the store's files and connect to its Unix sockets; `nil`: its owner alone.
    public var group: String?
    /// Stops when no client has been connected for so long; `nil`: serves until it is told to stop.
    public var stopWhenIdle: Duration?
    /// Between the end of one scrub and the next; `nil`: none.
    public var scrubInterval: Duration? = .seconds(86_400)
    /// What a scrub reads in a second at most.
    public var scrubBytesPerSecond = 64 << 20
    /// How long a stop may take to write what makes the next start fast: a snapshot, and the history's last rows.
    public var stopWithin = Duration.seconds(30)
    /// How long a request takes that is logged; `nil`: none is.
    public var slowRequest: Duration?
    /// How long a stop waits for running requests.
    public var drainLimit = Duration.seconds(10)

    public init(role: Role, dataDirectory: String) {
        self.role = role
        self.dataDirectory = dataDirectory
    }

    public var runsOnline: Bool { role != .offline }
    public var runsOffline: Bool { role != .online }

    /// The roles' names as Hello and status give them.
    public var roleNames: [String] { (runsOnline ? ["online"] : []) + (runsOffline ? ["offline"] : []) }

    public var endpoints: [Endpoint] {
        if !listen.isEmpty { return listen }
        return [.tcp(host: "127.0.0.1", port: role == .offline ? 7071 : 7070)]
    }
}
