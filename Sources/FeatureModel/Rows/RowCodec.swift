/// Packs feature cells into one run of bytes, and back: the online store's row.
public enum RowCodec {
    /// Appends row `row` packed by `layout`: for single rows; many of one batch go by `PackedRows`.
    ///
    /// - Parameter columns: one for each feature of the layout, `nil` where the batch has none: null.
    public static func append(_ columns: [Column?], row: Int, layout: RowLayout, to bytes: inout [UInt8]) {
        PackedRows(columns, rows: row..<row + 1, layout: layout).append(row: row, to: &bytes)
    }

    /// Appends the bytes that the slot of a text or array cell names.
    static func append(heapOf column: Column, _ row: Int, to bytes: inout [UInt8]) {
        if column.type.isText { bytes.append(contentsOf: column.bytes(row)) } else { appendArray(column, row, to: &bytes) }
    }

    /// An array's heap: element count, null bits (1 = null), then fixed-width elements, a byte for each bool,
    /// or for text the end offset of each element and the bytes. A null element is
    /// zeros or empty, whatever a client put there: equal rows have equal bytes.
    private static func appendArray(_ column: Column, _ row: Int, to bytes: inout [UInt8]) {
        let elements = column.elements
        let range = column.range(row)
        bytes.append(littleEndian: UInt32(range.count))
        let nulls = bytes.count
        bytes.append(contentsOf: repeatElement(0, count: bitmapBytes(range.count)))
        for (index, element) in range.enumerated() where elements.isNull(element) {
            bytes[nulls + index >> 3] |= 1 << UInt8(index & 7)
        }
        if elements.type.isText {
            var end: UInt32 = 0
            for element in range {
                if !elements.isNull(element) { end += UInt32(elements.range(element).count) }
                bytes.append(littleEndian: end)
            }
            for element in range where !elements.isNull(element) { bytes.append(contentsOf: elements.bytes(element)) }
        } else if elements.type == .bool {
            for element in range { bytes.append(!elements.isNull(element) && elements.bool(element) ? 1 : 0) }
        } else {
            let width = elements.type.fixedWidth!
            let start = bytes.count
            bytes.append(contentsOf: elements.data.part(at: range.lowerBound * width, count: range.count * width))
            guard elements.nullCount > 0 else { return }
            for (index, element) in range.enumerated() where elements.isNull(element) {
                for place in start + index * width..<start + (index + 1) * width { bytes[place] = 0 }
            }
        }
    }

    /// Whether feature `index` of a packed row is null.
    public static func isNull(_ row: RawSpan, _ index: Int) -> Bool {
        row.littleEndian(at: index >> 3, as: UInt8.self) >> UInt8(index & 7) & 1 == 1
    }

    /// Appends feature `index` of a packed row to a builder of its type, or of one it widens to.
    ///
    /// The row's bytes passed a checksum when they were read; a slot that points outside traps rather than serve it.
    public static func append(_ row: RawSpan, _ index: Int, layout: RowLayout, to builder: inout ColumnBuilder) {
        if isNull(row, index) { return builder.appendNull() }
        let slot = layout.slots[index]
        let type = layout.types[index]
        switch (type, builder.type) {
        case (.bool, _): builder.append(bool: row.littleEndian(at: slot, as: UInt8.self) != 0)
        case (.int32, .int64): builder.append(int64: Int64(row.littleEndian(at: slot, as: Int32.self)))
        case (.int32, _): builder.append(int32: row.littleEndian(at: slot))
        case (.int64, _), (.timestamp, _): builder.append(int64: row.littleEndian(at: slot))
        case (.float32, .float64): builder.append(float64: Double(Float(bitPattern: row.littleEndian(at: slot))))
        case (.float32, _): builder.append(float32: Float(bitPattern: row.littleEndian(at: slot)))
        case (.float64, _): builder.append(float64: Double(bitPattern: row.littleEndian(at: slot)))
        case (.vector(let length), _):
            unsafe row.extracting(slot..<slot + 4 * length).withUnsafeBytes { unsafe builder.append(fixedBytes: $0) }
        case (.string, _), (.bytes, _):
            unsafe row.extracting(heap(row, slot)).withUnsafeBytes { unsafe builder.append(text: $0) }
        case (.array(let element), _):
            append(array: row.extracting(heap(row, slot)), of: element, to: &builder)
        }
    }

    /// Whether an array has null elements.
    public static func hasNulls(array heap: RawSpan) -> Bool {
        let count = Int(heap.littleEndian(at: 0, as: UInt32.self))
        for index in 4..<4 + bitmapBytes(count) where heap.littleEndian(at: index, as: UInt8.self) != 0 { return true }
        return false
    }

    /// Where the elements of an array of fixed width stand in it.
    public static func elementRange(array heap: RawSpan, width: Int) -> Range<Int> {
        let count = Int(heap.littleEndian(at: 0, as: UInt32.self))
        let start = 4 + bitmapBytes(count)
        return start..<start + count * width
    }

    /// The bytes that a text or array slot names.
    private static func heap(_ row: RawSpan, _ slot: Int) -> Range<Int> {
        let offset = Int(row.littleEndian(at: slot, as: UInt32.self))
        return offset..<offset + Int(row.littleEndian(at: slot + 4, as: UInt32.self))
    }

    /// Appends an array to a builder of its type.
    public static func append(array heap: RawSpan, of type: FeatureType, to builder: inout ColumnBuilder) {
        let count = Int(heap.littleEndian(at: 0, as: UInt32.self))
        let elementsAt = 4 + bitmapBytes(count)
        var elements = ColumnBuilder(type, capacity: count)
        var previousEnd = 0
        for index in 0..<count {
            if type.isText {
                let end = Int(heap.littleEndian(at: elementsAt + index * 4, as: UInt32.self))
                defer { previousEnd = end }
                if isNull(heap.extracting(4..<elementsAt), index) {
                    elements.appendNull()
                } else {
                    let base = elementsAt + count * 4
                    unsafe heap.extracting(base + previousEnd..<base + end).withUnsafeBytes { unsafe elements.append(text: $0) }
                }
            } else if isNull(heap.extracting(4..<elementsAt), index) {
                elements.appendNull()
            } else if type == .bool {
                elements.append(bool: heap.littleEndian(at: elementsAt + index, as: UInt8.self) != 0)
            } else {
                let width = type.fixedWidth!
                let at = elementsAt + index * width
                unsafe heap.extracting(at..<at + width).withUnsafeBytes { unsafe elements.append(fixedBytes: $0) }
            }
        }
        let column = elements.finish()
        for index in 0..<count { builder.appendElement(from: column, index) }
        builder.finishArray()
    }
}
