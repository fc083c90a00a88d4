/// One cell, boxed: for definitions, text formats, tests and printing. Hot paths use columns instead.
///
/// Equality is of bits: NaN equals the same NaN, 0.0 differs from -0.0, null equals only null.
public indirect enum Value: Sendable {
    case null
    case bool(Bool)
    case int32(Int32)
    case int64(Int64)
    case float32(Float)
    case float64(Double)
    case string(ByteString)
    case bytes(ByteString)
    case timestamp(Microseconds)
    case array([Value])
    case vector([Float])

    public var isNull: Bool { if case .null = self { true } else { false } }
}

extension Value: Hashable {
    public static func == (left: Value, right: Value) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.bool(let a), .bool(let b)): a == b
        case (.int32(let a), .int32(let b)): a == b
        case (.int64(let a), .int64(let b)): a == b
        case (.float32(let a), .float32(let b)): a.bitPattern == b.bitPattern
        case (.float64(let a), .float64(let b)): a.bitPattern == b.bitPattern
        case (.string(let a), .string(let b)): a == b
        case (.bytes(let a), .bytes(let b)): a == b
        case (.timestamp(let a), .timestamp(let b)): a == b
        case (.array(let a), .array(let b)): a == b
        case (.vector(let a), .vector(let b)): a.map(\.bitPattern) == b.map(\.bitPattern)
        default: false
        }
    }

    public func hash(into hasher: inout Hasher) {
        switch self {
        case .null: hasher.combine(0)
        case .bool(let value): hasher.combine(value)
        case .int32(let value): hasher.combine(value)
        case .int64(let value): hasher.combine(value)
        case .float32(let value): hasher.combine(value.bitPattern)
        case .float64(let value): hasher.combine(value.bitPattern)
        case .string(let value), .bytes(let value): hasher.combine(value)
        case .timestamp(let value): hasher.combine(value)
        case .array(let values): hasher.combine(values)
        case .vector(let values): for value in values { hasher.combine(value.bitPattern) }
        }
    }
}
