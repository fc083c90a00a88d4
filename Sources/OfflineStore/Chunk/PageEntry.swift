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

extension PageBounds {
    /// The bounds of a column's cells that are neither null nor NaN; bool counts as 0 and 1.
    init(of column: Column) {
        switch column.type {
        case .bool: self = Self.integers(column) { column.bool($0) ? 1 : 0 }
        case .int32: self = Self.integers(column) { Int64(column.int32($0)) }
        case .int64, .timestamp: self = Self.integers(column) { column.int64($0) }
        case .float32: self = Self.floats(column) { Double(column.float32($0)) }
        case .float64: self = Self.floats(column) { column.float64($0) }
        default: self = .none
        }
    }

    private static func integers(_ column: Column, _ cell: (Int) -> Int64) -> PageBounds {
        guard column.nullCount < column.count else { return .none }
        var least = Int64.max
        var greatest = Int64.min
        for row in 0..<column.count where !column.isNull(row) {
            let value = cell(row)
            least = min(least, value)
            greatest = max(greatest, value)
        }
        return .integer(least, greatest)
    }

    private static func floats(_ column: Column, _ cell: (Int) -> Double) -> PageBounds {
        var least = Double.infinity
        var greatest = -Double.infinity
        var isKnown = false
        for row in 0..<column.count where !column.isNull(row) {
            let value = cell(row)
            if value.isNaN { continue }
            isKnown = true
            least = min(least, value)
            greatest = max(greatest, value)
        }
        return isKnown ? .float(least, greatest) : .none
    }
}
