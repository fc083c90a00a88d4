/// Some rows of a batch packed by one layout: what `RowCodec.append` gives row by row, with each column looked at once.
///
/// The fixed part of all rows is filled column by column; strings, bytes and arrays are added as a row is taken out.
public struct PackedRows: Sendable {
    private let rows: Range<Int>
    private let layout: RowLayout
    /// `layout.fixedBytes` for each row.
    private var fixed: [UInt8]
    private var heaped: [(index: Int, column: Column)] = []

    /// - Parameter columns: one for each feature of the layout, `nil` where the batch has none: null.
    /// - Complexity: O(rows × features).
    public init(_ columns: [Column?], rows: Range<Int>, layout: RowLayout) {
        precondition(columns.count == layout.types.count, "a column for each feature")
        self.rows = rows
        self.layout = layout
        fixed = [UInt8](repeating: 0, count: rows.count * layout.fixedBytes)
        for index in columns.indices { fill(index, columns[index]) }
    }

    /// Appends one of the rows.
    public func append(row: Int, to bytes: inout [UInt8]) {
        precondition(rows.contains(row))
        let start = bytes.count
        let place = (row - rows.lowerBound) * layout.fixedBytes
        bytes.append(contentsOf: fixed[place..<place + layout.fixedBytes])
        for (index, column) in heaped where !column.isNull(row) {
            let heap = bytes.count
            RowCodec.append(heapOf: column, row, to: &bytes)
            bytes.store(littleEndian: UInt32(heap - start), at: start + layout.slots[index])
            bytes.store(littleEndian: UInt32(bytes.count - heap), at: start + layout.slots[index] + 4)
        }
    }

    private mutating func fill(_ index: Int, _ column: Column?) {
        guard let column else {
            for row in rows { setNull(index, row) }
            return
        }
        if column.nullCount > 0 {
            for row in rows where column.isNull(row) { setNull(index, row) }
        }
        let type = layout.types[index]
        let slot = layout.slots[index]
        switch (type, type == column.type) {
        case (.bool, _): forEachValue(column) { $0[$1 + slot] = column.bool($2) ? 1 : 0 }
        case (.string, _), (.bytes, _), (.array, _): heaped.append((index, column))
        case (_, true):
            copyCells(column.data, width: type.fixedWidth!, to: slot)
            clearNulls(column, width: type.fixedWidth!, at: slot)
        case (.int64, _): forEachValue(column) { $0.store(littleEndian: Int64(column.int32($2)), at: $1 + slot) }
        case (.float64, _):
            forEachValue(column) { $0.store(littleEndian: Double(column.float32($2)).bitPattern, at: $1 + slot) }
        default: preconditionFailure("\(column.type) does not widen to \(type)")
        }
    }

    private mutating func setNull(_ index: Int, _ row: Int) {
        fixed[(row - rows.lowerBound) * layout.fixedBytes + index >> 3] |= 1 << UInt8(index & 7)
    }

    /// - Parameter store: told the bytes, where the row starts in them, and the row.
    private mutating func forEachValue(_ column: Column, _ store: (inout [UInt8], Int, Int) -> Void) {
        for row in rows where !column.isNull(row) { store(&fixed, (row - rows.lowerBound) * layout.fixedBytes, row) }
    }

    /// A null cell is zeros in a row, whatever a client put there: equal rows have equal bytes.
    private mutating func clearNulls(_ column: Column, width: Int, at slot: Int) {
        guard column.nullCount > 0 else { return }
        for row in rows where column.isNull(row) {
            let start = (row - rows.lowerBound) * layout.fixedBytes + slot
            for place in start..<start + width { fixed[place] = 0 }
        }
    }

    /// Copies cells of one width as they are.
    private mutating func copyCells(_ data: ArraySlice<UInt8>, width: Int, to slot: Int) {
        let stride = layout.fixedBytes
        let rows = rows
        precondition(data.count >= rows.upperBound * width && slot + width <= stride)
        unsafe fixed.withUnsafeMutableBytes { target in
            unsafe data.withUnsafeBytes { cells in
                guard rows.count > 0, let from = cells.baseAddress, let to = target.baseAddress else { return }
                // `target` has `stride` bytes a row, the slot lies inside of them, and `cells` reaches to the last row.
                for (index, row) in rows.enumerated() {
                    if width == 8 {
                        let cell = unsafe (from + row * 8).loadUnaligned(as: UInt64.self)
                        unsafe (to + index * stride + slot).storeBytes(of: cell, as: UInt64.self)
                    } else {
                        unsafe (to + index * stride + slot).copyMemory(from: from + row * width, byteCount: width)
                    }
                }
            }
        }
    }
}
