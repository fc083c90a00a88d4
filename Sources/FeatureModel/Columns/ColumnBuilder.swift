/// Builds one column cell by cell.
///
/// Appends of another type than the column's are misuse and trap; `append(_: Value)` throws instead.
public struct ColumnBuilder: Sendable {
    public let type: FeatureType
    public private(set) var count = 0
    private var nullCount = 0
    private var validity: [UInt8] = []
    private var offsets: [UInt8] = []
    private var elementCount = 0
    private var elementNullCount = 0
    private var elementValidity: [UInt8] = []
    private var elementOffsets: [UInt8] = []
    private var data: [UInt8] = []

    public init(_ type: FeatureType, capacity: Int = 0) {
        self.type = type
        switch type {
        case .string, .bytes: offsets = [0, 0, 0, 0]
        case .array(let element):
            offsets = [0, 0, 0, 0]
            if element.isText { elementOffsets = [0, 0, 0, 0] }
        default: break
        }
        if capacity > 0 {
            if let width = type.fixedWidth { data.reserveCapacity(capacity * width) }
            if !offsets.isEmpty { offsets.reserveCapacity((capacity + 1) * 4) }
        }
    }

    /// Bytes held so far: what a memory budget counts.
    public var byteCount: Int { validity.count + offsets.count + elementValidity.count + elementOffsets.count + data.count }

    public mutating func appendNull() {
        if nullCount == 0 { fillValidity() }
        nullCount += 1
        validity.appendBit(false, at: count)
        switch type {
        case .bool: data.appendBit(false, at: count)
        case .string, .bytes: offsets.append(littleEndian: Int32(data.count))
        case .array: offsets.append(littleEndian: Int32(elementCount))
        default: data.append(contentsOf: repeatElement(0, count: type.fixedWidth!))
        }
        count += 1
    }

    public mutating func append(bool: Bool) {
        precondition(type == .bool)
        data.appendBit(bool, at: count)
        didAppend()
    }

    public mutating func append(int32: Int32) {
        precondition(type == .int32)
        data.append(littleEndian: int32)
        didAppend()
    }

    /// An int64 or timestamp cell.
    public mutating func append(int64: Int64) {
        precondition(type == .int64 || type == .timestamp)
        data.append(littleEndian: int64)
        didAppend()
    }

    public mutating func append(float32: Float) {
        precondition(type == .float32)
        data.append(littleEndian: float32.bitPattern)
        didAppend()
    }

    public mutating func append(float64: Double) {
        precondition(type == .float64)
        data.append(littleEndian: float64.bitPattern)
        didAppend()
    }

    /// A string or bytes cell. The caller vouches for UTF-8 in a string.
    public mutating func append(text: some Collection<UInt8>) {
        precondition(type.isText)
        data.append(contentsOf: text)
        didAppendText()
    }

    /// The same for what columns and packed rows give: not generic, so quick from other modules.
    public mutating func append(text: ArraySlice<UInt8>) {
        precondition(type.isText)
        data.append(contentsOf: text)
        didAppendText()
    }

    public mutating func append(text: UnsafeRawBufferPointer) {
        precondition(type.isText)
        unsafe data.append(contentsOf: text)
        didAppendText()
    }

    /// The raw little-endian bytes of a fixed-width cell: numbers, timestamps, vectors.
    public mutating func append(fixedBytes: ArraySlice<UInt8>) {
        precondition(fixedBytes.count == type.fixedWidth)
        data.append(contentsOf: fixedBytes)
        didAppend()
    }

    public mutating func append(fixedBytes: UnsafeRawBufferPointer) {
        precondition(fixedBytes.count == type.fixedWidth)
        unsafe data.append(contentsOf: fixedBytes)
        didAppend()
    }

    /// Copies one cell of another column whose type is this one's or widens to it.
    public mutating func append(from column: Column, _ row: Int) {
        if column.isNull(row) { return appendNull() }
        switch type {
        case .bool: append(bool: column.bool(row))
        case .int64 where column.type == .int32: append(int64: Int64(column.int32(row)))
        case .float64 where column.type == .float32: append(float64: Double(column.float32(row)))
        case .string, .bytes: append(text: column.bytes(row))
        case .array:
            precondition(type == column.type)
            let elements = column.elements
            for index in column.range(row) { appendElement(from: elements, index) }
            finishArray()
        default:
            precondition(type == column.type)
            append(fixedBytes: column.fixedBytes(row, width: type.fixedWidth!))
        }
    }

