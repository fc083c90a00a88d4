import FeatureModel

@testable import Expressions

/// The language by its rules, one part of one row at a time: slow, and made of other code than the programs that it is held
/// against.
struct NaiveEvaluator {
    let types: [String: FeatureType]
    let cells: [String: Value]

    // MARK: Types

    func type(_ node: SyntaxNode) -> FeatureType? {
        switch node.syntax {
        case .integer: return .int64
        case .float: return .float64
        case .text: return .string
        case .bool, .isNull, .isIn, .between: return .bool
        case .null: return nil
        case .name(let name): return types[name]!
        case .unary(.not, _): return .bool
        case .unary(.negate, let inner): return arithmetic([inner])
        case .binary(let binary, let left, let right):
            switch binary {
            case .or, .and, .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual: return .bool
            case .concatenate: return common([left, right]) ?? .string
            case .divide: return .float64
            case .add, .subtract, .multiply, .modulo: return arithmetic([left, right])
            }
        case .choice(_, let branches, let otherwise): return common(branches.map(\.then) + (otherwise.map { [$0] } ?? []))
        case .cast(_, let type): return type
        case .call(let name, let nodes):
            switch name {
            case "abs", "sign": return arithmetic(nodes)
            case "mod", "div": return arithmetic(nodes)
            case "floor", "ceil", "trunc": return type(nodes[0])?.isInteger == true ? type(nodes[0]) : .float64
            case "round": return nodes.count == 1 && type(nodes[0])?.isInteger == true ? type(nodes[0]) : .float64
            case "greatest", "least", "clip", "coalesce": return common(nodes)
            case "nullif": return type(nodes[0])
            case "if": return common([nodes[1], nodes[2]])
            case "lower", "upper", "trim", "substr", "replace", "json_text": return .string
            case "length", "list_length", "year", "month", "day", "day_of_week", "day_of_year", "hour", "minute", "hash",
                "bucket":
                return .int64
            case "starts_with", "contains", "list_contains", "is_nan", "is_inf": return .bool
            case "split": return .array(.string)
            case "date_trunc": return .timestamp
            case "list_at", "list_min", "list_max": return element(nodes[0])
            case "list_sum": return element(nodes[0])!.isInteger ? .int64 : .float64
            case "list_distinct", "list_intersect": return type(nodes[0])
            default: return .float64
            }
        }
    }

    func element(_ node: SyntaxNode) -> FeatureType? {
        if case .array(let element)? = type(node) { element } else { nil }
    }
    func arithmetic(_ nodes: [SyntaxNode]) -> FeatureType {
        let known = nodes.compactMap { type($0) }
        return !known.isEmpty && known.allSatisfy(\.isInteger) ? .int64 : .float64
    }

    func common(_ nodes: [SyntaxNode]) -> FeatureType? {
        let known = nodes.compactMap { type($0) }
        guard let first = known.first else { return nil }
        if known.allSatisfy({ $0 == first }) { return first }
        return known.allSatisfy(\.isInteger) ? .int64 : .float64
    }

    // MARK: Values

    /// A value as a wider type.
    func widened(_ value: Value, _ type: FeatureType?) -> Value {
        switch (value, type) {
        case (.int32(let x), .int64): .int64(Int64(x))
        case (.int32(let x), .float64): .float64(Double(x))
        case (.int64(let x), .float64): .float64(Double(x))
        case (.float32(let x), .float64): .float64(Double(x))
        default: value
        }
    }

    func float(_ node: SyntaxNode) -> Double? {
        switch value(node) {
        case .int32(let x): Double(x)
        case .int64(let x): Double(x)
        case .float32(let x): Double(x)
        case .float64(let x): x
        default: nil
        }
    }

    func integer(_ node: SyntaxNode) -> Int64? {
        switch value(node) {
        case .int32(let x): Int64(x)
        case .int64(let x): x
        default: nil
        }
    }

    func bool(_ node: SyntaxNode) -> Bool? { if case .bool(let x) = value(node) { x } else { nil } }
    func time(_ node: SyntaxNode) -> Int64? { if case .timestamp(let x) = value(node) { x } else { nil } }
    func list(_ node: SyntaxNode) -> [Value]? { if case .array(let x) = value(node) { x } else { nil } }
    func vector(_ node: SyntaxNode) -> [Float]? { if case .vector(let x) = value(node) { x } else { nil } }
    func bytes(_ node: SyntaxNode) -> [UInt8]? {
        switch value(node) {
        case .string(let x), .bytes(let x): x.bytes
        default: nil
        }
    }

    func string(_ node: SyntaxNode) -> String? { bytes(node).map { String(decoding: $0, as: UTF8.self) } }

    func made(_ float: Double?) -> Value {
        float.map { .float64($0.isNaN ? Double(bitPattern: 0x7FF8_0000_0000_0000) : $0) } ?? .null
    }
    func made(_ integer: Int64?) -> Value { integer.map { .int64($0) } ?? .null }
    func made(_ bool: Bool?) -> Value { bool.map { .bool($0) } ?? .null }
    func made(_ text: [UInt8]?) -> Value { text.map { .string(ByteString($0)) } ?? .null }

