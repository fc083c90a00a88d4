import FeatureModel

@testable import Expressions

/// The rules of the language once more, as a walk over the syntax of one row: written from docs/expressions.md, for short code
/// and not for speed. It shares nothing with programs but elementary functions, exact sums and XXH64, which have golden files.
struct NaiveEvaluator {
    let types: [String: FeatureType]
    let cells: [String: Value]
    var requestTime: Microseconds = 0
    var missing: Set<String> = []

    /// The value of a whole expression: its NaNs are all the same one.
    func answer(_ node: SyntaxNode) -> Value { oneNaN(value(node)) }

    // MARK: Types

    func type(_ node: SyntaxNode) -> FeatureType? {
        switch node.syntax {
        case .integer: .int64
        case .float: .float64
        case .text: .string
        case .bool, .isNull, .isIn, .between, .unary(.not, _): .bool
        case .null: nil
        case .name(let name): types[name]!
        case .unary(.negate, let inner): arithmeticType([inner])
        case .binary(let binary, let left, let right):
            switch binary {
            case .or, .and, .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual: .bool
            case .concatenate: common([left, right]) ?? .string
            case .divide: .float64
            case .add, .subtract, .multiply, .modulo: arithmeticType([left, right])
            }
        case .choice(_, let branches, let otherwise): common(branches.map(\.then) + (otherwise.map { [$0] } ?? []))
        case .cast(_, let type): type
        case .call(let name, let arguments): callType(name, arguments)
        }
    }

    private func isWhole(_ type: FeatureType?) -> Bool { type == .int32 || type == .int64 }

    /// All have one type, or all are numbers, of which the widest counts.
    func common(_ nodes: [SyntaxNode]) -> FeatureType? {
        let types = Set(nodes.compactMap { type($0) })
        if types.count < 2 { return types.first }
        return types.allSatisfy { isWhole($0) } ? .int64 : .float64
    }

    func arithmeticType(_ nodes: [SyntaxNode]) -> FeatureType {
        let type = common(nodes)
        return isWhole(type) ? .int64 : .float64
    }

    private func element(_ node: SyntaxNode) -> FeatureType {
        guard case .array(let element) = type(node) else { fatalError("no list") }
        return element
    }

    private func callType(_ name: String, _ arguments: [SyntaxNode]) -> FeatureType? {
        switch name {
        case "abs", "sign", "mod", "div": arithmeticType(arguments)
        case "floor", "ceil", "trunc", "round":
            arguments.count == 1 && isWhole(type(arguments[0])) ? type(arguments[0]) : .float64
        case "greatest", "least", "clip", "coalesce": common(arguments)
        case "nullif": type(arguments[0])
        case "if": common(Array(arguments[1...]))
        case "is_nan", "is_inf", "found", "starts_with", "contains", "list_contains": .bool
        case "lower", "upper", "trim", "substr", "replace", "json_text": .string
        case "length", "list_length", "hash", "bucket", "year", "month", "day", "day_of_week", "day_of_year", "hour", "minute":
            .int64
        case "split": .array(.string)
        case "date_trunc", "request_time": .timestamp
        case "list_at", "list_min", "list_max": element(arguments[0])
        case "list_distinct", "list_intersect": type(arguments[0])
        case "list_sum": isWhole(element(arguments[0])) ? .int64 : .float64
        default: .float64
        }
    }

    // MARK: Values

