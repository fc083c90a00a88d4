internal import FeatureModel

/// Merges sorted runs into one order: (key, event_time, position, row), many rows at a time.
///
/// **How.** Of every run one block is in memory. All their rows up to the least of the blocks' last ones can be told in order, as what follows in
/// any run lies behind it: they are sorted together (`KeyOrder`), and at least one block is used up by it.
///
/// - Complexity: O(n) for keys of up to eight bytes, O(n log n) in general; of a single run nothing is sorted.
struct RunMerge {
    private var cursors: [RunCursor]

    init(_ runs: [SortedRun], filter: RowFilter, limits: BlockLimits, gauge: BlockGauge? = nil) throws(HeadwaterError) {
        cursors = try runs.map { (run) throws(HeadwaterError) in
            try RunCursor(run, filter: filter, limits: limits, gauge: gauge)
        }
    }

    /// The next visible rows, never none; `nil` at the end. A key may go on in the rows that follow.
    ///
    /// - Parameter withoutTombstones: whether tombstones are left out.
    /// - Throws: `.dataLoss` where a chunk is damaged; the merge is then of no more use.
    mutating func next(withoutTombstones: Bool = false) throws(HeadwaterError) -> MergedRows? {
        while true {
            var ended: [Int] = []
            for index in cursors.indices { if try !cursors[index].load() { ended.append(index) } }
            for index in ended.reversed() { cursors.remove(at: index) }
            if cursors.isEmpty { return nil }
            let last = lastRow
            var pieces: [BlockRows] = []
            for index in cursors.indices {
                let piece = try cursors[index].take(upTo: last, withoutTombstones: withoutTombstones)
                if !piece.isEmpty { pieces.append(piece) }
            }
            if !pieces.isEmpty { return MergedRows(merging: pieces) }
        }
    }

    /// The least of the blocks' last rows, of those blocks that others may follow; `nil` where none may.
    private var lastRow: (block: RowBlock, row: Int)? {
        var least: (block: RowBlock, row: Int)?
        for index in cursors.indices where cursors[index].hasMore {
            let block = cursors[index].block!
            guard let known = least else {
                least = (block, block.rowCount - 1)
                continue
            }
            let difference = KeyBytes.compare(
                block.keys.bytes(block.keys.count - 1), known.block.keys.bytes(known.block.keys.count - 1))
            if difference < 0 || difference == 0 && block.order(block.rowCount - 1) < known.block.order(known.row) {
                least = (block, block.rowCount - 1)
            }
        }
        return least
    }
}

/// Merged rows, cut to what makes one block or one batch.
struct BlockGathers {
    /// One of them is there.
    private var merge: RunMerge?
    private var latest: LatestMerge?
    private let withoutTombstones: Bool
    private let limits: BlockLimits
    /// What has come and is not gathered yet.
    private var rest: (rows: MergedRows, start: Int)?

    init(_ merge: RunMerge, withoutTombstones: Bool = false, limits: BlockLimits) {
        self.merge = merge
        self.withoutTombstones = withoutTombstones
        self.limits = limits
    }

    init(_ latest: LatestMerge, limits: BlockLimits) {
        self.latest = latest
        withoutTombstones = false
        self.limits = limits
    }

    /// The next rows, never none; `nil` at the end.
    mutating func next() throws(HeadwaterError) -> RowGather? {
        var rows = RowGather()
        while rows.count < limits.rowsMax, rows.byteCount < limits.bytesMax {
            if rest == nil { rest = try nextMerged().map { ($0, 0) } }
            guard let (merged, start) = rest else { break }
            let room = max(1, (limits.bytesMax - rows.byteCount) / max(merged.bytesPerRow, 1))
            let end = min(merged.count, start + min(room, limits.rowsMax - rows.count))
            rows.append(merged, start..<end)
            rest = end < merged.count ? (merged, end) : nil
        }
        return rows.isEmpty ? nil : rows
    }

    /// Up to `count` of them; fewer only at the end.
    mutating func next(_ count: Int) throws(HeadwaterError) -> [RowGather] {
        var gathers: [RowGather] = []
        while gathers.count < count, let rows = try next() { gathers.append(rows) }
        return gathers
    }

    private mutating func nextMerged() throws(HeadwaterError) -> MergedRows? {
        if let rows = try merge?.next(withoutTombstones: withoutTombstones) { return rows }
        return try latest?.next()
    }
}

/// The latest row of each key, of rows that come merged.
struct LatestMerge {
    private var merge: RunMerge
    /// The last key so far, which may go on, and its latest row.
    private var pending: (key: ArraySlice<UInt8>, block: RowBlock, row: Int32, eventTime: Microseconds)?

    init(_ merge: RunMerge) { self.merge = merge }

    /// The next latest rows, a key each; may be none where a key goes on. `nil` at the end.
    mutating func next() throws(HeadwaterError) -> MergedRows? {
        guard let rows = try merge.next() else {
            guard let last = pending else { return nil }
            pending = nil
            return MergedRows(BlockRows(last.block, Int(last.row)..<Int(last.row) + 1))
        }
        var blocks = rows.blocks
        var slots: [Int32] = []
        var places: [Int32] = []
        var times: [Microseconds] = []
        var keys = ColumnBuilder(.bytes)
        if let last = pending, KeyBytes.compare(last.key, rows.keys.bytes(0)) != 0 {
            slots.append(Int32(blocks.count))
            blocks.append(last.block)
            places.append(last.row)
            times.append(last.eventTime)
            keys.append(text: last.key)
        }
        for key in 0..<rows.keys.count - 1 {
            let row = rows.keyStarts[key + 1] - 1
            slots.append(Int32(rows.slot(row)))
            places.append(rows.rows[row])
            times.append(rows.eventTimes[row])
            keys.append(text: rows.keys.bytes(key))
        }
        let row = rows.count - 1
        pending = (rows.keys.bytes(rows.keys.count - 1), rows.blocks[rows.slot(row)], rows.rows[row], rows.eventTimes[row])
        return MergedRows(
            blocks: blocks, slots: slots, rows: places, eventTimes: times, keys: keys.finish(),
            keyStarts: Array(0...places.count))
    }
}