    /// -1, 0, 1; `nil` where one is null. Numbers are compared as they are, with rational arithmetic in place of rounding.
    static func order(_ left: Value, _ right: Value) -> Int? {
        func sign<T: Comparable>(_ x: T, _ y: T) -> Int { x < y ? -1 : x == y ? 0 : 1 }
        func number(_ value: Value) -> (Int64?, Double?)? {
            switch value {
            case .int32(let x): (Int64(x), nil)
            case .int64(let x): (x, nil)
            case .float32(let x): (nil, Double(x))
            case .float64(let x): (nil, x)
            default: nil
            }
        }
        if let x = number(left), let y = number(right) {
            switch (x.0, x.1, y.0, y.1) {
            case (let a?, _, let b?, _): return sign(a, b)
            case (_, let a?, _, let b?):
                if a.isNaN || b.isNaN { return sign(a.isNaN ? 1 : 0, b.isNaN ? 1 : 0) }
                return sign(a, b)
            case (let a?, _, _, let b?):
                if b.isNaN || b == .infinity { return -1 }
                if b == -.infinity { return 1 }
                // Beyond 2^100 no int64 is near; below it, 128 bits hold both, times 2^20 for what stands behind the point.
                if b.magnitude > 0x1p100 { return b > 0 ? -1 : 1 }
                let whole = Int128(b.rounded(.down))
                return Int128(a) == whole ? (b == b.rounded(.down) ? 0 : -1) : sign(Int128(a), whole)
            case (_, let a?, let b?, _): return order(.int64(b), .float64(a)).map { -$0 }
            default: return nil
            }
        }
        switch (left, right) {
        case (.bool(let x), .bool(let y)): return sign(x ? 1 : 0, y ? 1 : 0)
        case (.timestamp(let x), .timestamp(let y)): return sign(x, y)
        case (.string(let x), .string(let y)), (.bytes(let x), .bytes(let y)): return sign(x, y)
        default: return nil
        }
    }

    func value(_ node: SyntaxNode) -> Value { canonical(widened(raw(node), type(node))) }

    func canonical(_ value: Value) -> Value {
        switch value {
        case .float64(let x) where x.isNaN: .float64(Double(bitPattern: 0x7FF8_0000_0000_0000))
        case .float32(let x) where x.isNaN: .float32(Float(bitPattern: 0x7FC0_0000))
        case .array(let values): .array(values.map(canonical))
        case .vector(let values): .vector(values.map { $0.isNaN ? Float(bitPattern: 0x7FC0_0000) : $0 })
        default: value
        }
    }

    func raw(_ node: SyntaxNode) -> Value {
        switch node.syntax {
        case .integer(let x): return .int64(x)
        case .float(let x): return .float64(x)
        case .text(let x): return .string(ByteString(x))
        case .bool(let x): return .bool(x)
        case .null: return .null
        case .name(let name): return cells[name]!
        case .unary(.not, let inner): return made(bool(inner).map { !$0 })
        case .unary(.negate, let inner):
            if type(node) == .int64 { return made(integer(inner).flatMap { $0 == .min ? nil : -$0 }) }
            return made(float(inner).map { -$0 })
        case .binary(let binary, let left, let right): return apply(binary, left, right, type(node))
        case .isNull(let inner, let negated): return .bool(value(inner).isNull != negated)
        case .isIn(let inner, let values, let negated):
            let x = value(inner)
            let found = values.map { Self.order(x, value($0)) }
            let isIn: Bool? = found.contains(0) ? true : found.contains(nil) ? nil : false
            return made(isIn.map { $0 != negated })
        case .between(let inner, let low, let high, let negated):
            let above = Self.order(value(inner), value(low)).map { $0 >= 0 }
            let below = Self.order(value(inner), value(high)).map { $0 <= 0 }
            let both: Bool? = above == false || below == false ? false : above == nil || below == nil ? nil : true
            return made(both.map { $0 != negated })
        case .choice(let operand, let branches, let otherwise):
            for branch in branches {
                if let operand {
                    if Self.order(value(operand), value(branch.when)) == 0 { return value(branch.then) }
                } else if bool(branch.when) == true {
                    return value(branch.then)
                }
            }
            return otherwise.map { value($0) } ?? .null
        case .cast(let inner, let wanted): return cast(value(inner), wanted)
        case .call(let name, let nodes): return call(name, nodes, type(node))
        }
    }

