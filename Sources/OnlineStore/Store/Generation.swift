internal import FeatureModel
internal import Synchronization

/// One map: the live one that takes writes, or a frozen one that waits for its snapshot and does not change any more.
final class Generation: Sendable {
    private let stripes = Stripes()
    private let counts = Mutex<[GroupID: GroupStatistics]>([:])
    private let bytes = Atomic<Int>(0)

    /// Rows and bytes of each group, superseded versions not counted.
    var statistics: [GroupID: GroupStatistics] { counts.withLock { $0 } }

    /// Bytes of all rows, superseded versions not counted.
    var byteCount: Int { bytes.load(ordering: .relaxed) }

    /// Bytes that the stripes really take, superseded versions among them, without their tables.
    var arenaBytes: Int { (0..<Stripes.count).reduce(0) { $0 + stripes.arenaBytes($1) } }

    var rowCount: Int { counts.withLock { $0.values.reduce(0) { $0 + $1.rows } } }

    func read(_ keys: EncodedKeys, _ key: Int, at visible: Position, into row: inout RowBuffer) {
        if byteCount == 0 { return }
        stripes.read(keys, key, at: visible, into: &row)
    }

    /// The rows of stripe `index` as a reader at `visible` sees them, in hash order.
    func run(_ index: Int, at visible: Position) -> StripeRun { stripes.run(index, at: visible) }

    /// Starts to load what upserts of these keys will touch.
    func prefetch(_ hashes: ArraySlice<UInt64>, rowBytes: Int) { stripes.prefetch(hashes, rowBytes: rowBytes) }

    /// Called by the one thread that applies.
    ///
    /// - Parameter counted: the group's counts, to be added by the caller with `add` once for many rows.
    func upsert(
        _ row: borrowing RowBuffer, isForced: Bool = false, counted: inout GroupStatistics, needed: () -> [Position]
    ) {
        let outcome = stripes.upsert(row, isForced: isForced, needed: needed)
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
        // In one step: a reader takes 0 bytes for an empty map.
        bytes.add(added, ordering: .relaxed)
    }

    func add(_ counted: GroupStatistics, to groupID: GroupID) {
        counts.withLock { $0[groupID, default: GroupStatistics()].add(counted) }
    }
}
