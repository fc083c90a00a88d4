import Expressions
import FeatureModel
import TestSupport

/// An expression as text, and what it gives for a row, by `NaiveRules`.
struct RandomExpression {
    let type: FeatureType
    let text: String
    let value: ([String: Value]) -> Value
}

/// The columns that random expressions read.
let randomColumns: [Field] = [
    Field("flag", .bool), Field("small", .int32), Field("n", .int64), Field("m", .int64), Field("f", .float32),
    Field("x", .float64),
    Field("y", .float64), Field("s", .string), Field("t", .string), Field("raw", .bytes), Field("at", .timestamp),
    Field("then", .timestamp), Field("two words", .float64), Field("smalls", .array(.int32)), Field("ns", .array(.int64)),
    Field("xs", .array(.float64)), Field("fs", .array(.float32)), Field("ss", .array(.string)), Field("flags", .array(.bool)),
    Field("v", .vector(11)), Field("w", .vector(11)),
]

extension SplitMix64 {
    /// A cell that is often a small number or a text that means something, and often one from the edges.
    mutating func cell(_ type: FeatureType) -> Value {
        if chance(0.15) { return .null }
        if chance(0.3) { return value(type, nulls: 0.2) }
        switch type {
        case .int32: return .int32(Int32(int(-9...9)))
        case .int64: return .int64(Int64(int(-9...9)))
        case .float32: return .float32(Float(int(-40...40)) / 8)
        case .float64: return .float64(chance(0.3) ? Double(int(-9...9)) : Double(int(-4000...4000)) / 100)
        case .timestamp: return .timestamp(Int64(int(-3_000_000_000...3_000_000_000)) * 1_000_000 + Int64(int(0...999_999)))
        case .string:
            return .string(
                ByteString(
                    pick([
                        "a", "ab", "aba", "a b a", " é日 ", "12", "-7", " 2.5 ", "1e3", "nan", "true", "F", "2024-02-29", "x,y,,z",
                        "",
                        "1969-12-31T23:59:59.5Z", "{\"a\": 1.5, \"b\": [\"x\", null]}",
                    ])))
        case .array(let element): return .array((0..<int(0...6)).map { _ in cell(element) })
        case .vector(let length): return .vector((0..<length).map { _ in Float(int(-8...8)) / 4 })
        default: return value(type)
        }
    }

    mutating func row() -> [String: Value] { Dictionary(uniqueKeysWithValues: randomColumns.map { ($0.name, cell($0.type)) }) }

    mutating func expressionType() -> FeatureType {
        pick([
            .bool, .int64, .float64, .float64, .string, .timestamp, .int32, .float32, .array(.string), .array(.float64),
            .array(.int64),
        ])
    }

    /// An expression of this type; `depth` bounds how deep it nests.
    mutating func expression(_ type: FeatureType, depth: Int) -> RandomExpression {
        if depth == 0 || chance(0.1) { return leaf(type) }
        if chance(0.15) { return choice(type, depth) }
        switch type {
        case .bool: return condition(depth)
        case .int64: return integer(depth)
        case .float64: return float(depth)
        case .string: return string(depth)
        case .timestamp: return instant(depth)
        case .int32:
            let inner = expression(pick([.int64, .float64, .string, .bool, .int32]), depth: depth - 1)
            return cast(inner, .int32)
        case .float32: return cast(expression(pick([.int64, .float64, .string, .bool]), depth: depth - 1), .float32)
        case .array: return list(type, depth)
        default: return leaf(type)
        }
    }

    // MARK: Parts

    private mutating func leaf(_ type: FeatureType) -> RandomExpression {
        let columns = randomColumns.filter { $0.type == type }
        if chance(0.65) || !type.isScalar, let column = columns.isEmpty ? nil : pick(columns) {
            let name = column.name == "two words" || column.name == "then" ? "\"\(column.name)\"" : column.name
            return RandomExpression(type: type, text: name) { $0[column.name]! }
        }
        switch type {
        case .bool:
            let value = chance(0.5)
            return RandomExpression(type: type, text: "\(value)") { _ in .bool(value) }
        case .int64:
            let number: Int64 = chance(0.2) ? pick([.min, .max, -1, 0]) : Int64(int(-5...20))
            return RandomExpression(type: type, text: "\(number)") { _ in .int64(number) }
        case .float64:
            let number: Double =
                chance(0.2) ? pick([-0.0, 0, 1e308, Double.leastNonzeroMagnitude, 1e22, -1e-7]) : Double(int(-200...200)) / 16
            return RandomExpression(type: type, text: "\(number)") { _ in .float64(number) }
        case .string:
            let text = pick(["", "a", "b", "ab", " ", ",", "it's", "é", "日本", "12"])
            let quoted = "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
            return RandomExpression(type: type, text: quoted) { _ in .string(ByteString(text)) }
        default:
            return RandomExpression(type: type, text: "cast(null as \(type))") { _ in .null }
        }
    }

