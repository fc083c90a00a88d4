internal import FeatureModel

/// The chunks of one sorted run.
struct ChunkRun: Sendable {
    let level: Int
    let number: UInt64
    let chunks: [ChunkFile]

    var byteCount: Int { chunks.reduce(0) { $0 + $1.entry.fileBytes } }

    /// An estimate of the share of rows older than `cutoff`, as if their event times were spread evenly; 0 where none is.
    func hiddenShare(of cutoff: Microseconds) -> Double {
        let least = chunks.map(\.entry.bounds.eventTimeLeast).min() ?? .max
        let greatest = chunks.map(\.entry.bounds.eventTimeGreatest).max() ?? .min
        guard least < cutoff else { return 0 }
        if greatest < cutoff { return 1 }
        return (Double(cutoff) - Double(least)) / (Double(greatest) - Double(least))
    }
}

/// One manifest with its files open. Immutable.
struct StoreVersion: Sendable {
    let manifest: Manifest
    /// Runs by group, in the order of the manifest.
    let runs: [GroupID: [ChunkRun]]

    /// Opens the files of a manifest; those in `reusing` are open already.
    init(_ manifest: Manifest, reusing open: [UInt64: ChunkFile], place: ChunkPlace) throws(HeadwaterError) {
        var files: [GroupID: [(level: Int, number: UInt64, chunks: [ChunkFile])]] = [:]
        for entry in manifest.chunks {
            let file =
                if let known = open[entry.number] {
                    known
                } else {
                    try ChunkFile(entry, logID: manifest.logID, path: place.path(entry.number), storage: place.storage)
                }
            var runs = files[entry.groupID] ?? []
            if let last = runs.last, last.number == entry.run {
                runs[runs.count - 1].chunks.append(file)
            } else {
                runs.append((entry.level, entry.run, [file]))
            }
            files[entry.groupID] = runs
        }
        self.manifest = manifest
        runs = files.mapValues { $0.map { ChunkRun(level: $0.level, number: $0.number, chunks: $0.chunks) } }
    }

    var files: [UInt64: ChunkFile] {
        var files: [UInt64: ChunkFile] = [:]
        for run in runs.values.joined() {
            for chunk in run.chunks { files[chunk.entry.number] = chunk }
        }
        return files
    }
}

/// Memory that is being written to chunks: still read, no longer added to.
struct FrozenMemory: Sendable {
    let tables: [GroupID: MemoryTable]
    let byteCount: Int
}

/// The state that the store's mutex guards.
struct StoreState: Sendable {
    var version: StoreVersion
    var applied: Position
    var live: [GroupID: MemoryTable] = [:]
    var liveBytes = 0
    var frozen: FrozenMemory?
    var cutoffs: [GroupID: CutoffHistory]
    var isCompacting = false
    /// Groups of which the last compaction failed: others come first.
    var failedCompactions: Set<GroupID> = []
    /// The positions of each group as of which reads must go on seeing the same rows.
    var kept: [GroupID: Set<Position>] = [:]
    /// Bytes of chunk files that flushes and compactions have written since the store was opened.
    var flushedBytes = 0
    var compactedBytes = 0
    /// Set by a commit whose outcome is unknown: nothing is written any more.
    var failure: HeadwaterError?

    init(version: StoreVersion) {
        self.version = version
        applied = version.manifest.applied
        cutoffs = version.manifest.cutoffs
    }

    /// The least of a group's kept positions that can still be read; no cutoff behind it may remove rows.
    func keptFrom(_ group: GroupID) -> Position {
        let oldest = version.manifest.oldestAsOf[group] ?? 0
        return (kept[group] ?? []).lazy.filter { $0 >= oldest }.min() ?? .max
    }

    var memoryBytes: Int { liveBytes + (frozen?.byteCount ?? 0) }
}
