internal import FeatureModel

/// The different cells of a column, in the order in which they come first, and for each row the number of its own.
struct CellDictionary {
    /// One in so many cells may be different from all before; with more a dictionary cannot pay.
    private static let rowsPerCellMin = 4
    private static let firstCells = 256

    let cells: Column
    /// A null row repeats the code before it.
    private(set) var codes: [Int64] = []

    /// - Returns: `nil` where too many cells are different, or the type has no dictionary (bool, arrays, vectors).
    init?(_ column: Column) {
        let places: [Int]
        switch column.type {
        case .string, .bytes: places = Self.firsts(&codes, column) { TextKey(column.bytes($0)) }
        case .int32: places = Self.firsts(&codes, column) { column.int32($0) }
        case .int64, .timestamp: places = Self.firsts(&codes, column) { column.int64($0) }
        case .float32: places = Self.firsts(&codes, column) { column.float32($0).bitPattern }
        case .float64: places = Self.firsts(&codes, column) { column.float64($0).bitPattern }
        default: return nil
        }
        guard codes.count == column.count, column.count > 0 else { return nil }
        cells = column.gather(places)
    }

    /// Numbers the rows; gives up, with fewer codes than rows, where too many are different.
    private static func firsts<Key: Hashable>(_ codes: inout [Int64], _ column: Column, _ key: (Int) -> Key) -> [Int] {
        let most = column.count / rowsPerCellMin
        var known: [Key: Int64] = [:]
        known.reserveCapacity(firstCells)
        var places: [Int] = []
        codes.reserveCapacity(column.count)
        for row in 0..<column.count {
            if column.isNull(row) {
                codes.append(codes.last ?? 0)
                continue
            }
            let key = key(row)
            if let code = known[key] {
                codes.append(code)
            } else {
                guard places.count < most else { return places }
                // Where the first cells are nearly all different, most of the rest will be too.
                if places.count == firstCells, row < firstCells + firstCells / 16 { return places }
                codes.append(Int64(places.count))
                known[key] = Int64(places.count)
                places.append(row)
            }
        }
        return places
    }

    private struct TextKey: Hashable {
        let bytes: ArraySlice<UInt8>

        init(_ bytes: ArraySlice<UInt8>) { self.bytes = bytes }

        static func == (left: TextKey, right: TextKey) -> Bool {
            left.bytes.withBytes { left in right.bytes.withBytes { left.hasSameBytes(as: $0) } }
        }

        func hash(into hasher: inout Hasher) { unsafe bytes.withUnsafeBytes { unsafe hasher.combine(bytes: $0) } }
    }
}