    /// A number of any type.
    private mutating func number(_ depth: Int) -> RandomExpression {
        expression(pick([.int64, .float64, .int64, .float64, .int32, .float32]), depth: depth)
    }

    /// A function, null where an argument is.
    private func strict(
        _ type: FeatureType, _ text: String, _ arguments: [RandomExpression], _ body: @escaping ([Value]) -> Value
    ) -> RandomExpression {
        RandomExpression(type: type, text: text) { row in
            let values = arguments.map { $0.value(row) }
            return values.contains(where: \.isNull) ? .null : body(values)
        }
    }

    private func call(
        _ name: String, _ type: FeatureType, _ arguments: [RandomExpression], _ body: @escaping ([Value]) -> Value
    ) -> RandomExpression {
        strict(type, "\(name)(\(arguments.map(\.text).joined(separator: ", ")))", arguments, body)
    }

    /// What a value becomes where another type stands around it.
    private func widened(_ value: Value, _ type: FeatureType) -> Value {
        switch (value, type) {
        case (.int32(let number), .int64): .int64(Int64(number))
        case (.null, _): .null
        case (.int32, .float64), (.int64, .float64), (.float32, .float64): .float64(NaiveRules.float(value))
        default: value
        }
    }

    private mutating func choice(_ type: FeatureType, _ depth: Int) -> RandomExpression {
        let first = expression(type, depth: depth - 1)
        let second = expression(type, depth: depth - 1)
        let condition = expression(.bool, depth: depth - 1)
        let isTrue: ([String: Value]) -> Bool = { condition.value($0) == .bool(true) }
        switch int(0...4) {
        case 0:
            return RandomExpression(type: type, text: "coalesce(\(first.text), null, \(second.text))") { row in
                first.value(row).isNull ? second.value(row) : first.value(row)
            }
        case 1:
            return RandomExpression(type: type, text: "if(\(condition.text), \(first.text), \(second.text))") { row in
                isTrue(row) ? first.value(row) : second.value(row)
            }
        case 2:
            return RandomExpression(type: type, text: "case when (\(condition.text)) then (\(first.text)) end") { row in
                isTrue(row) ? first.value(row) : .null
            }
        case 3 where type.isScalar:
            return RandomExpression(type: type, text: "nullif((\(first.text)), (\(second.text)))") { row in
                let (left, right) = (first.value(row), second.value(row))
                return !left.isNull && !right.isNull && NaiveRules.compare(left, right) == 0 ? .null : left
            }
        case 4 where type.isScalar:
            let greatest = chance(0.5)
            return RandomExpression(
                type: type, text: "\(greatest ? "greatest" : "least")(\(first.text), \(second.text))"
            ) { row in
                let values = [first.value(row), second.value(row)].filter { !$0.isNull }
                if values.count < 2 { return values.first ?? .null }
                return (NaiveRules.order(values[0], values[1]) < 0) == greatest ? values[1] : values[0]
            }
        default:
            let subject = expression(.int64, depth: depth - 1)
            return RandomExpression(
                type: type, text: "case (\(subject.text)) when 1 then \(first.text) when n then null else \(second.text) end"
            ) { row in
                let value = subject.value(row)
                if value == .int64(1) { return first.value(row) }
                return !value.isNull && value == row["n"]! ? .null : second.value(row)
            }
        }
    }

