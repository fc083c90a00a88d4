internal import FeatureModel

/// Settings of an offline store.
public struct OfflineOptions: Sendable {
    /// Rows of one block of a chunk.
    public var blockRowsMax = 8_192
    /// Bytes that a block may have before compression, about.
    public var blockBytesMax = 4 << 20
    /// The size at which a compaction starts its next file, about.
    public var chunkBytesTarget = 64 << 20
    /// About how much memory a flush or a compaction takes, beside the rows that a flush writes. With less room than runs need, a
    /// compaction merges fewer at once; two are merged in any case.
    public var mergeBytesMax = 1 << 30
    /// This many runs of one level are merged into the next.
    public var runsPerLevelMax = 4

    public init() {}
}
