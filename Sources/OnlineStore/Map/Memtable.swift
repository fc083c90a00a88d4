internal import FeatureModel
internal import Synchronization

/// A map in memory: the live one that takes writes, or a frozen one that waits for its snapshot and does not change any more.
final class Memtable: Sendable {
    let stripes: Stripes
    private let seed: UInt64
    private let counts = Mutex<[GroupID: GroupStatistics]>([:])
    private let bytes = Atomic<Int>(0)
    private let memory = Atomic<Int>(0)

    init(seed: UInt64) {
        self.seed = seed
        stripes = Stripes(seed: seed)
    }

    /// Rows and bytes of each group, superseded versions not counted.
    var statistics: [GroupID: GroupStatistics] { counts.withLock { $0 } }

    /// Bytes of all rows, superseded versions not counted.
    var byteCount: Int { bytes.load(ordering: .relaxed) }

    /// Bytes that the map takes in memory, as of the last record.
    var memoryBytes: Int { memory.load(ordering: .relaxed) }

    /// Bytes of all rows, superseded versions among them. Only on the thread that applies.
    var arenaBytes: Int { stripes.arenaBytes }

    var rowCount: Int { counts.withLock { $0.values.reduce(0) { $0 + $1.rows } } }

    /// The rows of stripe `index` as a reader at `visible` sees them, in hash order; the reader has pinned the map.
    func run(_ index: Int, at visible: Position) -> StripeRun {
        StripeRun(stripes.slots(index), at: visible, seed: seed)
    }

    // MARK: By the thread that applies

    /// Starts to load what upserts of these keys will touch.
    func prefetch(_ hashes: ArraySlice<UInt64>, rowBytes: Int) { stripes.prefetch(hashes, rowBytes: rowBytes) }

    /// - Parameters:
    ///   - counted: the group's counts, to be added by the caller with `add` once for many rows.
    ///   - pause: called now and then where one row makes much work.
    func upsert(
        _ row: borrowing RowBuffer, isForced: Bool = false, counted: inout GroupStatistics, needed: () -> [Position],
        pause: () -> Void
    ) {
        let outcome = stripes.upsert(row, isForced: isForced, needed: needed, pause: pause)
        memory.store(stripes.memoryBytes, ordering: .relaxed)
        let header = row.header
        var added = header.recordCount
        switch outcome {
        case .late: return
        case .inserted: break
        case .replaced(let wasTombstone, let byteCount):
            counted.rows -= 1
            if wasTombstone { counted.tombstones -= 1 }
            counted.bytes -= byteCount
            added -= byteCount
        }
        counted.add(header)
        // The bytes are added in one step: a reader takes 0 bytes for an empty map.
        bytes.add(added, ordering: .releasing)
    }

    func add(_ counted: GroupStatistics, to groupID: GroupID) {
        counts.withLock { $0[groupID, default: GroupStatistics()].add(counted) }
    }
}
