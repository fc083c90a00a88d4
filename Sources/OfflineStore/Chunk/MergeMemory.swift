internal import FeatureModel

/// How a merge that writes keeps to a bound on memory: by how many runs it takes at once, and how many blocks a step.
///
/// Two steps are in memory, one that is gathered and one that is encoded. Of each run the current block is open, and what a
/// step's rows come from begins and ends within a block; a step's own blocks are there as they come and as they go; and a thread
/// has one that it encodes. That are 5 blocks a run, 4 a block of a step, and one a thread.
struct MergeMemory {
    /// Enough for the times when many runs need their next block, or a file is synced, not to hold up the others for long.
    private static let blocksPerStepMax = 8
    /// Bytes that order a row, beside its key's bytes: times, position, row number, and its places in blocks that are merged.
    private static let orderBytes = 96

    /// Blocks that the bound has room for.
    private let blocks: Int

    /// - Parameters:
    ///   - columns: those of the output; of numbers alone a block takes less than it may.
    ///   - keyBytes: of a row, as far as they are known.
    init(_ options: OfflineOptions, _ columns: ChunkColumns, keyBytes: Int, threads: Int) {
        let widths = columns.features.map { $0.type == .bool ? 1 : $0.type.fixedWidth }
        let rowBytes = widths.reduce(Self.orderBytes + keyBytes) { $0 + ($1 ?? options.blockBytesMax) }
        let blockBytes = min(rowBytes * options.blockRowsMax, options.blockBytesMax)
        blocks = options.mergeBytesMax / max(blockBytes, 1) - threads
    }

    /// How many runs a merge may take; two at least, as nothing would ever be merged with fewer.
    var runCountMax: Int { max((blocks - 4) / 5, 2) }

    /// How many blocks of output a step makes.
    func blocksPerStep(runs: Int) -> Int { min(max((blocks - 5 * runs) / 4, 1), Self.blocksPerStepMax) }

    /// How many blocks of input one block of output may come from. Where
    /// few rows are visible that may be many; then the block is cut short.
    func inputBlocksMax(runs: Int) -> Int { max((blocks - runs) / 2 - 2, 2 * runs + 1) }
}
