internal import FeatureModel

/// Merges sorted runs into one order: (key, event_time, position, row), key by key.
///
/// Holds one block a run. - Complexity: a step from key to key compares one key a run; a step inside a key compares only
/// the runs that have it.
struct RunMerge {
    private var cursors: [RunCursor] = []
    /// Cursors that stand on the current key.
    private var active: [Int] = []
    private var head = 0

    /// Key bytes of the current row.
    private(set) var key: ArraySlice<UInt8> = []

    init(_ runs: [SortedRun], filter: RowFilter, limits: BlockLimits, gauge: BlockGauge? = nil) throws(HeadwaterError) {
        for run in runs {
            let cursor = try RunCursor(run, filter: filter, limits: limits, gauge: gauge)
            if !cursor.isAtEnd { cursors.append(cursor) }
        }
    }

    /// Whether the current key has a row left; it is the one that `block`, `row` and `eventTime` speak of.
    var hasRow: Bool { !active.isEmpty }
    var block: RowBlock { cursors[head].block! }
    var row: Int { cursors[head].row }
    var eventTime: Microseconds { cursors[head].eventTime }

    /// Goes to the first row of the next key, leaving out what is left of this one.
    ///
    /// - Returns: `false` behind the last key.
    mutating func nextKey() throws(HeadwaterError) -> Bool {
        for index in active { try cursors[index].skipKey() }
        return chooseKey()
    }

    /// Goes to the first row of the first key that is `target` or greater.
    ///
    /// - Returns: whether that key is `target`.
    mutating func seek(_ target: ArraySlice<UInt8>) throws(HeadwaterError) -> Bool {
        for index in cursors.indices { try cursors[index].seek(target) }
        return chooseKey() && KeyBytes.compare(key, target) == 0
    }

    /// Goes to the next row of the current key, if there is one.
    mutating func nextRow() throws(HeadwaterError) {
        let isSame = try cursors[head].advance()
        if !isSame { active.removeAll { $0 == head } }
        chooseRow()
    }

    /// Takes what is left of the current block in one piece, where a single run is left and the filter shows all of the block's rows.
    ///
    /// - Parameter withoutTombstones: whether tombstones are not wanted.
    /// - Returns: `nil`, with nothing taken, where rows have to be looked at one by one. Behind a piece `nextKey` goes on.
    mutating func takeBlock(withoutTombstones: Bool) throws(HeadwaterError) -> (block: RowBlock, rows: Range<Int>)? {
        guard cursors.count == 1, hasRow, cursors[0].showsAll, let block = cursors[0].block,
            !withoutTombstones || !block.hasTombstones
        else { return nil }
        let rows = cursors[0].row..<block.rowCount
        try cursors[0].skipBlock()
        active.removeAll(keepingCapacity: true)
        return (block, rows)
    }

    private mutating func chooseKey() -> Bool {
        cursors.removeAll { $0.isAtEnd }
        active.removeAll(keepingCapacity: true)
        for index in cursors.indices {
            let order = active.isEmpty ? -1 : KeyBytes.compare(cursors[index].key, cursors[active[0]].key)
            if order < 0 { active.removeAll(keepingCapacity: true) }
            if order <= 0 { active.append(index) }
        }
        guard let first = active.first else { return false }
        key = cursors[first].key
        chooseRow()
        return true
    }

    private mutating func chooseRow() {
        guard var least = active.first else { return }
        for index in active.dropFirst() where cursors[index].precedes(cursors[least]) { least = index }
        head = least
    }
}
