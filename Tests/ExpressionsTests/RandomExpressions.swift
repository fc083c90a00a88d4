import FeatureModel
import TestSupport

@testable import Expressions

/// The columns that random expressions read: two of each scalar type, lists of them, vectors, and JSON documents.
enum RandomTable {
    static let columns: [ExpressionColumn] =
        FeatureType.allScalars.flatMap { [ExpressionColumn("\($0)_1", $0), ExpressionColumn("\($0)_2", $0)] }
        + FeatureType.allScalars.flatMap { type in (1...2).map { ExpressionColumn("\(type)s_\($0)", .array(type)) } }
        + [3, 17].flatMap { length in (1...2).map { ExpressionColumn("vector\(length)_\($0)", .vector(length)) } }
        + [ExpressionColumn("document", .string)]

    static let scope = ExpressionScope(columns, hasRequestTime: true, hasStatuses: true)

    static func row(_ random: inout SplitMix64) -> [Value] {
        columns.map { $0.name == "document" ? document(&random) : cell($0.type, &random) }
    }

    /// More of what is near an edge than `TestSupport` makes: small whole numbers that meet, long texts, numbers as texts.
    private static func cell(_ type: FeatureType, _ random: inout SplitMix64) -> Value {
        if random.chance(0.12) { return .null }
        switch type {
        case .int32 where random.chance(0.5): return .int32(Int32(random.int(-3...3)))
        case .int64 where random.chance(0.5):
            return .int64(random.pick([-2, -1, 0, 1, 2, 3, 1 << 53, 1 << 53 + 1, .max - 1, .min + 1]))
        case .timestamp where random.chance(0.7): return .timestamp(Int64(random.int(-3_000_000_000...3_000_000_000)) * 1_000_003)
        case .float32 where random.chance(0.5):
            return .float32(random.pick([-2.5, -0.5, -0.0, 0, 0.5, 1, .leastNonzeroMagnitude, 3.4028235e38, .infinity]))
        case .float64 where random.chance(0.6): return .float64(random.pick(floats))
        case .string where random.chance(0.3): return .string(ByteString(random.pick(texts)))
        case .array(let element):
            return .array((0..<random.int(0...5)).map { _ in cell(element, &random) })
        default: return random.value(type)
        }
    }

    static let floats: [Double] = [
        -1, -0.5, -0.0, 0, 0.5, 1, 1.5, 2, 2.5, 52.52, 180, -1e-300, .leastNonzeroMagnitude, 1e308, 0x1p53, 0x1p63, -0x1p63,
        .infinity,
        -.infinity, .nan,
        Double.greatestFiniteMagnitude,
    ]

    static let texts = [
        "", "1", "-7", "2.5", "1e400", "NaN", "true", "a,b,,c", "  a\t", "2024-02-29T12:00:00.25+05:30", "1969-12-31", "Zürich",
        String(repeating: "äb🜁", count: 40), "a.b", "é", "it's \"quoted\"\n",
    ]

    private static func document(_ random: inout SplitMix64) -> Value {
        if random.chance(0.1) { return .null }
        if random.chance(0.1) { return .string(ByteString(random.pick(["", "nope", "{", "[", "{a:1}", "1"]))) }
        return .string(ByteString(json(&random, 3)))
    }

