public import FeatureModel
internal import Synchronization

/// What `status` shows of the offline store.
public struct OfflineStatus: Sendable {
    public struct Group: Sendable {
        public let groupID: GroupID
        /// Rows and tombstones, chunks and memory together; those that retention hides count until they are removed.
        public let rowCount: Int
        /// Chunk files by level, from 0.
        public let chunksByLevel: [Int]
        /// Sorted runs by level: what a read merges.
        public let runsByLevel: [Int]
        public let chunkBytes: Int
        public let memoryRows: Int
        public let memoryBytes: Int
        /// The least `asOf` at which the group can be read: retention has removed rows of those before.
        public let oldestAsOf: Position
    }

    /// By rising group id.
    public let groups: [Group]
    public let appliedPosition: Position
    public let durablePosition: Position
    /// The least `asOf` at which every group can be read; below it some refuse.
    public let oldestAsOf: Position
    public let manifestNumber: UInt64
    public let isFlushing: Bool
    public let isCompacting: Bool
    /// Bytes of chunk files that flushes and compactions have written since the store was opened.
    public let flushedBytes: Int
    public let compactedBytes: Int
    /// The failure after which the store writes nothing more.
    public let failure: HeadwaterError?
}

/// What `verifyAll` has read.
public struct VerifyReport: Hashable, Sendable {
    public var chunkCount = 0
    public var rowCount = 0
    public var byteCount = 0
}

extension OfflineStore {
    /// The figures of every group. - Complexity: O(chunks + memory runs).
    public func status() -> OfflineStatus {
        let state = state.withLock { $0 }
        let frozen = state.frozen?.tables ?? [:]
        let manifest = state.version.manifest
        let ids = Set(state.version.runs.keys).union(state.live.keys).union(frozen.keys).union(manifest.oldestAsOf.keys)
        let groups = ids.sorted().map { group in
            let runs = state.version.runs[group] ?? []
            let tables = [frozen[group], state.live[group]].compactMap { $0 }
            let memoryRows = tables.reduce(0) { $0 + $1.rowCount }
            var chunksByLevel = Array(repeating: 0, count: (runs.map(\.level).max() ?? -1) + 1)
            var runsByLevel = chunksByLevel
            var chunkRows = 0
            for run in runs {
                chunksByLevel[run.level] += run.chunks.count
                runsByLevel[run.level] += 1
                chunkRows += run.chunks.reduce(0) { $0 + $1.entry.bounds.rowCount }
            }
            return OfflineStatus.Group(
                groupID: group, rowCount: chunkRows + memoryRows, chunksByLevel: chunksByLevel, runsByLevel: runsByLevel,
                chunkBytes: runs.reduce(0) { $0 + $1.byteCount }, memoryRows: memoryRows,
                memoryBytes: tables.reduce(0) { $0 + $1.byteCount }, oldestAsOf: manifest.oldestAsOf[group] ?? 0)
        }
        return OfflineStatus(
            groups: groups, appliedPosition: state.applied, durablePosition: manifest.applied,
            oldestAsOf: manifest.oldestAsOfEveryGroup,
            manifestNumber: manifest.number, isFlushing: state.frozen != nil, isCompacting: state.isCompacting,
            flushedBytes: state.flushedBytes, compactedBytes: state.compactedBytes, failure: state.failure)
    }

    /// Reads what `verifyAll` reads, and goes on with the next chunk behind one that does not hold: the scrub.
    ///
    /// A page is checked at its first touch and here; one that does not hold here is refused from then on.
    /// - Throws: what `visit` throws, and what the disk says.
    public func verifyAll(_ visit: ScrubVisit) throws(HeadwaterError) {
        let numbers = state.withLock { $0.version.files.values.map(\.entry.number) }.sorted()
        try Self.tell(visit) { () throws(HeadwaterError) in _ = try manifestFile.read() }
        for number in numbers {
            // Looked up only now: a chunk that is held keeps its bytes on the disk, also when a compaction has replaced it.
            guard let chunk = state.withLock({ $0.version }).files[number] else { continue }
            try Self.tell(visit) { () throws(HeadwaterError) in try chunk.verify(visit) }
        }
    }

    private static func tell(_ visit: ScrubVisit, _ check: () throws(HeadwaterError) -> Void) throws(HeadwaterError) {
        do throws(HeadwaterError) { try check() } catch {
            guard error.code == .dataLoss else { throw error }
            try visit(.damaged(error))
        }
    }

    /// Reads the manifest and every chunk that it names from end to end, and checks every checksum, every page and the order
    /// of rows.
    ///
    /// - Throws: `.dataLoss` with file and offset at the first damage; `.cancelled`.
    public func verifyAll(isCancelled: () -> Bool = { false }) throws(HeadwaterError) -> VerifyReport {
        let version = state.withLock { $0.version }
        let onDisk = try manifestFile.read()
        guard onDisk.logID == version.manifest.logID, onDisk.number >= version.manifest.number else {
            throw HeadwaterError(
                .dataLoss, "the manifest on the disk is older than the one in use: something else wrote it",
                at: "\(manifestFile.path):40")
        }
        var report = VerifyReport()
        for chunk in version.files.values.sorted(by: { $0.entry.number < $1.entry.number }) {
            if isCancelled() { throw HeadwaterError(.cancelled, "the verification was cancelled") }
            try chunk.verify()
            report.chunkCount += 1
            report.rowCount += chunk.entry.bounds.rowCount
            report.byteCount += chunk.entry.fileBytes
        }
        return report
    }
}
