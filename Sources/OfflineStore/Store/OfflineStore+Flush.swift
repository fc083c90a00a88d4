public import FeatureModel
internal import Synchronization

/// One flush: the memory that was frozen for it, and the files made of it.
public final class FlushJob: Sendable {
    /// The position that the manifest will have.
    public let position: Position
    let tables: [GroupID: MemoryTable]
    let extra: [UInt8]
    let cutoffs: [GroupID: CutoffHistory]
    private let place: ChunkPlace
    private let outcome = Mutex<Result<[ChunkEntry], HeadwaterError>?>(nil)

    init(
        position: Position, tables: [GroupID: MemoryTable], extra: [UInt8], cutoffs: [GroupID: CutoffHistory], place: ChunkPlace
    ) {
        self.position = position
        self.tables = tables
        self.extra = extra
        self.cutoffs = cutoffs
        self.place = place
    }

    /// Writes and syncs a chunk file for each group, with the executor's
    /// threads; on any thread, once. An error is kept for `finishFlush`.
    ///
    /// - Parameter isCancelled: asked often; once it says so, the job ends with `.cancelled`, and the rows stay in memory.
    public func run(executor: ParallelExecutor = .serial, isCancelled: () -> Bool = { false }) {
        var entries: [ChunkEntry] = []
        let result: Result<[ChunkEntry], HeadwaterError>
        do {
            for (group, table) in tables.sorted(by: { $0.key < $1.key }) {
                entries += try write(group, table, executor, isCancelled)
            }
            result = .success(entries)
        } catch {
            place.discard(entries.map(\.number))
            result = .failure(error)
        }
        outcome.withLock { $0 = result }
    }

    private func write(
        _ group: GroupID, _ table: MemoryTable, _ executor: ParallelExecutor, _ isCancelled: () -> Bool
    ) throws(HeadwaterError) -> [ChunkEntry] {
        var columns = ChunkColumns(groupID: group)
        for run in table.runs {
            for part in run.parts { columns.formUnion(part.entry.schema) }
        }
        let records = RecordTimes(union: table.runs.map(\.recordTimes))
        // The rows are sorted as one run: a merge of the table's runs would have to sort each of them first.
        let run = table.runs.count == 1 ? table.runs[0] : MemoryRun(parts: table.runs.flatMap(\.parts))
        let memory = MergeMemory(place.options, columns, keyBytes: run.byteCount / max(run.rowCount, 1), threads: executor.size)
        let writer = RunWriter(
            columns: columns, records: records, level: 0, splitBytes: nil, place: place, memory: memory, executor: executor)
        return try writer.write(
            try RunMerge([.memory(run)], filter: RowFilter(), limits: place.options.blockLimits), isCancelled: isCancelled)
    }

    func result() throws(HeadwaterError) -> [ChunkEntry] {
        let result = outcome.withLock { $0 }
        precondition(result != nil, "the job has not run")
        return try result!.get()
    }
}

extension OfflineStore {
    /// Freezes what is in memory, to be written by `run` and named by `finishFlush`; reads go on seeing it.
    ///
    /// - Parameter extra: kept in the manifest with the position, in the same atomic step.
    /// - Returns: `nil` where everything is durable, or a flush is under way.
    /// - Throws: `.failedPrecondition` in a read-only store, and what stopped the store for good.
    public func beginFlush(extra: [UInt8] = []) throws(HeadwaterError) -> FlushJob? {
        try checkWritable()
        let place = place
        let job: FlushJob? = state.withLock { state in
            guard state.frozen == nil, state.applied > state.version.manifest.applied else { return nil }
            let frozen = FrozenMemory(tables: state.live, byteCount: state.liveBytes)
            state.frozen = frozen
            state.live = [:]
            state.liveBytes = 0
            return FlushJob(
                position: state.applied, tables: frozen.tables, extra: extra, cutoffs: state.cutoffs, place: place)
        }
        if Sabotage.positionSavedBeforeData.isPlanted, let job {
            try commit {
                ($0.applied, $0.extra, $0.cutoffs) = (job.position, job.extra, job.cutoffs)
            } publish: { _ in
            }
        }
        return job
    }

    /// Commits the files of a flush; from then on reads see them in place of the frozen memory.
    ///
    /// - Throws: what stopped the job, or the commit. The rows are then in memory as before, and unless the store has
    ///   stopped for good another flush may be tried.
    public func finishFlush(_ job: FlushJob) throws(HeadwaterError) {
        do {
            let entries = try job.result()
            try commit { manifest in
                manifest.applied = job.position
                manifest.extra = job.extra
                manifest.cutoffs = job.cutoffs
                manifest.chunks += entries
            } publish: { state in
                state.frozen = nil
                state.flushedBytes += entries.reduce(0) { $0 + $1.fileBytes }
            }
        } catch {
            if case .success(let entries) = Result(catching: { () throws(HeadwaterError) in try job.result() }),
                state.withLock({ $0.failure }) == nil
            {
                place.discard(entries.map(\.number))
            }
            thaw()
            throw error
        }
    }

    /// Flushes in one go, on the owner's thread.
    ///
    /// - Throws: `.cancelled` where `isCancelled` said so; the rows are then in memory as before.
    public func flush(
        extra: [UInt8] = [], executor: ParallelExecutor = .serial, isCancelled: () -> Bool = { false }
    ) throws(HeadwaterError) {
        guard let job = try beginFlush(extra: extra) else { return }
        job.run(executor: executor, isCancelled: isCancelled)
        try finishFlush(job)
    }

    private func thaw() {
        state.withLock { state in
            guard let frozen = state.frozen else { return }
            for (group, table) in frozen.tables { state.live[group, default: MemoryTable()].prepend(table) }
            state.liveBytes += frozen.byteCount
            state.frozen = nil
        }
    }
}

extension OfflineOptions {
    var blockLimits: BlockLimits { BlockLimits(rowsMax: blockRowsMax, bytesMax: blockBytesMax) }
}
