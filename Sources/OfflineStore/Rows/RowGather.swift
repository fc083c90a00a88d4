internal import FeatureModel

/// Rows picked from several blocks, in order, whose columns are then copied out one column at a time.
struct RowGather {
    private struct Pick {
        /// -1: no row, all null.
        let slot: Int32
        let row: Int32
    }

    private(set) var blocks: [RowBlock] = []
    private var picks: [Pick] = []
    /// Each different key of the rows once, and how many rows it has here.
    private var keys = ColumnBuilder(.bytes)
    private var keyRows: [Int] = []
    private(set) var firstKey: ArraySlice<UInt8> = []
    private(set) var lastKey: ArraySlice<UInt8> = []
    private(set) var byteCount = 0

    var count: Int { picks.count }
    var isEmpty: Bool { picks.isEmpty }

    /// Picks a row with its key; rows come in key order.
    mutating func append(_ block: RowBlock, _ row: Int, key: ArraySlice<UInt8>) {
        if picks.isEmpty || KeyBytes.compare(lastKey, key) != 0 {
            if picks.isEmpty { firstKey = key }
            lastKey = key
            keys.append(text: key)
            keyRows.append(0)
        }
        keyRows[keyRows.count - 1] += 1
        append(block, row)
    }

    /// Picks a row whose key does not matter.
    mutating func append(_ block: RowBlock, _ row: Int) {
        if block.gatherSlot < 0 {
            block.gatherSlot = blocks.count
            blocks.append(block)
        }
        picks.append(Pick(slot: Int32(block.gatherSlot), row: Int32(row)))
        byteCount += block.bytesPerRow
    }

    /// Picks nothing: null in every column.
    mutating func appendNothing() { picks.append(Pick(slot: -1, row: 0)) }

    mutating func removeAll() {
        for block in blocks { block.gatherSlot = -1 }
        self = RowGather()
    }

    /// The different keys, and the number of rows of each.
    func keyColumn() -> (keys: Column, rows: [Int]) { (keys.finish(), keyRows) }

    /// Appends a column of the picked rows; `source` gives it for each block, `nil` where it is null throughout.
    func append(
        to builder: inout ColumnBuilder, _ source: (RowBlock) throws(HeadwaterError) -> Column?
    ) throws(HeadwaterError) {
        var columns: [Column?] = []
        columns.reserveCapacity(blocks.count)
        for block in blocks { columns.append(try source(block)) }
        for pick in picks {
            guard pick.slot >= 0, let column = columns[Int(pick.slot)] else {
                builder.appendNull()
                continue
            }
            if column.type == builder.type {
                builder.append(copying: column, Int(pick.row))
            } else {
                // A block may hold rows of later positions that do not fit: only picked cells are converted.
                try builder.append(converting: column, Int(pick.row))
            }
        }
    }

    func column(_ type: FeatureType, _ source: (RowBlock) throws(HeadwaterError) -> Column?) throws(HeadwaterError) -> Column {
        var builder = ColumnBuilder(type, capacity: count)
        try append(to: &builder, source)
        return builder.finish()
    }

    /// A column of numbers that every block has as an array.
    func column(_ type: FeatureType, cells: (RowBlock, Int) -> Int64) -> Column {
        var builder = ColumnBuilder(type, capacity: count)
        for pick in picks {
            let cell = cells(blocks[Int(pick.slot)], Int(pick.row))
            if type == .int32 { builder.append(int32: Int32(truncatingIfNeeded: cell)) } else { builder.append(int64: cell) }
        }
        return builder.finish()
    }
}
