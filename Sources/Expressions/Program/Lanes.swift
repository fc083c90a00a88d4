import FeatureModel

/// A register: a value for each row that is worked on, in the one array that its kind uses.
struct Lanes {
    /// Whether a row's value is there; what stands in the other array for one that is not means nothing.
    var valid: [Bool] = []
    var integers: [Int64] = []
    var floats: [Double] = []
    var bools: [Bool] = []
    var texts: [ArraySlice<UInt8>] = []
    var lists: [[Value]] = []
    var vectors: [[Float]] = []

    init() {}

    init(_ kind: LaneKind, rows: Int) {
        valid = Array(repeating: false, count: rows)
        switch kind {
        case .integers: integers = Array(repeating: 0, count: rows)
        case .floats: floats = Array(repeating: 0, count: rows)
        case .bools: bools = Array(repeating: false, count: rows)
        case .texts: texts = Array(repeating: [], count: rows)
        case .lists: lists = Array(repeating: [], count: rows)
        case .vectors: vectors = Array(repeating: [], count: rows)
        }
    }

    /// - Parameter value: of a type that the lanes hold, or null.
    mutating func set(_ row: Int, _ value: Value) {
        valid[row] = !value.isNull
        switch value {
        case .null: break
        case .bool(let value): bools[row] = value
        case .int32(let value): integers[row] = Int64(value)
        case .int64(let value), .timestamp(let value): integers[row] = value
        case .float32(let value): floats[row] = Double(value)
        case .float64(let value): floats[row] = value
        case .string(let value), .bytes(let value): texts[row] = value.bytes[...]
        case .array(let values): lists[row] = values
        case .vector(let values): vectors[row] = values
        }
    }

    /// Takes rows of a column.
    mutating func load(_ column: Column, _ rows: Range<Int>) {
        let first = rows.lowerBound
        if column.nullCount == 0 {
            for row in 0..<rows.count { valid[row] = true }
        } else {
            for row in rows { valid[row - first] = !column.isNull(row) }
        }
        switch column.type {
        case .bool: for row in rows { bools[row - first] = column.bool(row) }
        case .int32: for row in rows { integers[row - first] = Int64(column.int32(row)) }
        case .int64, .timestamp: for row in rows { integers[row - first] = column.int64(row) }
        case .float32: for row in rows { floats[row - first] = Double(column.float32(row)) }
        case .float64: for row in rows { floats[row - first] = column.float64(row) }
        case .string, .bytes: for row in rows { texts[row - first] = column.bytes(row) }
        case .array, .vector: for row in rows { set(row - first, column.value(row)) }
        }
    }

    /// One value, as a type that the lanes hold.
    func value(_ row: Int, as type: FeatureType) -> Value {
        guard valid[row] else { return .null }
        switch type {
        case .bool: return .bool(bools[row])
        case .int32: return .int32(Int32(truncatingIfNeeded: integers[row]))
        case .int64: return .int64(integers[row])
        case .timestamp: return .timestamp(integers[row])
        case .float32: return .float32(floats[row].isNaN ? Self.nan32 : Float(floats[row]))
        case .float64: return .float64(floats[row].isNaN ? Self.nan64 : floats[row])
        case .string: return .string(ByteString(texts[row]))
        case .bytes: return .bytes(ByteString(texts[row]))
        case .array: return .array(lists[row].map(Self.canonical))
        case .vector: return .vector(vectors[row].map { $0.isNaN ? Self.nan32 : $0 })
        }
    }

    /// Appends rows to a column of a type that the lanes hold.
    func append(_ rows: Int, to builder: inout ColumnBuilder) {
        for row in 0..<rows {
            guard valid[row] else {
                builder.appendNull()
                continue
            }
            switch builder.type {
            case .bool: builder.append(bool: bools[row])
            case .int32: builder.append(int32: Int32(truncatingIfNeeded: integers[row]))
            case .int64, .timestamp: builder.append(int64: integers[row])
            case .float32: builder.append(float32: floats[row].isNaN ? Self.nan32 : Float(floats[row]))
            case .float64: builder.append(float64: floats[row].isNaN ? Self.nan64 : floats[row])
            case .string, .bytes: builder.append(text: texts[row])
            case .array, .vector:
                do { try builder.append(value(row, as: builder.type)) } catch {
                    preconditionFailure("a program gave a value of another type than its own: \(error)")
                }
            }
        }
    }

    /// The one NaN that leaves an expression: which bits a processor makes is its own affair.
    static let nan64 = Double(bitPattern: 0x7FF8_0000_0000_0000)
    static let nan32 = Float(bitPattern: 0x7FC0_0000)

    private static func canonical(_ element: Value) -> Value {
        switch element {
        case .float32(let value) where value.isNaN: .float32(nan32)
        case .float64(let value) where value.isNaN: .float64(nan64)
        default: element
        }
    }
}
