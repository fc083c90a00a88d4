public import FeatureModel

/// When a write is acknowledged.
public enum Durability: Hashable, Sendable {
    /// After the sync that covers it.
    case sync
    /// After the write; a sync follows within this time. A power cut may lose that much.
    case interval(Microseconds)
}

/// Sizes of a log.
public struct LogOptions: Hashable, Sendable {
    /// Bytes of a segment; a longer record gets a segment of its own size.
    public var segmentBytes: Int
    /// How many positions are reserved ahead. An unclean end skips at most this many.
    public var reserveAhead: UInt64

    /// Traps unless a segment holds its header and a record, and at least two positions are reserved.
    public init(segmentBytes: Int = 64 << 20, reserveAhead: UInt64 = 65_536) {
        precondition(segmentBytes >= 1_024 && segmentBytes % LogFormat.alignment == 0, "a segment has a multiple of 64 bytes")
        precondition(reserveAhead >= 2, "at least two positions are reserved")
        self.segmentBytes = segmentBytes
        self.reserveAhead = reserveAhead
    }
}

/// What a commit made durable.
public struct LogCommit: Sendable {
    /// Everything up to here is on the disk.
    public let durablePosition: Position
    /// The records that this commit wrote, in order: what the stores apply.
    public let records: [Record]
}
