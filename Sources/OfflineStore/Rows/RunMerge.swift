internal import FeatureModel

/// Merges sorted runs into one order: (key, event_time, position, row), key by key.
///
/// Holds one block a run. - Complexity: a step from key to key compares one key a run; one inside a key is O(log n) of the n runs that
/// have it.
struct RunMerge {
    /// A cursor that stands on the current key, and what orders its row.
    private struct Head {
        var order: RowOrder
        let index: Int
    }

    private var cursors: [RunCursor] = []
    /// A heap: no head is less than the one at half its place.
    private var active: [Head] = []

    /// Key bytes of the current row.
    private(set) var key: ArraySlice<UInt8> = []

    init(_ runs: [SortedRun], filter: RowFilter, limits: BlockLimits, gauge: BlockGauge? = nil) throws(HeadwaterError) {
        for run in runs {
            let cursor = try RunCursor(run, filter: filter, limits: limits, gauge: gauge)
            if !cursor.isAtEnd { cursors.append(cursor) }
        }
    }

    /// Whether the current key has a row left; it is the one that `block` and `row` speak of.
    var hasRow: Bool { !active.isEmpty }
    var block: RowBlock { cursors[active[0].index].block! }
    var row: Int { cursors[active[0].index].row }

    /// Goes to the first row of the next key, leaving out what is left of this one.
    ///
    /// - Returns: `false` behind the last key.
    mutating func nextKey() throws(HeadwaterError) -> Bool {
        for head in active { try cursors[head.index].skipKey() }
        cursors.removeAll { $0.isAtEnd }
        active.removeAll(keepingCapacity: true)
        for index in cursors.indices {
            let difference = active.isEmpty ? -1 : KeyBytes.compare(cursors[index].key, cursors[active[0].index].key)
            if difference < 0 { active.removeAll(keepingCapacity: true) }
            if difference <= 0 { active.append(Head(order: cursors[index].order, index: index)) }
        }
        guard let first = active.first else { return false }
        key = cursors[first.index].key
        for place in stride(from: active.count / 2 - 1, through: 0, by: -1) { sink(place) }
        return true
    }

    /// Goes to the next row of the current key, if there is one.
    mutating func nextRow() throws(HeadwaterError) {
        let index = active[0].index
        if try cursors[index].advance() {
            active[0].order = cursors[index].order
        } else {
            active.swapAt(0, active.count - 1)
            active.removeLast()
        }
        sink(0)
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

    /// Moves a head down to where no head below it is less.
    private mutating func sink(_ start: Int) {
        var place = start
        while true {
            var least = 2 * place + 1
            guard least < active.count else { return }
            if least + 1 < active.count, active[least + 1].order < active[least].order { least += 1 }
            guard active[least].order < active[place].order else { return }
            active.swapAt(place, least)
            place = least
        }
    }
}
