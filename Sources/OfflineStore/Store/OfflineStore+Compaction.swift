public import FeatureModel
internal import Synchronization

/// Runs of one level of one group that are worth merging, or one run whose rows retention mostly hides.
public struct CompactionCandidate: Hashable, Sendable {
    public let groupID: GroupID
    public let level: Int
    public let runCount: Int
    public let byteCount: Int
    let runNumbers: Set<UInt64>
    let targetLevel: Int

    init(_ group: GroupID, _ runs: [ChunkRun], level: Int, targetLevel: Int) {
        groupID = group
        self.level = level
        runCount = runs.count
        byteCount = runs.reduce(0) { $0 + $1.byteCount }
        runNumbers = Set(runs.map(\.number))
        self.targetLevel = targetLevel
    }
}

/// One merge of runs into one run of the next level.
public final class CompactionJob: Sendable {
    struct Output: Sendable {
        /// The runs that were merged: as many of the job's, the smallest ones, as there is memory for.
        let inputs: [ChunkRun]
        let entries: [ChunkEntry]
        let droppedRows: Int
    }

    public let groupID: GroupID
    private let inputs: [ChunkRun]
    let level: Int
    /// Rows that it hides are left out; durable already.
    let cutoff: PlacedCutoff?
    private let place: ChunkPlace
    private let gauge = BlockGauge()
    private let outcome = Mutex<Result<Output, HeadwaterError>?>(nil)

    init(groupID: GroupID, inputs: [ChunkRun], level: Int, cutoff: PlacedCutoff?, place: ChunkPlace) {
        self.groupID = groupID
        self.inputs = inputs
        self.level = level
        self.cutoff = cutoff
        self.place = place
    }

    /// How many runs it is to merge.
    var runCount: Int { inputs.count }

    /// The most row blocks of input that were held at once.
    public var blocksHeldMax: Int { gauge.peak }

    /// Merges block by block, on the executor's threads; on any thread, once. An error is kept for `finishCompaction`.
    public func run(executor: ParallelExecutor = .serial, isCancelled: () -> Bool = { false }) {
        let result: Result<Output, HeadwaterError>
        do { result = .success(try merge(executor, isCancelled)) } catch { result = .failure(error) }
        outcome.withLock { $0 = result }
    }

    private func merge(_ executor: ParallelExecutor, _ isCancelled: () -> Bool) throws(HeadwaterError) -> Output {
        var columns = ChunkColumns(groupID: groupID)
        var keyBytes = 0
        for chunk in inputs.flatMap(\.chunks) {
            columns.formUnion(try chunk.layout().header)
            keyBytes = max(keyBytes, try chunk.keyBytes())
        }
        let memory = MergeMemory(place.options, columns, keyBytes: keyBytes, threads: executor.size)
        let inputs = Array(inputs.sorted { ($0.byteCount, $0.number) < ($1.byteCount, $1.number) }.prefix(memory.runCountMax))
        let chunks = inputs.flatMap(\.chunks)
        let records = try chunks.map { (chunk) throws(HeadwaterError) in try chunk.records() }
        let rows = chunks.reduce(0) { $0 + $1.entry.bounds.rowCount }
        let merge = try RunMerge(
            inputs.map { .chunks($0.chunks) }, filter: RowFilter(eventTimeLeast: cutoff?.cutoff ?? .min),
            limits: place.options.blockLimits, gauge: gauge)
        let writer = RunWriter(
            columns: columns, records: RecordTimes(union: records), level: level, splitBytes: place.options.chunkBytesTarget,
            place: place, memory: memory, executor: executor)
        let entries = try writer.write(merge, isCancelled: isCancelled)
        return Output(inputs: inputs, entries: entries, droppedRows: rows - entries.reduce(0) { $0 + $1.bounds.rowCount })
    }

    func result() throws(HeadwaterError) -> Output {
        let result = outcome.withLock { $0 }
        precondition(result != nil, "the job has not run")
        return try result!.get()
    }
}

extension OfflineStore {
    /// Levels with enough runs to be merged, and runs of which retention hides about half or more; the smallest first.
    public func compactionCandidates() -> [CompactionCandidate] {
        let version = state.withLock { $0.version }
        var candidates: [CompactionCandidate] = []
        for (group, runs) in version.runs {
            let cutoff = effectiveCutoff(group, version)
            for (level, same) in Dictionary(grouping: runs, by: \.level) {
                if same.count >= place.options.runsPerLevelMax {
                    candidates.append(CompactionCandidate(group, same, level: level, targetLevel: level + 1))
                } else if let cutoff, let run = same.first(where: { $0.hiddenShare(of: cutoff.cutoff) >= 0.5 }) {
                    candidates.append(CompactionCandidate(group, [run], level: level, targetLevel: level))
                }
            }
        }
        return candidates.sorted { ($0.byteCount, $0.groupID, $0.level) < ($1.byteCount, $1.groupID, $1.level) }
    }

    /// Picks the smallest candidate; of a group whose last compaction failed only
    /// where there is no other, so that one with damage does not hold up all.
    ///
    /// - Returns: `nil` where there is none, or a compaction is under way.
    /// - Throws: `.failedPrecondition` in a read-only store, and what stopped the store for good.
    public func beginCompaction() throws(HeadwaterError) -> CompactionJob? {
        try checkWritable()
        let candidates = compactionCandidates()
        let failed = state.withLock { $0.failedCompactions }
        guard let candidate = candidates.first(where: { !failed.contains($0.groupID) }) ?? candidates.first else { return nil }
        return try beginCompaction(candidate.groupID, level: candidate.targetLevel) { candidate.runNumbers.contains($0.number) }
    }

