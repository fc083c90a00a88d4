public import FeatureModel

extension OfflineView {
    /// All visible rows of a group in order, a block at a time.
    ///
    /// - Parameters:
    ///   - group: the schema to read with; features that old rows lack are null, widened ones are read as their type in it.
    ///   - columns: ordinals of the features to give; `nil` for all.
    ///   - start: least event time; of no effect in a static table, as is `end`.
    ///   - end: event times stop before it.
    ///   - keys: only rows of these; blocks without one are not read.
    ///   - includeDeletes: whether tombstones are given too.
    ///   - fields: what is wanted beside features.
    ///   - executor: decodes.
    /// - Complexity: memory of one block a run and a few batches for each thread of the executor, or more of them up to 8 MiB
    ///   in all.
    /// - Throws: `.outOfRange` for an `asOf` that is not there, `.invalidArgument` for an ordinal that is no feature,
    ///   `.dataLoss` for a
    ///   damaged chunk.
    public func scan(
        _ group: GroupSchema, columns: [Int]? = nil, start: Microseconds? = nil, end: Microseconds? = nil,
        keys: KeySet? = nil, asOf: Position, includeDeletes: Bool = false, fields: RowFields = .all,
        executor: ParallelExecutor = .serial
    ) throws(HeadwaterError) -> RowScan {
        var filter = try filter(group.groupID, asOf: asOf)
        filter.keys = keys
        var isEmpty = false
        if !group.isStatic {
            filter.eventTimeLeast = max(filter.eventTimeLeast, start ?? .min)
            if let end {
                isEmpty = end == .min
                filter.eventTimeGreatest = isEmpty ? .min : end - 1
            }
        }
        let runs = isEmpty ? [] : runs(group.groupID)
        let builder = try RowBatchBuilder(group, columns: columns, fields: fields)
        if runs.count == 1, case .chunks(let chunks) = runs[0] {
            let blocks = try ChunkBlocks(chunks, filter: filter)
            return RowScan(blocks, withoutTombstones: !includeDeletes, builder, executor)
        }
        let merge = try RunMerge(runs, filter: filter, limits: options.blockLimits)
        let gathers = BlockGathers(merge, withoutTombstones: !includeDeletes, limits: options.blockLimits)
        return RowScan(gathers, builder, executor)
    }

    /// The greatest row of each key with an event time up to `time`, tombstones included (`isDelete`).
    ///
    /// - Parameters:
    ///   - time: `nil` for the latest of all.
    ///   - executor: copies cells.
    /// - Complexity: reads every row once; memory of one block a run and a few batches for each thread of the executor.
    /// - Throws: as `scan`.
    public func latest(
        _ group: GroupSchema, columns: [Int]? = nil, at time: Microseconds? = nil, keys: KeySet? = nil, asOf: Position,
        fields: RowFields = .all, executor: ParallelExecutor = .serial
    ) throws(HeadwaterError) -> RowScan {
        var filter = try filter(group.groupID, asOf: asOf)
        filter.keys = keys
        if let time { filter.eventTimeGreatest = time }
        let latest = LatestMerge(try merge(group.groupID, filter))
        return RowScan(
            BlockGathers(latest, limits: options.blockLimits), try RowBatchBuilder(group, columns: columns, fields: fields),
            executor)
    }
}

/// Gives rows batch by batch, on demand. Belongs to one thread at a time.
public struct RowScan {
    /// Batches made at once for each thread of the executor: several, as a thread
    /// that was woken arrives late, and not all batches take equally long.
    private static let batchesPerThreadMax = 32
    /// Batches of merged rows made at once for each thread; each is more work.
    private static let mergedPerThread = 4
    /// The bytes of batches made at once, about, but at least a batch for each thread. That much memory is allocated and freed
    /// again and again, which other threads of the process notice.
    public var bytesAtOnce = 8 << 20

    /// Blocks of the only run there is, each by itself; else merged rows.
    private var blocks: ChunkBlocks?
    private var gathers: BlockGathers?
    private let withoutTombstones: Bool
    private let builder: RowBatchBuilder
    private let executor: ParallelExecutor
    /// Made already, the next one last.
    private var ready: [RowBatch] = []
    /// An estimate of their bytes.
    public private(set) var readyBytes = 0
    /// Doubles each time: whoever asks for one batch and goes had no more made for it.
    private var mostAtOnce = 1

    fileprivate init(_ blocks: ChunkBlocks, withoutTombstones: Bool, _ builder: RowBatchBuilder, _ executor: ParallelExecutor) {
        self.blocks = blocks
        self.withoutTombstones = withoutTombstones
        self.builder = builder
        self.executor = executor
    }

    fileprivate init(_ gathers: BlockGathers, _ builder: RowBatchBuilder, _ executor: ParallelExecutor) {
        self.gathers = gathers
        withoutTombstones = false
        self.builder = builder
        self.executor = executor
    }

    /// The next rows; `nil` at the end. Batches are never empty.
    ///
    /// - Parameter isCancelled: asked while rows are looked for; there may be none in many blocks.
    /// - Throws: `.dataLoss` for a damaged chunk, `.cancelled`; the scan is then of no more use.
    public mutating func next(isCancelled: () -> Bool = { false }) throws(HeadwaterError) -> RowBatch? {
        while ready.isEmpty, try fill(isCancelled) {}
        guard let batch = ready.popLast() else { return nil }
        readyBytes = ready.isEmpty ? 0 : readyBytes - batch.byteCount
        return batch
    }

    /// - Returns: `false` at the end.
    private mutating func fill(_ isCancelled: () -> Bool) throws(HeadwaterError) -> Bool {
        let most = mostAtOnce
        mostAtOnce = min(2 * mostAtOnce, executor.size == 1 ? 1 : Self.batchesPerThreadMax * executor.size)
        let isAtEnd = blocks == nil ? try fillMerged(most, isCancelled) : try fillFromBlocks(most, isCancelled)
        readyBytes = ready.reduce(0) { $0 + $1.byteCount }
        return !isAtEnd
    }

    private mutating func fillFromBlocks(_ most: Int, _ isCancelled: () -> Bool) throws(HeadwaterError) -> Bool {
        if isCancelled() { throw HeadwaterError(.cancelled, "the reading of rows was cancelled") }
        var taken: [ChunkBlock] = []
        var bytes = 0
        while taken.count < most, taken.count < executor.size || bytes < bytesAtOnce, let block = try blocks!.next() {
            taken.append(block)
            bytes += builder.byteCount(block)
        }
        let batches = try executor.map(taken.count) { [builder, withoutTombstones, taken] (index) throws(HeadwaterError) in
            try builder.batch(taken[index], withoutTombstones: withoutTombstones)
        }
        ready = batches.compactMap { $0 }.reversed()
        return taken.isEmpty
    }

    private mutating func fillMerged(_ most: Int, _ isCancelled: () -> Bool) throws(HeadwaterError) -> Bool {
        let taken = try gathers!.next(min(most, Self.mergedPerThread * executor.size), isCancelled: isCancelled)
        ready = try executor.map(taken.count) { [builder] (index) throws(HeadwaterError) in try builder.batch(taken[index]) }
            .reversed()
        return taken.isEmpty
    }
}