    private mutating func condition(_ depth: Int) -> RandomExpression {
        switch int(0...9) {
        case 0, 1:
            let first = expression(.bool, depth: depth - 1)
            let second = expression(.bool, depth: depth - 1)
            let isAnd = chance(0.5)
            return RandomExpression(type: .bool, text: "(\(first.text)) \(isAnd ? "and" : "OR") (\(second.text))") { row in
                let values = [first.value(row), second.value(row)]
                if values.contains(.bool(!isAnd)) { return .bool(!isAnd) }
                return values.contains(.null) ? .null : .bool(isAnd)
            }
        case 2:
            let inner = expression(.bool, depth: depth - 1)
            return strict(.bool, "(not (\(inner.text)))", [inner]) { .bool($0[0] != .bool(true)) }
        case 3:
            let inner = expression(expressionType(), depth: depth - 1)
            let negated = chance(0.5)
            return RandomExpression(type: .bool, text: "(\(inner.text)) is \(negated ? "not " : "")null") { row in
                .bool(inner.value(row).isNull != negated)
            }
        case 4:
            let value = number(depth - 1)
            let members = [number(depth - 1), number(depth - 1)]
            let negated = chance(0.5)
            let text = "(\(value.text)) \(negated ? "not " : "")in (\(members.map(\.text).joined(separator: ", ")), null)"
            return RandomExpression(type: .bool, text: text) { row in
                let own = value.value(row)
                let found = members.contains {
                    let member = $0.value(row)
                    return !own.isNull && !member.isNull && NaiveRules.compare(own, member) == 0
                }
                return found ? .bool(!negated) : .null
            }
        case 5:
            let (value, low, high) = (number(depth - 1), number(depth - 1), number(depth - 1))
            return RandomExpression(type: .bool, text: "(\(value.text)) between (\(low.text)) and (\(high.text))") { row in
                let (own, from, to) = (value.value(row), low.value(row), high.value(row))
                let above: Bool? = own.isNull || from.isNull ? nil : NaiveRules.compare(own, from) >= 0
                let below: Bool? = own.isNull || to.isNull ? nil : NaiveRules.compare(own, to) <= 0
                if above == false || below == false { return .bool(false) }
                return above == nil || below == nil ? .null : .bool(true)
            }
        case 6:
            let text = expression(.string, depth: depth - 1)
            let piece = expression(.string, depth: 0)
            if chance(0.5) {
                return call("contains", .bool, [text, piece]) {
                    .bool(NaiveRules.place(NaiveRules.text($0[1]), NaiveRules.text($0[0])) != nil)
                }
            }
            return call("starts_with", .bool, [text, piece]) {
                .bool(NaiveRules.text($0[0]).starts(with: NaiveRules.text($0[1])))
            }
        case 7:
            let (name, element): (String, FeatureType) = pick([
                ("ns", .float64), ("xs", .int64), ("ss", .string), ("smalls", .int64), ("fs", .float64), ("flags", .bool),
            ])
            let column = leafColumn(name)
            return call("list_contains", .bool, [column, expression(element, depth: depth - 1)]) { values in
                .bool(NaiveRules.elements(values[0]).contains { NaiveRules.compare($0, values[1]) == 0 })
            }
        case 8:
            let inner = number(depth - 1)
            return chance(0.5)
                ? call("is_nan", .bool, [inner]) { .bool(NaiveRules.float($0[0]).isNaN) }
                : call("is_inf", .bool, [inner]) { .bool(NaiveRules.float($0[0]).isInfinite) }
        default:
            let relation = pick(["=", "<>", "!=", "<", "<=", ">", ">=", "=="])
            let first: RandomExpression
            let second: RandomExpression
            if chance(0.5) {
                (first, second) = (number(depth - 1), number(depth - 1))
            } else {
                let type: FeatureType = pick([.string, .timestamp, .bool])
                (first, second) = (expression(type, depth: depth - 1), expression(type, depth: depth - 1))
            }
            return strict(.bool, "(\(first.text)) \(relation) (\(second.text))", [first, second]) { values in
                let order = NaiveRules.compare(values[0], values[1])
                return switch relation {
                case "=", "==": .bool(order == 0)
                case "<>", "!=": .bool(order != 0)
                case "<": .bool(order < 0)
                case "<=": .bool(order <= 0)
                case ">": .bool(order > 0)
                default: .bool(order >= 0)
                }
            }
        }
    }

    func leafColumn(_ name: String) -> RandomExpression {
        RandomExpression(type: randomColumns.first { $0.name == name }!.type, text: name) { $0[name]! }
    }

    private mutating func cast(_ inner: RandomExpression, _ type: FeatureType) -> RandomExpression {
        strict(type, "cast(\(inner.text) as \(type))", [inner]) { NaiveCasts.cast($0[0], to: type) }
    }

