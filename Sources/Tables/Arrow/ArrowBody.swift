import FeatureModel

/// The body of an Arrow message: the buffers of columns, which share the columns' storage, with padding between them.
struct ArrowBody {
    /// What every buffer and every message begins at a multiple of.
    static let alignment = 64
    private static let zeros = [UInt8](repeating: 0, count: alignment)

    /// Of each column, and behind it of its elements: how many cells there are, and how many of them are null.
    private(set) var nodes: [(count: Int, nullCount: Int)] = []
    /// Of each buffer, where it begins in the body, and its bytes without padding.
    private(set) var buffers: [(offset: Int, byteCount: Int)] = []
    /// The bytes, piece by piece.
    private(set) var pieces: [ArraySlice<UInt8>] = []
    private(set) var byteCount = 0

    mutating func append(_ column: OutputColumn) {
        switch column {
        case .cells(let column): append(column)
        case .statuses(let statuses):
            nodes.append((statuses.count, 0))
            append(buffer: [])
            append(buffer: statuses.codes[...])
        }
    }

    /// Appends the buffers that Arrow's type has, in its order: validity, offsets, data; of elements behind those of their cells.
    mutating func append(_ column: Column) {
        let count = column.count
        nodes.append((count, column.nullCount))
        append(buffer: column.nullCount > 0 ? column.validity.prefix(bitmapBytes(count)) : [])
        switch column.type {
        case .bool: append(buffer: column.data.prefix(bitmapBytes(count)))
        case .int32, .int64, .float32, .float64, .timestamp: append(buffer: column.data.prefix(count * column.type.fixedWidth!))
        case .string, .bytes:
            append(buffer: column.offsets.prefix((count + 1) * 4))
            append(buffer: column.data.prefix(column.offsets.last32(count)))
        case .array:
            append(buffer: column.offsets.prefix((count + 1) * 4))
            append(column.elements)
        case .vector(let length):
            append(Column(type: .float32, count: count * length, nullCount: 0, data: column.data))
        }
    }

    private mutating func append(buffer: ArraySlice<UInt8>) {
        buffers.append((byteCount, buffer.count))
        guard !buffer.isEmpty else { return }
        pieces.append(buffer)
        byteCount += buffer.count
        let missing = -byteCount & (Self.alignment - 1)
        if missing > 0 { pieces.append(Self.zeros[..<missing]) }
        byteCount += missing
    }
}

extension ArraySlice<UInt8> {
    /// The offset at the end of `count` cells.
    fileprivate func last32(_ count: Int) -> Int { Int(littleEndian(at: count * 4, as: Int32.self)) }
}

extension StatusColumn {
    /// A byte a cell.
    fileprivate var codes: [UInt8] {
        var codes: [UInt8] = []
        codes.reserveCapacity(4 * packed.count)
        for byte in packed {
            codes.append(byte & 3)
            codes.append(byte >> 2 & 3)
            codes.append(byte >> 4 & 3)
            codes.append(byte >> 6)
        }
        codes.removeLast(codes.count - count)
        return codes
    }
}