    /// Of the type of the node, or null.
    func value(_ node: SyntaxNode) -> Value {
        switch node.syntax {
        case .integer(let value): .int64(value)
        case .float(let value): .float64(value)
        case .text(let value): .string(ByteString(value))
        case .bool(let value): .bool(value)
        case .null: .null
        case .name(let name): cells[name]!
        case .unary(.not, let inner): bool(truth(inner).map { !$0 })
        case .unary(.negate, let inner): arithmetic([inner], { -$0[0] }, { -$0[0] })
        case .binary(let binary, let left, let right): value(binary, left, right)
        case .isNull(let inner, let negated): .bool(value(inner).isNull != negated)
        case .isIn(let inner, let values, let negated): bool(isIn(value(inner), values.map(value)).map { $0 != negated })
        case .between(let inner, let low, let high, let negated):
            bool(
                both(
                    NaiveOrder.compare(value(inner), value(low)).map { $0 >= 0 },
                    NaiveOrder.compare(value(inner), value(high)).map { $0 <= 0 }
                ).map { $0 != negated })
        case .choice(let operand, let branches, let otherwise):
            widened(chosen(operand, branches, otherwise), type(node))
        case .cast(let inner, let type): NaiveCast.cast(value(inner), to: type)
        case .call(let name, let arguments): call(name, arguments, type(node))
        }
    }

    private func bool(_ truth: Bool?) -> Value { truth.map { .bool($0) } ?? .null }

    func truth(_ node: SyntaxNode) -> Bool? { if case .bool(let truth) = value(node) { truth } else { nil } }

    private func both(_ left: Bool?, _ right: Bool?) -> Bool? {
        if left == false || right == false { return false }
        return left == nil || right == nil ? nil : true
    }

    private func isIn(_ wanted: Value, _ values: [Value]) -> Bool? {
        let tests = values.map { NaiveOrder.compare(wanted, $0).map { $0 == 0 } }
        if tests.contains(true) { return true }
        return tests.contains(nil) ? nil : false
    }

    private func chosen(
        _ operand: SyntaxNode?, _ branches: [(when: SyntaxNode, then: SyntaxNode)], _ otherwise: SyntaxNode?
    ) -> Value {
        for branch in branches {
            if let operand {
                if NaiveOrder.compare(value(operand), value(branch.when)) == 0 { return value(branch.then) }
            } else if truth(branch.when) == true {
                return value(branch.then)
            }
        }
        return otherwise.map(value) ?? .null
    }

    /// A number as a wider one.
    func widened(_ value: Value, _ type: FeatureType?) -> Value {
        switch type {
        case .int64: whole(value).map { .int64($0) } ?? .null
        case .float64: number(value).map { .float64($0) } ?? .null
        default: value
        }
    }

    func whole(_ value: Value) -> Int64? {
        switch value {
        case .int32(let value): Int64(value)
        case .int64(let value): value
        default: nil
        }
    }

    func number(_ value: Value) -> Double? {
        switch value {
        case .float32(let value): Double(value)
        case .float64(let value): value
        default: whole(value).map { Double($0) }
        }
    }

    func numbers(_ nodes: [SyntaxNode]) -> [Double]? {
        let numbers = nodes.compactMap { number(value($0)) }
        return numbers.count == nodes.count ? numbers : nil
    }

    /// In 128 bits where all are integers, and null where the result needs more than 64.
    func arithmetic(_ nodes: [SyntaxNode], _ integers: ([Int128]) -> Int128?, _ floats: ([Double]) -> Double?) -> Value {
        if arithmeticType(nodes) == .int64 {
            let values = nodes.compactMap { whole(value($0)).map { Int128($0) } }
            guard values.count == nodes.count, let result = integers(values), let fits = Int64(exactly: result) else {
                return .null
            }
            return .int64(fits)
        }
        return numbers(nodes).flatMap(floats).map { .float64($0) } ?? .null
    }

    func remainder(_ nodes: [SyntaxNode]) -> Value {
        arithmetic(
            nodes, { $0[1] == 0 ? nil : $0[0] % $0[1] }, { $0[1] == 0 ? nil : $0[0].truncatingRemainder(dividingBy: $0[1]) })
    }