    /// Commits the files of a compaction in place of its inputs.
    ///
    /// - Returns: whether all runs of the job were merged: where there is not memory for them, another job is to go on.
    /// - Throws: what stopped the job, or the commit; the history is then as it was.
    @discardableResult
    public func finishCompaction(_ job: CompactionJob) throws(HeadwaterError) -> Bool {
        var hasFailed = true
        defer {
            state.withLock { state in
                state.isCompacting = false
                if hasFailed { state.failedCompactions.insert(job.groupID) } else { state.failedCompactions.remove(job.groupID) }
            }
        }
        let output = try job.result()
        let inputs = Set(output.inputs.map(\.number))
        do throws(HeadwaterError) {
            if output.droppedRows > 0, let cutoff = job.cutoff, cutoff.position > state.withLock({ $0.keptFrom(job.groupID) }) {
                throw HeadwaterError(
                    .aborted,
                    "a compaction left out rows that a training set reads which was saved meanwhile: nothing has changed, try again"
                )
            }
            try commit { manifest in
                // Outputs take the place of the oldest input; nothing depends on the order of runs.
                let at = manifest.chunks.firstIndex { $0.groupID == job.groupID && inputs.contains($0.run) } ?? 0
                manifest.chunks.removeAll { $0.groupID == job.groupID && inputs.contains($0.run) }
                manifest.chunks.insert(contentsOf: output.entries, at: min(at, manifest.chunks.count))
                if output.droppedRows > 0, let cutoff = job.cutoff {
                    manifest.oldestAsOf[job.groupID] = max(manifest.oldestAsOf[job.groupID] ?? 0, cutoff.position)
                }
            } publish: { state in
                state.compactedBytes += output.entries.reduce(0) { $0 + $1.fileBytes }
            }
        } catch {
            if state.withLock({ $0.failure }) == nil { place.discard(output.entries.map(\.number)) }
            throw error
        }
        hasFailed = false
        return output.inputs.count == job.runCount
    }

    /// Begins to merge a group to one run, without the rows that retention
    /// hides. `finishCompaction` says whether that takes another job.
    ///
    /// - Returns: `nil` where there is nothing to do.
    /// - Throws: `.unavailable` where a compaction is under way, and as `beginCompaction`.
    public func beginWholeCompaction(_ group: GroupID) throws(HeadwaterError) -> CompactionJob? {
        try checkWritable()
        let version = state.withLock { $0.version }
        let runs = version.runs[group] ?? []
        let cutoff = effectiveCutoff(group, version)
        let hasHidden = cutoff.map { cutoff in
            runs.contains { $0.chunks.contains { $0.entry.bounds.eventTimeLeast < cutoff.cutoff } }
        }
        guard runs.count > 1 || hasHidden == true else { return nil }
        let level = max(runs.map(\.level).max() ?? 0, 1)
        guard let job = try beginCompaction(group, level: level, where: { _ in true }) else {
            throw HeadwaterError(.unavailable, "a compaction is under way: try again when it is done")
        }
        return job
    }

    /// Merges every group to one run, and removes every row that retention hides; flush first to take in what is in memory.
    ///
    /// - Throws: what the disk says, or `.cancelled`; groups done before that stay done.
    public func compact(executor: ParallelExecutor = .serial, isCancelled: () -> Bool = { false }) throws(HeadwaterError) {
        for group in state.withLock({ $0.version.runs.keys.sorted() }) {
            while let job = try beginWholeCompaction(group) {
                job.run(executor: executor, isCancelled: isCancelled)
                if try finishCompaction(job) { break }
            }
        }
    }

    private func beginCompaction(
        _ group: GroupID, level: Int, where isInput: (ChunkRun) -> Bool
    ) throws(HeadwaterError) -> CompactionJob? {
        try checkWritable()
        let place = place
        let version: StoreVersion? = state.withLock { state in
            if state.isCompacting { return nil }
            state.isCompacting = true
            return state.version
        }
        guard let version else { return nil }
        return CompactionJob(
            groupID: group, inputs: (version.runs[group] ?? []).filter(isInput), level: level,
            cutoff: effectiveCutoff(group, version), place: place)
    }

    /// Keeps the rows of some groups that reads as of some positions see: compactions do not remove them, whatever retention
    /// hides from then on. In place of what was kept before; positions that cannot be read any more keep nothing.
    ///
    /// - Parameter positions: of each group; others keep nothing.
    public func keepRows(asOf positions: [GroupID: Set<Position>]) { state.withLock { $0.kept = positions } }

    /// The cutoff that the manifest has: one that is only in memory must not remove rows that a manifest of its past still shows.
    /// Nor may one behind the position from which rows are kept.
    private func effectiveCutoff(_ group: GroupID, _ version: StoreVersion) -> PlacedCutoff? {
        let kept = state.withLock { $0.keptFrom(group) }
        return version.manifest.cutoffs[group]?.effective(asOf: min(version.manifest.applied, kept))
    }
}
