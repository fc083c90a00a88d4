public import Log

/// Settings of the online engine. Sizes in bytes, times in microseconds.
public struct OnlineOptions: Sendable {
    public var durability = Durability.sync
    public var log = LogOptions()
    /// The log never grows over this for the sake of a follower that does not come: writes are refused instead.
    public var logBytesMax = 64 << 30
    /// Rows in memory after which a snapshot is due.
    public var snapshotMemoryBytes = 256 << 20
    /// Bytes that rows may take in memory, the mapped snapshot counted; beyond it writes are refused. `nil`: no cap.
    public var memoryBytesMax: Int?
    /// Bytes of bodies in the log after which a snapshot is due, however little memory they take: what a restart replays at most.
    public var snapshotLogBytes = 1 << 30
    /// Bytes of bodies that one group commit takes.
    public var groupBytesMax = 64 << 20

    public init() {}
}