    private mutating func integer(_ depth: Int) -> RandomExpression {
        if chance(0.15) {
            return cast(expression(pick([.float64, .string, .bool, .timestamp, .int32]), depth: depth - 1), .int64)
        }
        if chance(0.15) { return part(depth) }
        if chance(0.2) { return listInteger(depth) }
        if chance(0.15) {
            let text = expression(.string, depth: depth - 1)
            return call("length", .int64, [text]) { .int64(Int64(NaiveRules.text($0[0]).count)) }
        }
        let inner = expression(pick([.int64, .int64, .int32]), depth: depth - 1)
        let other = expression(pick([.int64, .int64, .int32]), depth: depth - 1)
        let operation = pick(["+", "-", "*", "%", "div", "mod", "abs", "sign", "neg", "round", "clip", "floor", "trunc"])
        let whole = NaiveRules.integer
        switch operation {
        case "+":
            return strict(.int64, "(\(inner.text)) + (\(other.text))", [inner, other]) {
                NaiveRules.int64(whole($0[0]) + whole($0[1]))
            }
        case "-":
            return strict(.int64, "(\(inner.text)) - (\(other.text))", [inner, other]) {
                NaiveRules.int64(whole($0[0]) - whole($0[1]))
            }
        case "*":
            return strict(.int64, "(\(inner.text)) * (\(other.text))", [inner, other]) {
                NaiveRules.int64(whole($0[0]) * whole($0[1]))
            }
        case "%":
            return strict(.int64, "(\(inner.text)) % (\(other.text))", [inner, other]) {
                NaiveRules.remainder($0[0], $0[1], isFloat: false)
            }
        case "mod": return call("mod", .int64, [inner, other]) { NaiveRules.remainder($0[0], $0[1], isFloat: false) }
        case "div": return call("DIV", .int64, [inner, other]) { NaiveRules.quotient($0[0], $0[1], isFloat: false) }
        case "abs": return call("abs", .int64, [inner]) { NaiveRules.int64(abs(whole($0[0]))) }
        case "sign": return call("sign", .int64, [inner]) { NaiveRules.int64(whole($0[0]).signum()) }
        case "neg": return strict(.int64, "-(\(inner.text))", [inner]) { NaiveRules.int64(-whole($0[0])) }
        case "round": return call("round", .int64, [inner, other]) { NaiveRules.round(whole($0[0]), whole($0[1])) }
        case "clip":
            let high = expression(.int64, depth: depth - 1)
            return call("clip", .int64, [inner, other, high]) { values in
                let (low, top) = (whole(values[1]), whole(values[2]))
                return low > top ? .null : NaiveRules.int64(min(max(whole(values[0]), low), top))
            }
        default: return call(operation, .int64, [inner]) { NaiveRules.int64(whole($0[0])) }
        }
    }

    private mutating func part(_ depth: Int) -> RandomExpression {
        let time = expression(.timestamp, depth: depth - 1)
        let name = pick(["year", "month", "day", "day_of_week", "day_of_year", "hour", "minute"])
        let (offset, text): (Int128, String) = pick([
            (0, ""), (0, ", 'Z'"), (7_200_000_000, ", '+02:00'"), (-20_700_000_000, ", '-05:45'"),
        ])
        return strict(.int64, "\(name)(\(time.text)\(text))", [time]) { values in
            guard let (days, rest) = NaiveRules.local(values[0], offset) else { return .null }
            let date = NaiveRules.date(days)
            return switch name {
            case "year": NaiveRules.int64(date.year)
            case "month": NaiveRules.int64(date.month)
            case "day": NaiveRules.int64(date.day)
            case "day_of_week": NaiveRules.int64(date.dayOfWeek)
            case "day_of_year": NaiveRules.int64(date.dayOfYear)
            case "hour": NaiveRules.int64(rest / 3_600_000_000)
            default: NaiveRules.int64(rest % 3_600_000_000 / 60_000_000)
            }
        }
    }

    private mutating func instant(_ depth: Int) -> RandomExpression {
        if chance(0.4) { return cast(expression(pick([.int64, .string]), depth: depth - 1), .timestamp) }
        let time = expression(.timestamp, depth: depth - 1)
        let unit = pick(["year", "quarter", "month", "week", "day", "hour", "minute", "second"])
        let (offset, text): (Int128, String) = pick([(0, ""), (19_800_000_000, ", '+05:30'")])
        return strict(.timestamp, "date_trunc('\(unit)', \(time.text)\(text))", [time]) {
            NaiveRules.truncate($0[0], unit, offset)
        }
    }
}