    func apply(_ binary: BinaryOperator, _ left: SyntaxNode, _ right: SyntaxNode, _ type: FeatureType?) -> Value {
        func order(_ test: (Int) -> Bool) -> Value { made(Self.order(value(left), value(right)).map(test)) }
        switch binary {
        case .and:
            let (x, y) = (bool(left), bool(right))
            return made(x == false || y == false ? false : x == nil || y == nil ? nil : true)
        case .or:
            let (x, y) = (bool(left), bool(right))
            return made(x == true || y == true ? true : x == nil || y == nil ? nil : false)
        case .equal: return order { $0 == 0 }
        case .notEqual: return order { $0 != 0 }
        case .less: return order { $0 < 0 }
        case .lessOrEqual: return order { $0 <= 0 }
        case .greater: return order { $0 > 0 }
        case .greaterOrEqual: return order { $0 >= 0 }
        case .concatenate:
            guard let x = bytes(left), let y = bytes(right) else { return .null }
            return type == .bytes ? .bytes(ByteString(x + y)) : .string(ByteString(x + y))
        case .divide:
            guard let x = float(left), let y = float(right), y != 0 else { return .null }
            return made(x / y)
        case .add, .subtract, .multiply, .modulo:
            if type == .int64 {
                guard let x = integer(left), let y = integer(right) else { return .null }
                if binary == .modulo { return made(y == 0 ? nil : Int64(Int128(x) % Int128(y))) }
                let wide =
                    binary == .add ? Int128(x) + Int128(y) : binary == .subtract ? Int128(x) - Int128(y) : Int128(x) * Int128(y)
                return made(Int64(exactly: wide))
            }
            guard let x = float(left), let y = float(right) else { return .null }
            if binary == .modulo { return made(y == 0 ? nil : x.truncatingRemainder(dividingBy: y)) }
            return made(binary == .add ? x + y : binary == .subtract ? x - y : x * y)
        }
    }

    func away(_ x: Double) -> Double {
        let low = x.rounded(.down)
        let rest = x - low
        if rest == 0.5 { return x < 0 ? low : low + 1 }
        return rest < 0.5 ? low : low + 1
    }

    func cast(_ value: Value, _ wanted: FeatureType) -> Value {
        func integer(_ x: Int64?) -> Value {
            guard let x else { return .null }
            switch wanted {
            case .int32: return Int32(exactly: x).map { .int32($0) } ?? .null
            case .timestamp: return .timestamp(x)
            default: return .int64(x)
            }
        }
        switch (value, wanted) {
        case (.null, _): return .null
        case (_, .string):
            switch value {
            case .int32(let x): return .string(ByteString("\(x)"))
            case .int64(let x): return .string(ByteString("\(x)"))
            case .float32(let x):
                return .string(ByteString(x.isNaN ? "NaN" : x.isInfinite ? (x < 0 ? "-Infinity" : "Infinity") : "\(x)"))
            case .float64(let x):
                return .string(ByteString(x.isNaN ? "NaN" : x.isInfinite ? (x < 0 ? "-Infinity" : "Infinity") : "\(x)"))
            case .bool(let x): return .string(ByteString("\(x)"))
            case .timestamp(let x): return .string(ByteString(TimeText.format(x)))
            case .bytes(let x): return String(validating: x.bytes, as: UTF8.self) == nil ? .null : .string(x)
            default: return value
            }
        case (.int32(let x), .bool): return .bool(x != 0)
        case (.int64(let x), .bool): return .bool(x != 0)
        case (.int32(let x), .float32): return .float32(Float(x))
        case (.int64(let x), .float32): return .float32(Float(x))
        case (.int32(let x), .float64): return .float64(Double(x))
        case (.int64(let x), .float64): return .float64(Double(x))
        case (.int32(let x), _): return integer(Int64(x))
        case (.int64(let x), _): return integer(x)
        case (.timestamp(let x), _): return integer(x)
        case (.bool(let x), _): return integer(x ? 1 : 0)
        case (.float32(let x), .float64): return .float64(Double(x))
        case (.float64(let x), .float32): return .float32(Float(x))
        case (.float32(let x), .int32), (.float32(let x), .int64): return integer(whole(Double(x)))
        case (.float64(let x), .int32), (.float64(let x), .int64): return integer(whole(x))
        case (.string(let x), .bytes): return .bytes(x)
        case (.string(let x), .bool): return ["true": Value.bool(true), "false": .bool(false)]["\(x)"] ?? .null
        case (.string(let x), .timestamp): return TimeText.parseRFC3339("\(x)").map { .timestamp($0) } ?? .null
        case (.string(let x), .int32), (.string(let x), .int64):
            let text = "\(x)"
            return text.hasPrefix("+") ? .null : integer(Int64(text))
        case (.string(let x), .float64):
            return NumberText.float64(x.bytes[...]).map { $0.isInfinite && !"\(x)".hasSuffix("Infinity") ? .null : .float64($0) }
                ?? .null
        case (.string(let x), .float32):
            return NumberText.float32(x.bytes[...]).map { $0.isInfinite && !"\(x)".hasSuffix("Infinity") ? .null : .float32($0) }
                ?? .null
        default: return value
        }
    }

    func whole(_ x: Double) -> Int64? {
        guard x.isFinite, x.magnitude < 0x1p80 else { return nil }
        return Int64(exactly: Int128(x.magnitude < 0x1p52 ? away(x) : x))
    }
}
