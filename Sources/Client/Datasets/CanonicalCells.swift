public import FeatureModel

/// The canonical bytes of cells: equal cells ⇔ equal bytes, whichever way they were stored or sent (docs/formats/dataset.md).
///
/// Little-endian. Every NaN is the one quiet NaN; zeros keep their sign. Text: uint32 length, bytes. Array: uint32 count, then of
/// each element a byte 0 (null) or 1, and its bytes where it is not null. Vector: its floats.
public enum CanonicalCells {
    private static let nan32 = Float.nan.bitPattern
    private static let nan64 = Double.nan.bitPattern

    /// Appends one cell that is not null.
    ///
    /// - Parameter elements: `column.elements` where it is an array, made once for all cells.
    public static func append(_ column: Column, row: Int, elements: Column?, to bytes: inout [UInt8]) {
        switch column.type {
        case .bool: bytes.append(column.bool(row) ? 1 : 0)
        case .int32: bytes.append(littleEndian: column.int32(row))
        case .int64, .timestamp: bytes.append(littleEndian: column.int64(row))
        case .float32: append(column.float32(row), to: &bytes)
        case .float64:
            let number = column.float64(row)
            bytes.append(littleEndian: number.isNaN ? nan64 : number.bitPattern)
        case .string, .bytes:
            let text = column.bytes(row)
            bytes.append(littleEndian: UInt32(text.count))
            bytes.append(contentsOf: text)
        case .array:
            let (range, elements) = (column.range(row), elements ?? column.elements)
            bytes.append(littleEndian: UInt32(range.count))
            for element in range {
                bytes.append(elements.isNull(element) ? 0 : 1)
                if !elements.isNull(element) { append(elements, row: element, elements: nil, to: &bytes) }
            }
        case .vector(let length):
            let width = MemoryLayout<Float>.size
            for place in 0..<length {
                append(Float(bitPattern: column.data.littleEndian(at: (row * length + place) * width)), to: &bytes)
            }
        }
    }

    private static func append(_ number: Float, to bytes: inout [UInt8]) {
        bytes.append(littleEndian: number.isNaN ? nan32 : number.bitPattern)
    }
}
