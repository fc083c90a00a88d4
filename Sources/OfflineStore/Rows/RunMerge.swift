internal import FeatureModel

/// Merges sorted runs into one order: (key, event_time, position, row), many rows at a time.
///
/// **How.** Of every run one block is in memory, and of each block a part is looked at. All rows up to the least of the parts'
/// last ones can be told in order, as what follows in any run lies behind it: they are sorted together (`KeyOrder`). The parts
/// are as long as it takes for a step to come to some blocks of rows: of many runs whole blocks would be more than the caches
/// hold, and what the rows wait for would wait long.
///
/// - Complexity: O(n) for keys of up to eight bytes, O(n log n) in general; of a single run nothing is sorted.
struct RunMerge {
    let runCount: Int
    private var cursors: [RunCursor]
    /// Rows that a step should come to.
    private let stepRows: ClosedRange<Int>
    /// The most rows of each block that a step looks at.
    private var partRows: Int

    init(_ runs: [SortedRun], filter: RowFilter, limits: BlockLimits, gauge: BlockGauge? = nil) throws(HeadwaterError) {
        runCount = runs.count
        stepRows = limits.rowsMax...4 * limits.rowsMax
        partRows = max(1, stepRows.upperBound / max(runs.count, 1))
        cursors = try runs.map { (run) throws(HeadwaterError) in
            try RunCursor(run, filter: filter, limits: limits, gauge: gauge)
        }
    }

    /// The next visible rows, never none; `nil` at the end. A key may go on in the rows that follow.
    ///
    /// - Parameters:
    ///   - withoutTombstones: whether tombstones are left out.
    ///   - isCancelled: asked before each step, as there may be many without a visible row.
    /// - Throws: `.dataLoss` where a chunk is damaged, `.cancelled`; the merge is then of no more use.
    mutating func next(
        withoutTombstones: Bool = false, isCancelled: () -> Bool = { false }
    ) throws(HeadwaterError) -> MergedRows? {
        while true {
            if isCancelled() { throw HeadwaterError(.cancelled, "the reading of rows was cancelled") }
            var ended: [Int] = []
            for index in cursors.indices { if try !cursors[index].load() { ended.append(index) } }
            for index in ended.reversed() { cursors.remove(at: index) }
            if cursors.isEmpty { return nil }
            let last = lastRow
            var count = 0
            var pieces: [BlockRows] = []
            for index in cursors.indices {
                let piece = try cursors[index].take(
                    cursors[index].part(partRows), upTo: last?.mark, withoutTombstones: withoutTombstones)
                count += piece.count
                if !piece.isEmpty { pieces.append(piece) }
            }
            // A part that ends with its block says nothing of what its length comes to.
            if count < stepRows.lowerBound, last?.endsBlock == false { partRows *= 2 }
            if count > stepRows.upperBound { partRows = max(1, partRows * stepRows.upperBound / count) }
            if !pieces.isEmpty { return MergedRows(merging: pieces) }
        }
    }

    /// The least of the parts' last rows, of those parts that other rows may follow; `nil` where none may.
    private var lastRow: (mark: RowMark, endsBlock: Bool)? {
        var least: (mark: RowMark, endsBlock: Bool)?
        for cursor in cursors {
            let block = cursor.block!
            let row = cursor.part(partRows).upperBound - 1
            let endsBlock = row == block.rowCount - 1
            if endsBlock, !cursor.hasMore { continue }
            if let least, !block.precedes(row, least.mark) { continue }
            least = (block.mark(row), endsBlock)
        }
        return least
    }
}

/// How many blocks of chunks rows may come from, as those stay in memory with them.
struct InputBlocks {
    static let any = InputBlocks(enough: .max, most: .max)

    /// The blocks from which several gathers may come; the first may come from more, where few rows are visible.
    let enough: Int
    /// The blocks from which the first gather may come.
    let most: Int
}

/// Merged rows, cut to what makes one block or one batch.
struct BlockGathers {
    /// The merge, or the merge of latest rows: exactly one of the two is set.
    private var merge: RunMerge?
    private var latest: LatestMerge?
    private let withoutTombstones: Bool
    private let limits: BlockLimits
    /// Merged rows that are not gathered yet.
    private var rest: (rows: MergedRows, start: Int)?
    /// The least bytes of a row, where more is known than its blocks say.
    var bytesPerRowLeast = 1

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
    mutating func next(blocksMax: Int = .max, isCancelled: () -> Bool) throws(HeadwaterError) -> RowGather? {
        var rows = RowGather()
        while rows.count < limits.rowsMax, rows.byteCount < limits.bytesMax, rows.blockCount < blocksMax {
            if rest == nil { rest = try nextMerged(isCancelled).map { ($0, 0) } }
            guard let (merged, start) = rest else { break }
            let bytesPerRow = max(merged.bytesPerRow, bytesPerRowLeast, 1)
            let room = max(1, (limits.bytesMax - rows.byteCount) / bytesPerRow)
            let end = min(merged.count, start + min(room, limits.rowsMax - rows.count))
            rows.append(merged, start..<end, bytesPerRow: bytesPerRow)
            rest = end < merged.count ? (merged, end) : nil
        }
        return rows.isEmpty ? nil : rows
    }

    /// Up to `count` of them; none only at the end.
    mutating func next(
        _ count: Int, _ inputs: InputBlocks = .any, isCancelled: () -> Bool = { false }
    ) throws(HeadwaterError) -> [RowGather] {
        var gathers: [RowGather] = []
        var blocks: Set<ObjectIdentifier> = []
        while gathers.count < count, blocks.count < inputs.enough,
            let rows = try next(
                blocksMax: gathers.isEmpty ? inputs.most : inputs.enough - blocks.count, isCancelled: isCancelled)
        {
            blocks.formUnion(rows.blocks)
            gathers.append(rows)
        }
        return gathers
    }

    private mutating func nextMerged(_ isCancelled: () -> Bool) throws(HeadwaterError) -> MergedRows? {
        if let rows = try merge?.next(withoutTombstones: withoutTombstones, isCancelled: isCancelled) { return rows }
        return try latest?.next(isCancelled: isCancelled)
    }
}

/// The latest row of each key, of rows that come merged.
struct LatestMerge {
    private var merge: RunMerge
    /// The last key so far, which may go on, and its latest row.
    private var pending: (key: ArraySlice<UInt8>, block: RowBlock, row: Int32, eventTime: Microseconds)?

    init(_ merge: RunMerge) { self.merge = merge }

    /// The next latest rows, a key each; may be none where a key goes on. `nil` at the end.
    mutating func next(isCancelled: () -> Bool = { false }) throws(HeadwaterError) -> MergedRows? {
        guard let rows = try merge.next(isCancelled: isCancelled) else {
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