    private func value(_ binary: BinaryOperator, _ left: SyntaxNode, _ right: SyntaxNode) -> Value {
        func compared(_ test: (Int) -> Bool) -> Value { bool(NaiveOrder.compare(value(left), value(right)).map(test)) }
        switch binary {
        case .and: return bool(both(truth(left), truth(right)))
        case .or: return bool(both(truth(left).map { !$0 }, truth(right).map { !$0 }).map { !$0 })
        case .equal: return compared { $0 == 0 }
        case .notEqual: return compared { $0 != 0 }
        case .less: return compared { $0 < 0 }
        case .lessOrEqual: return compared { $0 <= 0 }
        case .greater: return compared { $0 > 0 }
        case .greaterOrEqual: return compared { $0 >= 0 }
        case .add: return arithmetic([left, right], { $0[0] + $0[1] }, { $0[0] + $0[1] })
        case .subtract: return arithmetic([left, right], { $0[0] - $0[1] }, { $0[0] - $0[1] })
        case .multiply: return arithmetic([left, right], { $0[0] * $0[1] }, { $0[0] * $0[1] })
        case .modulo: return remainder([left, right])
        case .divide:
            return numbers([left, right]).flatMap { $0[1] == 0 ? nil : .float64($0[0] / $0[1]) } ?? .null
        case .concatenate:
            switch (value(left), value(right)) {
            case (.string(let x), .string(let y)): return .string(ByteString(x.bytes + y.bytes))
            case (.bytes(let x), .bytes(let y)): return .bytes(ByteString(x.bytes + y.bytes))
            default: return .null
            }
        }
    }
}

/// The same value with one NaN for all.
func oneNaN(_ value: Value) -> Value {
    switch value {
    case .float32(let float) where float.isNaN: .float32(Float(bitPattern: 0x7FC0_0000))
    case .float64(let float) where float.isNaN: .float64(Double(bitPattern: 0x7FF8_0000_0000_0000))
    case .array(let values): .array(values.map(oneNaN))
    case .vector(let values): .vector(values.map { $0.isNaN ? Float(bitPattern: 0x7FC0_0000) : $0 })
    default: value
    }
}

/// Which of two values comes first.
enum NaiveOrder {
    /// - Returns: `nil` where one is null.
    static func compare(_ left: Value, _ right: Value) -> Int? {
        switch (left, right) {
        case (.null, _), (_, .null): nil
        case (.bool(let x), .bool(let y)): three(x ? 1 : 0, y ? 1 : 0)
        case (.timestamp(let x), .timestamp(let y)): three(x, y)
        case (.string(let x), .string(let y)), (.bytes(let x), .bytes(let y)): three(x, y)
        default: numbers(left, right)
        }
    }

    /// The same, with -0 below 0.
    static func strict(_ left: Value, _ right: Value) -> Int? {
        guard let order = compare(left, right), order == 0 else { return compare(left, right) }
        return three(isNegativeZero(left) ? 0 : 1, isNegativeZero(right) ? 0 : 1)
    }

    private static func isNegativeZero(_ value: Value) -> Bool {
        switch value {
        case .float32(let value): value.bitPattern == 1 << 31
        case .float64(let value): value.bitPattern == 1 << 63
        default: false
        }
    }

    private static func three<T: Comparable>(_ left: T, _ right: T) -> Int { left < right ? -1 : left > right ? 1 : 0 }

    private static func numbers(_ left: Value, _ right: Value) -> Int {
        let (x, y) = (exact(left), exact(right))
        if x.kind != y.kind { return three(x.kind, y.kind) }
        return x.whole != y.whole ? three(x.whole, y.whole) : three(x.rest, y.rest)
    }

    /// A number as a kind (-∞, below int64, within, above, ∞, NaN), its floor, and what it is above that or where it lies beyond.
    private static func exact(_ value: Value) -> (kind: Int, whole: Int128, rest: Double) {
        let float: Double
        switch value {
        case .int32(let value): return (0, Int128(value), 0)
        case .int64(let value): return (0, Int128(value), 0)
        case .float32(let value): float = Double(value)
        case .float64(let value): float = value
        default: fatalError("no number: \(value)")
        }
        if float.isNaN { return (2, 0, 0) }
        if float.magnitude > 1e30 { return (float > 0 ? 1 : -1, 0, float) }
        let floor = float.rounded(.down)
        return (0, Int128(floor), float - floor)
    }
}
