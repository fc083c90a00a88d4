internal import FeatureModel

/// How a page's column is stored before compression. Codes are permanent.
enum PageEncoding: UInt8 {
    /// The five buffers as they are: version 1 of the format.
    case plain = 0
    /// 64-bit data and all offsets as wrapping differences: version 1 of the format.
    case delta = 1
    /// Each buffer by a codec of its own.
    case buffers = 2
    /// Each different cell once, and for each row its number.
    case dictionary = 3
    /// Every cell is null; nothing is stored.
    case nulls = 4
}

/// Least and greatest cell of a page.
enum PageBounds: Hashable, Sendable {
    case none
    case integer(Int64, Int64)
    case float(Double, Double)
}

/// One page in a chunk's directory.
struct PageEntry: Hashable, Sendable {
    var offset: Int
    let storedBytes: Int
    let rawBytes: Int
    let checksum: UInt32
    let cellCount: Int
    let nullCount: Int
    let encoding: UInt8
    let isCompressed: Bool
    let bounds: PageBounds
}

/// A page, ready to be written; the entry's offset is for the writer to set.
struct EncodedPage: Sendable {
    let bytes: [UInt8]
    let entry: PageEntry
    /// The bytes of its cells in memory.
    let columnBytes: Int
}

extension PageBounds {
    /// The bounds of a column's cells that are neither null nor NaN; bool counts as 0 and 1.
    init(of column: Column) {
        guard column.nullCount < column.count else {
            self = .none
            return
        }
        switch column.type {
        case .bool: self = Self.integers((0..<column.count).lazy.map { column.bool($0) ? 1 : 0 }, of: column)
        case .int32: self = Self.integers(column.data.integers(width: 4), of: column)
        case .int64, .timestamp: self = Self.integers(column.data.integers(width: 8), of: column)
        case .float32: self = Self.floats(column.data.floats(width: 4), of: column)
        case .float64: self = Self.floats(column.data.floats(width: 8), of: column)
        default: self = .none
        }
    }

    @inline(__always)
    private static func integers(_ cells: some Collection<Int64>, of column: Column) -> PageBounds {
        var least = Int64.max
        var greatest = Int64.min
        var row = 0
        for cell in cells {
            if column.nullCount == 0 || !column.isNull(row) {
                least = min(least, cell)
                greatest = max(greatest, cell)
            }
            row += 1
        }
        return .integer(least, greatest)
    }

    private static func floats(_ cells: [Double], of column: Column) -> PageBounds {
        var least = Double.infinity
        var greatest = -Double.infinity
        var isKnown = false
        for row in cells.indices where column.nullCount == 0 || !column.isNull(row) {
            let cell = cells[row]
            if cell.isNaN { continue }
            isKnown = true
            least = min(least, cell)
            greatest = max(greatest, cell)
        }
        return isKnown ? .float(least, greatest) : .none
    }
}
