internal import FeatureModel
internal import Synchronization

/// One entry of an applied record: rows of one group, as the log holds them.
final class MemoryPart: Sendable {
    let entry: AppliedEntry
    let position: Position
    let ingestTime: Microseconds

    init(entry: AppliedEntry, position: Position, ingestTime: Microseconds) {
        self.entry = entry
        self.position = position
        self.ingestTime = ingestTime
    }

    var rowCount: Int { entry.batch.rowCount }
    /// The bytes that a memory budget counts: the batch and an allowance for the objects around it.
    var byteCount: Int { entry.batch.byteCount + 256 }
    var bytesPerRow: Int { byteCount / max(rowCount, 1) + 1 }
}

/// Rows of one group in memory, sorted when somebody first reads them.
///
/// Immutable; the sorted index is a cache that the mutex guards, so any thread may read.
final class MemoryRun: Sendable {
    /// The parts in position order, so that the order of parts and rows is that of (position, row).
    let parts: [MemoryPart]
    let rowCount: Int
    let byteCount: Int
    let hasTombstones: Bool
    private let index = Mutex<MemoryIndex?>(nil)

    init(parts: [MemoryPart]) {
        self.parts = parts
        rowCount = parts.reduce(0) { $0 + $1.rowCount }
        byteCount = parts.reduce(0) { $0 + $1.byteCount }
        hasTombstones = parts.contains { $0.entry.operation == .delete }
    }

    var recordTimes: RecordTimes {
        // A record may have several parts, one behind the other.
        var positions: [Position] = []
        var times: [Microseconds] = []
        for part in parts where positions.last != part.position {
            positions.append(part.position)
            times.append(part.ingestTime)
        }
        return RecordTimes(positions: positions, ingestTimes: times)
    }

    /// The rows in order.
    ///
    /// - Complexity: O(n log n) at the first call, then O(1).
    func sorted(blockRowsMax: Int, blockBytesMax: Int) -> MemoryIndex {
        if let known = index.withLock({ $0 }) { return known }
        // The index is built outside the lock: a join's thread, which yields to all
        // others, would hold up a flush that waits for the lock. Both may sort.
        let built = MemoryIndex(parts: parts, blockRowsMax: blockRowsMax, blockBytesMax: blockBytesMax)
        return index.withLock { index in
            if index == nil { index = built }
            return index!
        }
    }
}

/// All memory runs of one group: few, because runs of like size are joined as in a binary counter.
struct MemoryTable: Sendable {
    private(set) var runs: [MemoryRun] = []

    var rowCount: Int { runs.reduce(0) { $0 + $1.rowCount } }
    var byteCount: Int { runs.reduce(0) { $0 + $1.byteCount } }

    /// - Complexity: O(log n) amortized for each part.
    mutating func append(_ part: MemoryPart) {
        runs.append(MemoryRun(parts: [part]))
        while runs.count >= 2, runs[runs.count - 2].rowCount <= 2 * runs[runs.count - 1].rowCount {
            let last = runs.removeLast()
            runs[runs.count - 1] = MemoryRun(parts: runs[runs.count - 1].parts + last.parts)
        }
    }

    /// Puts rows of earlier positions back in front.
    mutating func prepend(_ earlier: MemoryTable) { runs = earlier.runs + runs }
}