    private static func json(_ random: inout SplitMix64, _ depth: Int) -> String {
        let space = random.pick(["", " ", "\n "])
        switch depth == 0 ? 0 : random.int(0...3) {
        case 1:
            return "[" + (0..<random.int(0...3)).map { _ in json(&random, depth - 1) }.joined(separator: "\(space),")
                + "\(space)]"
        case 2, 3:
            let members = (0..<random.int(0...3)).map { _ in
                "\"\(random.pick(["a", "b", "é"]))\"\(space): \(json(&random, depth - 1))"
            }
            return "{\(space)" + members.joined(separator: ",") + "}"
        default: return random.pick(["1", "-2.50", "1e3", "1e999", "true", "false", "null", #""x""#, #""1.5""#, #""q\"\\é""#])
        }
    }
}

/// Well-typed expressions of all operators and functions.
struct RandomExpressions {
    var random: SplitMix64

    private static let comparable = FeatureType.allScalars
    private static let numberTypes: [FeatureType] = [.int32, .int64, .float32, .float64]
    private static let elements = FeatureType.allScalars
    static let resultTypes: [FeatureType] =
        FeatureType.allScalars + [
            .float64, .float64, .int64, .bool, .array(.string), .array(.float64), .array(.int32), .vector(3),
        ]

    func node(_ syntax: Syntax) -> SyntaxNode { SyntaxNode(syntax: syntax, offset: 0) }

    private func call(_ name: String, _ arguments: [SyntaxNode]) -> SyntaxNode { node(.call(name, arguments)) }

    mutating func expression(_ type: FeatureType, _ depth: Int) -> SyntaxNode {
        if depth <= 0 || random.chance(0.08) { return leaf(type) }
        if random.chance(0.2) { return choice(type, depth - 1) }
        switch type {
        case .bool: return bool(depth - 1)
        case .int32: return narrow(type, depth - 1)
        case .int64: return integer(depth - 1)
        case .float32: return narrow(type, depth - 1)
        case .float64: return float(depth - 1)
        case .string: return string(depth - 1)
        case .bytes:
            return random.chance(0.5)
                ? node(.binary(.concatenate, expression(.bytes, depth - 1), expression(.bytes, depth - 1)))
                : node(.cast(expression(.string, depth - 1), .bytes))
        case .timestamp: return time(depth - 1)
        case .array(let element): return list(element, depth - 1)
        case .vector: return leaf(type)
        }
    }

    private mutating func leaf(_ type: FeatureType) -> SyntaxNode {
        if random.chance(0.65) || !type.isScalar {
            let columns = RandomTable.columns.filter { $0.type == type && $0.name != "document" }
            return node(.name(random.pick(columns).name))
        }
        if random.chance(0.06) { return node(.cast(node(.null), type)) }
        switch type {
        case .bool: return node(.bool(random.chance(0.5)))
        case .int64: return node(.integer(random.pick([0, 1, 2, 3, -1, 10, .max, .min, Int64(random.int(-1000...1000))])))
        case .float64:
            let value = random.pick(RandomTable.floats)
            return value.isFinite ? node(.float(value)) : node(.cast(node(.text(value.isNaN ? "NaN" : "Infinity")), .float64))
        case .string: return node(.text(random.pick(RandomTable.texts)))
        case .timestamp: return node(.cast(node(.text("2024-02-29T12:00:00Z")), .timestamp))
        case .bytes: return node(.cast(node(.text("ab")), .bytes))
        case .int32: return node(.cast(node(.integer(Int64(random.int(-9...9)))), .int32))
        default: return node(.cast(node(.float(random.pick([0.1, -2.5, 1e300]))), type))
        }
    }

    private mutating func choice(_ type: FeatureType, _ depth: Int) -> SyntaxNode {
        let (x, y) = (expression(type, depth), expression(type, depth))
        switch random.int(0...6) {
        case 0: return call("coalesce", [x, y])
        case 1 where type.isScalar: return call("nullif", [x, y])
        case 2: return call("if", [expression(.bool, depth), x, y])
        case 3: return node(.choice(of: nil, [(expression(.bool, depth), x)], otherwise: random.chance(0.5) ? y : nil))
        case 4:
            let subject = comparableType()
            return node(
                .choice(of: expression(subject, depth), [(expression(subject, depth), x), (leaf(subject), y)], otherwise: nil))
        case _ where type.isScalar:
            let values = random.chance(0.3) ? [x, node(.null), y] : [x, y]
            return call(random.pick(["greatest", "least"]), values)
        default: return x
        }
    }

    private mutating func comparableType() -> FeatureType { random.pick(Self.comparable + Self.numberTypes) }

    /// Two values that can be compared, often of two types.
    private mutating func pair(_ depth: Int) -> (SyntaxNode, SyntaxNode) {
        let type = comparableType()
        let other = Self.numberTypes.contains(type) ? random.pick(Self.numberTypes) : type
        return (expression(type, depth), expression(other, depth))
    }

    private mutating func number(_ depth: Int) -> SyntaxNode {
        random.chance(0.04) ? node(.null) : expression(random.pick(Self.numberTypes), depth)
    }

    private mutating func whole(_ depth: Int) -> SyntaxNode { expression(random.pick([.int32, .int64]), depth) }

    private mutating func bool(_ depth: Int) -> SyntaxNode {
        switch random.int(0...13) {
        case 0, 1: return node(.binary(random.pick([.and, .or]), expression(.bool, depth), expression(.bool, depth)))
        case 2: return node(.unary(.not, expression(.bool, depth)))
        case 3:
            return node(
                .isNull(expression(random.pick(everyType.filter { $0 != .vector(1) }), depth), negated: random.chance(0.5)))
        case 4:
            let (x, y) = pair(depth)
            return node(.isIn(x, random.chance(0.3) ? [y, node(.null)] : [x, y], negated: random.chance(0.5)))
        case 5:
            let (x, y) = pair(depth)
            return node(.between(x, y, y, negated: random.chance(0.5)))
        case 6: return call(random.pick(["starts_with", "contains"]), [expression(.string, depth), expression(.string, depth)])
        case 7: return contains(depth)
        case 8: return call(random.pick(["is_nan", "is_inf"]), [number(depth)])
        case 9: return call("found", [node(.name(random.pick(RandomTable.columns).name))])
        case 10: return node(.cast(expression(random.pick([.string, .int32, .int64]), depth), .bool))
        default:
            let (x, y) = pair(depth)
            return node(.binary(random.pick([.equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual]), x, y))
        }
    }

    private mutating func contains(_ depth: Int) -> SyntaxNode {
        let element = random.pick(Self.elements)
        let wanted = Self.numberTypes.contains(element) ? random.pick(Self.numberTypes) : element
        return call("list_contains", [expression(.array(element), depth), expression(wanted, depth)])
    }

    private mutating func narrow(_ type: FeatureType, _ depth: Int) -> SyntaxNode {
        if type == .int32, random.chance(0.3) {
            return call(random.pick(["floor", "ceil", "trunc", "round"]), [expression(.int32, depth)])
        }
        if random.chance(0.2) { return element(type, depth) }
        let sources: [FeatureType] = Self.numberTypes + [.string] + (type == .int32 ? [.bool] : [])
        return node(.cast(expression(random.pick(sources), depth), type))
    }

    private mutating func element(_ type: FeatureType, _ depth: Int) -> SyntaxNode {
        let list = expression(.array(type), depth)
        return random.chance(0.4) ? call("list_at", [list, whole(depth)]) : call(random.pick(["list_min", "list_max"]), [list])
    }

    private static let offsets = ["Z", "+02:00", "-09:30", "+18:00", "-18:59"]

    private mutating func integer(_ depth: Int) -> SyntaxNode {
        let parts = ["year", "month", "day", "day_of_week", "day_of_year", "hour", "minute"]
        switch random.int(0...12) {
        case 0...2: return node(.binary(random.pick([.add, .subtract, .multiply, .modulo]), whole(depth), whole(depth)))
        case 3: return call(random.pick(["mod", "div"]), [whole(depth), whole(depth)])
        case 4: return call(random.pick(["abs", "sign"]), [whole(depth)])
        case 5: return node(.unary(.negate, whole(depth)))
        case 6: return call("length", [expression(random.pick([.string, .bytes]), depth)])
        case 7:
            let zone = random.chance(0.5) ? [node(.text(random.pick(Self.offsets)))] : []
            return call(random.pick(parts), [expression(.timestamp, depth)] + zone)
        case 8: return call("list_length", [expression(.array(random.pick(Self.elements)), depth)])
        case 9: return call("list_sum", [expression(.array(random.pick([.int32, .int64])), depth)])
        case 10: return call("hash", [expression(random.pick(Self.resultTypes), depth)])
        case 11: return call("bucket", [expression(random.pick(Self.resultTypes), depth), whole(depth)])
        default:
            return random.chance(0.3)
                ? element(.int64, depth)
                : node(.cast(expression(random.pick([.float32, .float64, .string, .bool, .timestamp, .int32]), depth), .int64))
        }
    }

    private mutating func float(_ depth: Int) -> SyntaxNode {
        let one = [
            "abs", "sign", "floor", "ceil", "round", "trunc", "sqrt", "ln", "log10", "log2", "log1p", "exp", "sin", "cos", "asin",
            "radians",
        ]
        let x = random.chance(0.6) ? expression(.float64, depth) : expression(.float32, depth)
        switch random.int(0...15) {
        case 0...2: return node(.binary(random.pick([.add, .subtract, .multiply, .modulo]), x, number(depth)))
        case 3: return node(.binary(.divide, number(depth), number(depth)))
        case 4, 5: return call(random.pick(one), [x])
        case 6: return call(random.pick(["pow", "atan2"]), [number(depth), number(depth)])
        case 7: return call("haversine_km", (0..<4).map { _ in number(depth - 1) })
        case 8: return call(random.pick(["mod", "div"]), random.chance(0.5) ? [x, number(depth)] : [number(depth), x])
        case 9: return call("round", [number(depth), whole(depth)])
        case 10: return call("clip", [x, number(depth), number(depth)])
        case 11:
            let length = random.pick([3, 17])
            let vectors = [expression(.vector(length), depth), expression(.vector(length), depth)]
            return random.chance(0.2) ? call("norm", [vectors[0]]) : call(random.pick(["dot", "cosine", "l2_distance"]), vectors)
        case 12:
            let type = random.pick(Self.numberTypes)
            return call(
                type == .float32 || type == .float64 ? random.pick(["list_sum", "list_mean"]) : "list_mean",
                [expression(.array(type), depth)])
        case 13:
            return call(
                random.pick(["seconds_between", "days_between"]), [expression(.timestamp, depth), expression(.timestamp, depth)])
        case 14:
            let element = random.pick(Self.elements)
            return random.chance(0.5)
                ? call("jaccard", [expression(.array(element), depth), expression(.array(element), depth)])
                : call("json_number", [document(depth), path()])
        default:
            return random.chance(0.3)
                ? element(.float64, depth)
                : random.chance(0.4)
                    ? node(.unary(.negate, x))
                    : node(.cast(expression(random.pick([.int64, .string, .float32, .int32]), depth), .float64))
        }
    }

    private mutating func document(_ depth: Int) -> SyntaxNode {
        random.chance(0.9) ? node(.name("document")) : call("coalesce", [node(.null), node(.name("document"))])
    }

    private mutating func path() -> SyntaxNode {
        node(.text(random.pick(["a", "b", "a.b", "$.a", "a[0]", "[0]", "[1].a", "é", "a.a.a", "$[0][1]", "b[2].b", "$"])))
    }

    private mutating func string(_ depth: Int) -> SyntaxNode {
        let x = expression(.string, depth)
        switch random.int(0...7) {
        case 0: return node(.binary(.concatenate, x, random.chance(0.1) ? node(.null) : expression(.string, depth)))
        case 1: return call(random.pick(["lower", "upper", "trim"]), [x])
        case 2: return call("substr", [x, whole(depth)] + (random.chance(0.6) ? [whole(depth)] : []))
        case 3: return call("replace", [x, leaf(.string), leaf(.string)])
        case 4: return call("json_text", [document(depth), path()])
        case 5: return element(.string, depth)
        default: return node(.cast(expression(random.pick(FeatureType.allScalars), depth), .string))
        }
    }

    private mutating func time(_ depth: Int) -> SyntaxNode {
        switch random.int(0...4) {
        case 0, 1:
            let unit = random.pick(TimeUnitName.allCases).rawValue
            let zone = random.chance(0.5) ? [node(.text(random.pick(Self.offsets)))] : []
            return call("date_trunc", [node(.text(unit)), expression(.timestamp, depth)] + zone)
        case 2: return node(.cast(expression(random.pick([.int64, .int32, .string]), depth), .timestamp))
        case 3: return call("request_time", [])
        default: return element(.timestamp, depth)
        }
    }

    private mutating func list(_ element: FeatureType, _ depth: Int) -> SyntaxNode {
        let x = expression(.array(element), depth)
        if element == .string, random.chance(0.4) { return call("split", [expression(.string, depth), leaf(.string)]) }
        return random.chance(0.5) ? call("list_distinct", [x]) : call("list_intersect", [x, expression(.array(element), depth)])
    }
}