    /// Appends a boxed cell. Integers and floats widen; nothing narrows.
    ///
    /// - Throws: `.invalidArgument` where the value's type does not fit the column's.
    public mutating func append(_ value: Value) throws(HeadwaterError) {
        switch (type, value) {
        case (_, .null): appendNull()
        case (.bool, .bool(let cell)): append(bool: cell)
        case (.int32, .int32(let cell)): append(int32: cell)
        case (.int64, .int64(let cell)): append(int64: cell)
        case (.int64, .int32(let cell)): append(int64: Int64(cell))
        case (.float32, .float32(let cell)): append(float32: cell)
        case (.float64, .float64(let cell)): append(float64: cell)
        case (.float64, .float32(let cell)): append(float64: Double(cell))
        case (.string, .string(let cell)), (.bytes, .bytes(let cell)): append(text: cell.bytes)
        case (.timestamp, .timestamp(let cell)): append(int64: cell)
        case (.vector(let length), .vector(let cells)) where cells.count == length:
            for cell in cells { data.append(littleEndian: cell.bitPattern) }
            didAppend()
        case (.array(let element), .array(let cells)):
            var builder = ColumnBuilder(element)
            for cell in cells { try builder.append(cell) }
            let elements = builder.finish()
            for index in 0..<elements.count { appendElement(from: elements, index) }
            finishArray()
        default:
            throw HeadwaterError(.invalidArgument, "a value of another type (\(value)) does not fit \(type)")
        }
    }

    /// Appends one element to the array cell that `finishArray` will close; `elements` has the element type.
    public mutating func appendElement(from elements: Column, _ index: Int) {
        guard case .array(let element) = type, elements.type == element else { preconditionFailure("elements of another type") }
        let isNull = elements.isNull(index)
        if isNull && elementNullCount == 0 {
            elementValidity = []
            for earlier in 0..<elementCount { elementValidity.appendBit(true, at: earlier) }
        }
        if isNull { elementNullCount += 1 }
        if elementNullCount > 0 { elementValidity.appendBit(!isNull, at: elementCount) }
        switch element {
        case .bool: data.appendBit(!isNull && elements.bool(index), at: elementCount)
        case .string, .bytes:
            if !isNull { data.append(contentsOf: elements.bytes(index)) }
            elementOffsets.append(littleEndian: Int32(data.count))
        default:
            // Under a null any bytes may have come: they are not passed on.
            let width = element.fixedWidth!
            if isNull {
                data.append(contentsOf: repeatElement(0, count: width))
            } else {
                data.append(contentsOf: elements.fixedBytes(index, width: width))
            }
        }
        elementCount += 1
    }

    /// Closes an array cell behind the elements appended since the last cell.
    public mutating func finishArray() {
        offsets.append(littleEndian: Int32(elementCount))
        didAppend()
    }

    public consuming func finish() -> Column {
        Column(
            type: type, count: count, nullCount: nullCount, validity: validity[...], offsets: offsets[...],
            elementValidity: elementValidity[...], elementOffsets: elementOffsets[...], data: data[...])
    }

    private mutating func didAppendText() {
        offsets.append(littleEndian: Int32(data.count))
        didAppend()
    }

    private mutating func didAppend() {
        if nullCount > 0 { validity.appendBit(true, at: count) }
        count += 1
    }

    private mutating func fillValidity() {
        validity = Array(repeating: 0xFF, count: count / 8)
        for row in (count / 8 * 8)..<count { validity.appendBit(true, at: row) }
    }
}

extension Column {
    /// A column of boxed cells.
    ///
    /// - Throws: `.invalidArgument` naming the row whose value does not fit.
    public init(_ type: FeatureType, _ values: [Value]) throws(HeadwaterError) {
        var builder = ColumnBuilder(type, capacity: values.count)
        for (row, value) in values.enumerated() {
            do { try builder.append(value) } catch { throw error.located(at: "row \(row)") }
        }
        self = builder.finish()
    }

    /// The cells at `rows`, in that order, as a column of `type` (this one's, or one it widens to).
    public func gather(_ rows: some Collection<Int>, as type: FeatureType? = nil) -> Column {
        var builder = ColumnBuilder(type ?? self.type, capacity: rows.count)
        for row in rows { builder.append(from: self, row) }
        return builder.finish()
    }

    /// A column of `count` nulls.
    public static func nulls(_ type: FeatureType, count: Int) -> Column {
        var builder = ColumnBuilder(type, capacity: count)
        for _ in 0..<count { builder.appendNull() }
        return builder.finish()
    }
}
