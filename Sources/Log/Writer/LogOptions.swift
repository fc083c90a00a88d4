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
    /// Bytes of a segment, but for the first ones of a log, which are smaller; a longer record gets a segment of its own size.
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

    /// The bytes of a log's first segment, and the factor by which each next one is larger. A log that holds little takes little,
    /// and each segment is ready in time: zeros are written ahead that many times as fast as records come.
    private static let firstSegmentBytes = 1 << 20
    private static let growth = 4

    /// Bytes of the segment with this number.
    func segmentBytes(number: UInt64) -> Int {
        var bytes = Self.firstSegmentBytes
        for _ in 1..<max(number, 1) {
            guard bytes < segmentBytes else { break }
            bytes *= Self.growth
        }
        return min(bytes, segmentBytes)
    }
}

/// The records that a commit made durable.
struct LogCommit: Sendable {
    /// Everything up to here is on the disk.
    let durablePosition: Position
    /// The records that this commit wrote, in order: what the stores apply.
    let records: [Record]
}
