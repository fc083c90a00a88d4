import FeatureModel

@testable import Expressions

/// The language by its rules, one part of one row at a time: slow, and made of other code than the programs that it is held against.
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
            case "length", "list_length", "year", "month", "day", "day_of_week", "day_of_year", "hour", "minute", "hash", "bucket": return .int64
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

    private func element(_ node: SyntaxNode) -> FeatureType? { if case .array(let element)? = type(node) { element } else { nil } }
    private func arithmetic(_ nodes: [SyntaxNode]) -> FeatureType {
        let known = nodes.compactMap { type($0) }
        return !known.isEmpty && known.allSatisfy(\.isInteger) ? .int64 : .float64
    }

    private func common(_ nodes: [SyntaxNode]) -> FeatureType? {
        let known = nodes.compactMap { type($0) }
        guard let first = known.first else { return nil }
        if known.allSatisfy({ $0 == first }) { return first }
        return known.allSatisfy(\.isInteger) ? .int64 : .float64
    }

    // MARK: Values

    /// A value as a wider type.
    private func widened(_ value: Value, _ type: FeatureType?) -> Value {
        switch (value, type) {
        case (.int32(let x), .int64): .int64(Int64(x))
        case (.int32(let x), .float64): .float64(Double(x))
        case (.int64(let x), .float64): .float64(Double(x))
        case (.float32(let x), .float64): .float64(Double(x))
        default: value
        }
    }

    private func float(_ node: SyntaxNode) -> Double? {
        switch value(node) {
        case .int32(let x): Double(x)
        case .int64(let x): Double(x)
        case .float32(let x): Double(x)
        case .float64(let x): x
        default: nil
        }
    }

    private func integer(_ node: SyntaxNode) -> Int64? {
        switch value(node) {
        case .int32(let x): Int64(x)
        case .int64(let x): x
        default: nil
        }
    }

    private func bool(_ node: SyntaxNode) -> Bool? { if case .bool(let x) = value(node) { x } else { nil } }
    private func time(_ node: SyntaxNode) -> Int64? { if case .timestamp(let x) = value(node) { x } else { nil } }
    private func list(_ node: SyntaxNode) -> [Value]? { if case .array(let x) = value(node) { x } else { nil } }
    private func vector(_ node: SyntaxNode) -> [Float]? { if case .vector(let x) = value(node) { x } else { nil } }
    private func bytes(_ node: SyntaxNode) -> [UInt8]? {
        switch value(node) {
        case .string(let x), .bytes(let x): x.bytes
        default: nil
        }
    }

    private func string(_ node: SyntaxNode) -> String? { bytes(node).map { String(decoding: $0, as: UTF8.self) } }

    private func made(_ float: Double?) -> Value { float.map { .float64($0.isNaN ? Double(bitPattern: 0x7FF8_0000_0000_0000) : $0) } ?? .null }
    private func made(_ integer: Int64?) -> Value { integer.map { .int64($0) } ?? .null }
    private func made(_ bool: Bool?) -> Value { bool.map { .bool($0) } ?? .null }
    private func made(_ text: [UInt8]?) -> Value { text.map { .string(ByteString($0)) } ?? .null }

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

    private func canonical(_ value: Value) -> Value {
        switch value {
        case .float64(let x) where x.isNaN: .float64(Double(bitPattern: 0x7FF8_0000_0000_0000))
        case .float32(let x) where x.isNaN: .float32(Float(bitPattern: 0x7FC0_0000))
        case .array(let values): .array(values.map(canonical))
        case .vector(let values): .vector(values.map { $0.isNaN ? Float(bitPattern: 0x7FC0_0000) : $0 })
        default: value
        }
    }

    private func raw(_ node: SyntaxNode) -> Value {
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

    private func apply(_ binary: BinaryOperator, _ left: SyntaxNode, _ right: SyntaxNode, _ type: FeatureType?) -> Value {
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
                let wide = binary == .add ? Int128(x) + Int128(y) : binary == .subtract ? Int128(x) - Int128(y) : Int128(x) * Int128(y)
                return made(Int64(exactly: wide))
            }
            guard let x = float(left), let y = float(right) else { return .null }
            if binary == .modulo { return made(y == 0 ? nil : x.truncatingRemainder(dividingBy: y)) }
            return made(binary == .add ? x + y : binary == .subtract ? x - y : x * y)
        }
    }

    private func away(_ x: Double) -> Double {
        let low = x.rounded(.down)
        let rest = x - low
        if rest == 0.5 { return x < 0 ? low : low + 1 }
        return rest < 0.5 ? low : low + 1
    }

    private func cast(_ value: Value, _ wanted: FeatureType) -> Value {
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
            case .float32(let x): return .string(ByteString(x.isNaN ? "NaN" : x.isInfinite ? (x < 0 ? "-Infinity" : "Infinity") : "\(x)"))
            case .float64(let x): return .string(ByteString(x.isNaN ? "NaN" : x.isInfinite ? (x < 0 ? "-Infinity" : "Infinity") : "\(x)"))
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
        case (.string(let x), .float64): return NumberText.float64(x.bytes[...]).map { $0.isInfinite && !"\(x)".hasSuffix("Infinity") ? .null : .float64($0) } ?? .null
        case (.string(let x), .float32): return NumberText.float32(x.bytes[...]).map { $0.isInfinite && !"\(x)".hasSuffix("Infinity") ? .null : .float32($0) } ?? .null
        default: return value
        }
    }

    private func whole(_ x: Double) -> Int64? {
        guard x.isFinite, x.magnitude < 0x1p80 else { return nil }
        return Int64(exactly: Int128(x.magnitude < 0x1p52 ? away(x) : x))
    }

    private func call(_ name: String, _ nodes: [SyntaxNode], _ type: FeatureType?) -> Value {
        func one(_ isInside: (Double) -> Bool, _ function: (Double) -> Double) -> Value {
            guard let x = float(nodes[0]) else { return .null }
            return x.isNaN ? made(Double.nan) : isInside(x) ? made(function(x)) : .null
        }
        switch name {
        case "abs":
            if type == .int64 { return made(integer(nodes[0]).flatMap { $0 == .min ? nil : Swift.abs($0) }) }
            return made(float(nodes[0]).map { $0.magnitude })
        case "sign":
            if type == .int64 { return made(integer(nodes[0]).map { $0.signum() }) }
            return made(float(nodes[0]).map { $0.isNaN ? .nan : $0 == 0 ? 0 : $0 < 0 ? -1 : 1 })
        case "floor", "ceil", "trunc":
            if type?.isInteger == true { return value(nodes[0]) }
            return made(float(nodes[0]).map { $0.rounded(name == "floor" ? .down : name == "ceil" ? .up : .towardZero) })
        case "round":
            if nodes.count == 1 {
                if type?.isInteger == true { return value(nodes[0]) }
                return made(float(nodes[0]).map { $0.isFinite && $0.magnitude < 0x1p52 ? ($0 < 0 || $0.sign == .minus ? -away(-$0) : away($0)) : $0 })
            }
            guard let x = float(nodes[0]), let digits = integer(nodes[1]) else { return .null }
            if !x.isFinite || digits > 22 { return made(x) }
            if digits < -22 { return made(x.sign == .minus ? -0.0 : 0.0) }
            var power = 1.0
            for _ in 0..<Swift.abs(digits) { power *= 10 }
            let scaled = digits < 0 ? x / power : x * power
            if digits > 0, scaled.magnitude >= 0x1p52 { return made(x) }
            let rounded = scaled.magnitude >= 0x1p52 ? scaled : scaled.sign == .minus ? -away(-scaled) : away(scaled)
            return made(digits < 0 ? rounded * power : rounded / power)
        case "sqrt": return one({ $0 >= 0 }) { $0.squareRoot() }
        case "ln": return one({ $0 > 0 }, Elementary.ln)
        case "log2": return one({ $0 > 0 }, Elementary.log2)
        case "log10": return one({ $0 > 0 }, Elementary.log10)
        case "log1p": return one({ $0 > -1 }, Elementary.log1p)
        case "exp": return one({ _ in true }, Elementary.exp)
        case "sin": return one(\.isFinite, Elementary.sin)
        case "cos": return one(\.isFinite, Elementary.cos)
        case "asin": return one({ $0.magnitude <= 1 }, Elementary.asin)
        case "radians": return one({ _ in true }) { $0 * (Double.pi / 180) }
        case "is_nan": return made(float(nodes[0]).map(\.isNaN))
        case "is_inf": return made(float(nodes[0]).map(\.isInfinite))
        case "pow":
            guard let x = float(nodes[0]), let y = float(nodes[1]) else { return .null }
            if x == 0, y < 0 { return .null }
            if x < 0, x.isFinite, y.isFinite, y != y.rounded() { return .null }
            return made(Elementary.pow(x, y))
        case "atan2":
            guard let y = float(nodes[0]), let x = float(nodes[1]) else { return .null }
            return made(Elementary.atan2(y, x))
        case "mod": return apply(.modulo, nodes[0], nodes[1], type)
        case "div":
            if type == .int64 {
                guard let x = integer(nodes[0]), let y = integer(nodes[1]), y != 0 else { return .null }
                return made(Int64(exactly: Int128(x) / Int128(y)))
            }
            guard let x = float(nodes[0]), let y = float(nodes[1]), y != 0 else { return .null }
            return made((x / y).rounded(.towardZero))
        case "greatest", "least":
            let values = nodes.map { widened(value($0), type) }.filter { !$0.isNull }
            return values.dropFirst().reduce(values.first ?? .null) { better($0, $1, greatest: name == "greatest") }
        case "clip":
            let values = nodes.map { widened(value($0), type) }
            if values.contains(where: \.isNull) { return .null }
            return better(better(values[0], values[1], greatest: true), values[2], greatest: false)
        case "coalesce": return nodes.map { value($0) }.first { !$0.isNull } ?? .null
        case "nullif": return Self.order(value(nodes[0]), value(nodes[1])) == 0 ? .null : value(nodes[0])
        case "if": return bool(nodes[0]) == true ? value(nodes[1]) : value(nodes[2])
        case "lower": return made(string(nodes[0]).map { Array(String($0.unicodeScalars.map { $0.isASCII ? Character($0.properties.lowercaseMapping) : Character($0) }).utf8) })
        case "upper": return made(string(nodes[0]).map { Array(String($0.unicodeScalars.map { $0.isASCII ? Character($0.properties.uppercaseMapping) : Character($0) }).utf8) })
        case "length":
            if self.type(nodes[0]) == .bytes { return made(bytes(nodes[0]).map { Int64($0.count) }) }
            return made(string(nodes[0]).map { Int64($0.unicodeScalars.count) })
        case "substr":
            guard let text = string(nodes[0]), let first = integer(nodes[1]) else { return .null }
            var count = Int128(Int64.max)
            if nodes.count > 2 {
                guard let taken = integer(nodes[2]) else { return .null }
                count = Int128(taken)
            }
            var kept = String.UnicodeScalarView()
            for (place, scalar) in text.unicodeScalars.enumerated() {
                let number = Int128(place) + 1
                if number >= Int128(first), number < Int128(first) + count { kept.append(scalar) }
            }
            return made(Array(String(kept).utf8))
        case "starts_with":
            guard let x = bytes(nodes[0]), let y = bytes(nodes[1]) else { return .null }
            return made(x.starts(with: y))
        case "contains":
            guard let x = bytes(nodes[0]), let y = bytes(nodes[1]) else { return .null }
            return made(y.count > x.count ? false : (0...(x.count - y.count)).contains { Array(x[$0..<$0 + y.count]) == y })
        case "list_length": return made(list(nodes[0]).map { Int64($0.count) })
        case "list_at":
            guard let x = list(nodes[0]), let place = integer(nodes[1]) else { return .null }
            let index = place > 0 ? Int128(place) - 1 : Int128(x.count) + Int128(place)
            return place != 0 && index >= 0 && index < x.count ? x[Int(index)] : .null
        case "list_contains":
            guard let x = list(nodes[0]) else { return .null }
            let wanted = value(nodes[1])
            return wanted.isNull ? .null : .bool(x.contains { Self.order($0, wanted) == 0 })
        case "list_min", "list_max":
            guard let x = list(nodes[0])?.filter({ !$0.isNull }), let first = x.first else { return .null }
            return x.dropFirst().reduce(first) { better($0, $1, greatest: name == "list_max") }
        case "list_distinct":
            guard let x = list(nodes[0]) else { return .null }
            return .array(distinct(x))
        case "list_intersect", "jaccard":
            guard let x = list(nodes[0]), let y = list(nodes[1]) else { return .null }
            let both = distinct(x).filter { value in y.contains { Self.order(value, $0) == 0 } }
            if name == "list_intersect" { return .array(both) }
            let all = distinct(x).count + distinct(y).count - both.count
            return made(all == 0 ? nil : Double(both.count) / Double(all))
        case "dot", "cosine", "l2_distance":
            guard let x = vector(nodes[0]), let y = vector(nodes[1]) else { return .null }
            if name == "dot" { return made(lanes(x.indices.map { Double(x[$0]) * Double(y[$0]) })) }
            if name == "l2_distance" { return made(lanes(x.indices.map { (Double(x[$0]) - Double(y[$0])) * (Double(x[$0]) - Double(y[$0])) }).squareRoot()) }
            let lengths = lanes(x.map { Double($0) * Double($0) }).squareRoot() * lanes(y.map { Double($0) * Double($0) }).squareRoot()
            return made(lengths == 0 ? nil : lanes(x.indices.map { Double(x[$0]) * Double(y[$0]) }) / lengths)
        case "norm": return made(vector(nodes[0]).map { x in lanes(x.map { Double($0) * Double($0) }).squareRoot() })
        case "seconds_between", "days_between":
            guard let x = time(nodes[0]), let y = time(nodes[1]) else { return .null }
            return made(Double(Int128(y) - Int128(x)) / (name == "seconds_between" ? 1e6 : 86_400e6))
        case "year", "month", "day", "day_of_week", "day_of_year", "hour", "minute":
            return made(time(nodes[0]).map { part(name, $0) })
        default: preconditionFailure("the naive evaluator has no \(name)")
        }
    }

    private func lanes(_ terms: [Double]) -> Double {
        var sums = Array(repeating: 0.0, count: 8)
        for (index, term) in terms.enumerated() { sums[index % 8] += term }
        let (a, b, c, d) = (sums[0] + sums[4], sums[1] + sums[5], sums[2] + sums[6], sums[3] + sums[7])
        return (a + c) + (b + d)
    }

    private func better(_ left: Value, _ right: Value, greatest: Bool) -> Value {
        var order = Self.order(left, right)!
        if order == 0 { order = negativeZero(left) == negativeZero(right) ? 0 : negativeZero(left) ? -1 : 1 }
        return greatest ? (order < 0 ? right : left) : (order > 0 ? right : left)
    }

    private func negativeZero(_ value: Value) -> Bool {
        switch value {
        case .float32(let x): x == 0 && x.sign == .minus
        case .float64(let x): x == 0 && x.sign == .minus
        default: false
        }
    }

    private func distinct(_ values: [Value]) -> [Value] {
        var kept: [Value] = []
        for value in values where !value.isNull && !kept.contains(where: { Self.order($0, value) == 0 }) { kept.append(value) }
        return kept
    }

    /// By counting days, year by year.
    private func part(_ name: String, _ time: Int64) -> Int64 {
        let length = Int128(86_400_000_000)
        var day = Int64(Int128(time) / length)
        var rest = Int128(time) % length
        if rest < 0 { (day, rest) = (day - 1, rest + length) }
        if name == "hour" { return Int64(rest / 3_600_000_000) }
        if name == "minute" { return Int64(rest / 60_000_000 % 60) }
        if name == "day_of_week" { return ((day % 7 + 7 + 3) % 7) + 1 }
        func isLeap(_ year: Int64) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }
        // 400 years have the same number of days wherever they begin.
        var year = 1970 + 400 * (day / 146_097)
        day %= 146_097
        while day < 0 {
            year -= 1
            day += isLeap(year) ? 366 : 365
        }
        while day >= (isLeap(year) ? 366 : 365) {
            day -= isLeap(year) ? 366 : 365
            year += 1
        }
        if name == "year" { return year }
        if name == "day_of_year" { return day + 1 }
        var month: Int64 = 1
        for length in [31, isLeap(year) ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as [Int64] {
            if day < length { break }
            day -= length
            month += 1
        }
        return name == "month" ? month : day + 1
    }
}
