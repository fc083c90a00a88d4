internal import FeatureModel

/// Checks the values of one column. Nulls pass: `not_null` is for them.
enum ColumnCheck {
    static func check(_ column: Column, _ checks: FeatureChecks, _ problems: inout RowProblems) {
        if checks.min != nil || checks.max != nil { bounds(column, checks, &problems) }
        if let values = checks.oneOf { oneOf(column, values, &problems) }
        if let most = checks.maxLength { lengths(column, most, &problems) }
    }

    /// An array's elements take no more bytes than a cell may.
    static func arraySizes(_ column: Column, _ problems: inout RowProblems) {
        // A column no larger than one cell's limit holds no cell above it.
        guard case .array(let element) = column.type, column.data.count > Limits.cellBytesMax else { return }
        for row in 0..<column.count where !column.isNull(row) {
            let range = column.range(row)
            let bytes: Int
            if element.isText {
                let start = column.elementOffsets.littleEndian(at: range.lowerBound * 4, as: Int32.self)
                bytes = Int(column.elementOffsets.littleEndian(at: range.upperBound * 4, as: Int32.self) - start)
            } else {
                bytes = range.count * (element.fixedWidth ?? 1)
            }
            if bytes > Limits.cellBytesMax {
                problems.add(row: row, "\(bytes) bytes; the limit of one value is \(Limits.cellBytesMax)")
            }
        }
    }

    private static func bounds(_ column: Column, _ checks: FeatureChecks, _ problems: inout RowProblems) {
        switch column.type {
        case .int32: wholes(column, checks, &problems) { Int64($0.int32($1)) }
        case .int64: wholes(column, checks, &problems) { $0.int64($1) }
        case .timestamp: wholes(column, checks, &problems, spelling: TimeText.format) { $0.int64($1) }
        // The bound is rounded as the values were, so that 0.1 is not above max 0.1.
        case .float32:
            func rounded(_ bound: Bound) -> Double { Double(Float(bound.double)) }
            reals(column, checks.min.map(rounded), checks.max.map(rounded), &problems) { Double($0.float32($1)) }
        case .float64: reals(column, checks.min?.double, checks.max?.double, &problems) { $0.float64($1) }
        default: break
        }
    }

    private static func wholes(
        _ column: Column, _ checks: FeatureChecks, _ problems: inout RowProblems, spelling: (Int64) -> String = { String($0) },
        _ cell: (Column, Int) -> Int64
    ) {
        let least = checks.min?.leastWhole ?? .min
        let most = checks.max?.greatestWhole ?? .max
        for row in 0..<column.count where !column.isNull(row) {
            let value = cell(column, row)
            if value < least { problems.add(row: row, "\(spelling(value)) is below min \(spelt(checks.min!, spelling))") }
            if value > most { problems.add(row: row, "\(spelling(value)) is above max \(spelt(checks.max!, spelling))") }
        }
    }

    private static func spelt(_ bound: Bound, _ spelling: (Int64) -> String) -> String {
        if case .whole(let number) = bound { spelling(number) } else { bound.description }
    }

    private static func reals(
        _ column: Column, _ min: Double?, _ max: Double?, _ problems: inout RowProblems, _ cell: (Column, Int) -> Double
    ) {
        let least = min ?? -.infinity
        let most = max ?? .infinity
        for row in 0..<column.count where !column.isNull(row) {
            let value = cell(column, row)
            // Written so that a NaN fails it.
            if value >= least && value <= most { continue }
            if value.isNaN {
                problems.add(row: row, "NaN is outside \(min.map { "min \(Bound($0))" } ?? "max \(Bound(most))")")
            } else if value < least {
                problems.add(row: row, "\(Bound(value)) is below min \(Bound(least))")
            } else {
                problems.add(row: row, "\(Bound(value)) is above max \(Bound(most))")
            }
        }
    }

    private static func oneOf(_ column: Column, _ values: [String], _ problems: inout RowProblems) {
        guard column.type == .string else { return }
        let allowed = Set(values.map { Array($0.utf8)[...] })
        for row in 0..<column.count where !column.isNull(row) {
            let cell = column.bytes(row)
            if !allowed.contains(cell) {
                let list = values.prefix(8).joined(separator: ", ") + (values.count > 8 ? ", …" : "")
                problems.add(row: row, "'\(String(decoding: cell.prefix(64), as: UTF8.self))' is not one of \(list)")
            }
        }
    }

    private static func lengths(_ column: Column, _ most: Int, _ problems: inout RowProblems) {
        let unit: String =
            switch column.type {
            case .string: "characters"
            case .bytes: "bytes"
            default: "elements"
            }
        for row in 0..<column.count where !column.isNull(row) {
            var length = column.range(row).count
            guard length > most else { continue }
            // Characters are the bytes that do not continue one.
            if column.type == .string { length = column.bytes(row).count { $0 & 0xC0 != 0x80 } }
            if length > most { problems.add(row: row, "\(length) \(unit); max_length is \(most)") }
        }
    }
}

extension Bound {
    /// The least whole number at or above the bound.
    var leastWhole: Int64 {
        switch self {
        case .whole(let number): number
        case .real(let number): Int64(exactly: number.rounded(.up)) ?? (number < 0 ? .min : .max)
        }
    }

    /// The greatest whole number at or below the bound.
    var greatestWhole: Int64 {
        switch self {
        case .whole(let number): number
        case .real(let number): Int64(exactly: number.rounded(.down)) ?? (number < 0 ? .min : .max)
        }
    }
}
