import FeatureModel
import TestSupport
import Testing

@testable import Expressions

/// Random expressions over random cells: programs, in batches and row by row, against the naive evaluator, bit for bit.
@Suite struct RandomExpressionTests {
    private static let columns: [ExpressionColumn] = [
        .init("b", .bool), .init("c", .bool), .init("i", .int32), .init("j", .int64), .init("k", .int64), .init("f", .float32),
        .init("x", .float64),
        .init("y", .float64), .init("s", .string), .init("t", .string), .init("raw", .bytes), .init("at", .timestamp),
        .init("to", .timestamp),
        .init("is", .array(.int64)), .init("xs", .array(.float64)), .init("ss", .array(.string)), .init("us", .array(.string)),
        .init("v", .vector(11)), .init("w", .vector(11)),
    ]

    /// Writes expressions of a wanted kind.
    private struct Writer {
        enum Kind { case bool, number, integer, text, time }
        var random: SplitMix64

        mutating func write(_ kind: Kind, _ depth: Int) -> String {
            if depth == 0 || random.chance(0.15) { return leaf(kind) }
            func sub(_ kind: Kind) -> String { "(\(write(kind, depth - 1)))" }
            let any = random.pick([Kind.number, .number, .text, .time, .bool])
            if random.chance(0.15) {
                switch random.int(0...4) {
                case 0: return "if(\(sub(.bool)), \(sub(kind)), \(sub(kind)))"
                case 1: return "case when \(sub(.bool)) then \(sub(kind)) when \(sub(.bool)) then null else \(sub(kind)) end"
                case 2: return "case \(sub(any)) when \(sub(any)) then \(sub(kind)) else \(sub(kind)) end"
                case 3: return "coalesce(\(sub(kind)), \(sub(kind)))"
                default: return "nullif(\(sub(kind)), \(sub(kind)))"
                }
            }
            switch kind {
            case .bool:
                switch random.int(0...9) {
                case 0: return "\(sub(.bool)) and \(sub(.bool))"
                case 1: return "\(sub(.bool)) or \(sub(.bool))"
                case 2: return "not \(sub(.bool))"
                case 3: return "\(sub(any)) is \(random.chance(0.5) ? "not " : "")null"
                case 4: return "\(sub(any)) \(random.chance(0.5) ? "not " : "")in (\(sub(any)), \(sub(any)), null)"
                case 5: return "\(sub(any)) \(random.chance(0.5) ? "not " : "")between \(sub(any)) and \(sub(any))"
                case 6:
                    return random.pick([
                        "is_nan(\(sub(.number)))", "is_inf(\(sub(.number)))", "starts_with(\(sub(.text)), \(sub(.text)))",
                        "contains(\(sub(.text)), \(sub(.text)))",
                    ])
                case 7:
                    return random.pick([
                        "list_contains(is, \(sub(.integer)))", "list_contains(ss, \(sub(.text)))", "list_contains(xs, x)",
                    ])
                default: return "\(sub(any)) \(random.pick(["=", "<>", "<", "<=", ">", ">="])) \(sub(any))"
                }
            case .integer:
                switch random.int(0...4) {
                case 0: return "\(sub(.integer)) \(random.pick(["+", "-", "*", "%"])) \(sub(.integer))"
                case 1:
                    return random.pick([
                        "-\(sub(.integer))", "abs(\(sub(.integer)))", "sign(\(sub(.integer)))",
                        "div(\(sub(.integer)), \(sub(.integer)))", "mod(\(sub(.integer)), \(sub(.integer)))",
                    ])
                case 2:
                    return random.pick([
                        "length(\(sub(.text)))", "length(raw)", "list_length(is)", "list_at(is, \(sub(.integer)))",
                        "list_max(is)", "list_length(list_distinct(ss))", "list_length(list_intersect(ss, us))",
                    ])
                case 3:
                    return
                        "\(random.pick(["year", "month", "day", "day_of_week", "day_of_year", "hour", "minute"]))(\(sub(.time)))"
                default: return "cast(\(random.chance(0.5) ? sub(.number) : sub(.text)) as \(random.pick(["int64", "int32"])))"
                }
            case .number:
                switch random.int(0...9) {
                case 0...2: return "\(sub(.number)) \(random.pick(["+", "-", "*", "/", "%"])) \(sub(.number))"
                case 3:
                    return
                        "\(random.pick(["-", "abs", "sign", "floor", "ceil", "trunc", "round", "sqrt", "ln", "log2", "log10", "log1p", "exp", "sin", "cos", "asin", "radians"]))(\(sub(.number)))"
                case 4: return "\(random.pick(["pow", "atan2", "div", "mod"]))(\(sub(.number)), \(sub(.number)))"
                case 5: return "\(random.pick(["greatest", "least"]))(\(sub(.number)), \(sub(.number)), \(sub(.number)))"
                case 6:
                    return random.pick([
                        "clip(\(sub(.number)), \(sub(.number)), \(sub(.number)))",
                        "round(\(sub(.number)), \(random.int(-25...25)))",
                    ])
                case 7:
                    return random.pick([
                        "dot(v, w)", "cosine(v, w)", "l2_distance(v, w)", "norm(v)", "jaccard(ss, us)", "jaccard(xs, xs)",
                        "list_min(xs)", "list_max(xs)", "list_at(xs, -1)",
                    ])
                case 8: return "\(random.pick(["seconds_between", "days_between"]))(\(sub(.time)), \(sub(.time)))"
                default:
                    return random.chance(0.5)
                        ? "cast(\(sub(random.pick([.text, .number]))) as \(random.pick(["float64", "float32"])))"
                        : write(.integer, depth - 1)
                }
            case .text:
                switch random.int(0...4) {
                case 0: return "\(sub(.text)) || \(sub(.text))"
                case 1: return "\(random.pick(["lower", "upper"]))(\(sub(.text)))"
                case 2: return "substr(\(sub(.text)), \(sub(.integer))\(random.chance(0.5) ? ", \(sub(.integer))" : ""))"
                case 3:
                    return random.pick([
                        "list_at(ss, \(sub(.integer)))", "list_min(ss)", "greatest(\(sub(.text)), \(sub(.text)))",
                    ])
                default: return "cast(\(sub(any)) as string)"
                }
            case .time:
                return random.pick([
                    "cast(\(sub(.integer)) as timestamp)", "greatest(\(sub(.time)), \(sub(.time)))",
                    "cast(\(sub(.text)) as timestamp)",
                ])
            }
        }

        private mutating func leaf(_ kind: Kind) -> String {
            switch kind {
            case .bool: random.pick(["b", "c", "true", "false"])
            case .integer:
                random.pick([
                    "i", "j", "k", "0", "1", "-1", "2", "7", "9223372036854775807", "-9223372036854775808", "9007199254740993",
                ])
            case .number:
                random.pick(["i", "j", "k", "f", "x", "y", "0", "1", "-2.5", "0.0", "-0.0", "1e308", "0.1", "9007199254740992.0"])
            case .text:
                random.pick(["s", "t", "''", "'a'", "'Zürich é'", "'12'", "'1.5e3'", "'2024-02-29T13:00:00Z'", "'it''s'"])
            case .time: random.pick(["at", "to", "cast('1969-12-31T23:59:59.999999Z' as timestamp)"])
            }
        }
    }

    private static func cell(_ type: FeatureType, _ random: inout SplitMix64) -> Value {
        if random.chance(0.15) { return .null }
        switch type {
        case .int64 where random.chance(0.5): return .int64(Int64(random.int(-9...9)))
        case .float64 where random.chance(0.5):
            return .float64(random.pick([0.0, -0.0, .nan, .infinity, -.infinity, 0.5, 1.5, -2.5, 3, 1e18, -.nan]))
        case .string where random.chance(0.5):
            return .string(ByteString(random.pick(["a", "A", "é", "12", "-3", "1e5", "NaN", "true", "2020-01-01"])))
        case .timestamp:
            return .timestamp(
                random.chance(0.9)
                    ? Int64(random.int(-4_000_000_000_000_000...4_000_000_000_000_000)) : random.pick([.min, .max, 0, -1]))
        case .array(let element): return .array((0..<random.int(0...5)).map { _ in cell(element, &random) })
        case .vector(let length): return .vector((0..<length).map { _ in random.pick([0, 1, -1.5, 0.1, 3e30, -2]) })
        default: return random.value(type)
        }
    }

    @Test(arguments: testSeeds) func programsGiveWhatTheNaiveEvaluatorGives(seed: UInt64) throws {
        var writer = Writer(random: SplitMix64(seed: seed))
        let types = Dictionary(uniqueKeysWithValues: Self.columns.map { ($0.name, $0.type) })
        let rows = (0..<24).map { _ in Self.columns.map { Self.cell($0.type, &writer.random) } }
        let columns = try Self.columns.indices.map { index in try Column(Self.columns[index].type, rows.map { $0[index] }) }
        var evaluated = 0
        for _ in 0..<300 {
            let kind = writer.random.pick([Writer.Kind.bool, .number, .number, .integer, .text, .time])
            let text = writer.write(kind, 4)
            let expression: Expression
            // Numbers and texts do not mix, which this writer does not know.
            do { expression = try Expression(text, in: ExpressionScope(Self.columns)) } catch { continue }
            evaluated += 1
            let again = try Expression(expression.text, in: ExpressionScope(Self.columns))
            #expect(again.text == expression.text && again.type == expression.type, "seed \(seed): \(text)")
            let node = try Parser.parse(try ExpressionText(text))
            let places = expression.columns.map { column in Self.columns.firstIndex { $0.name == column.name }! }
            let (whole, single) = (ExpressionEvaluator(expression), ExpressionEvaluator(again))
            let batch = whole.evaluate(places.map { columns[$0] }, rowCount: rows.count)
            let againPlaces = again.columns.map { column in Self.columns.firstIndex { $0.name == column.name }! }
            for (number, row) in rows.enumerated() {
                let cells = Dictionary(uniqueKeysWithValues: zip(Self.columns.map(\.name), row))
                let wanted = NaiveEvaluator(types: types, cells: cells).value(node)
                let found = batch.value(number)
                try #require(found == wanted, "seed \(seed), row \(number): \(text)\n\(cells)")
                try #require(
                    single.evaluate(againPlaces.map { row[$0] }) == wanted, "alone: seed \(seed), row \(number): \(text)")
            }
            #expect(whole.takeNulls() == single.takeNulls(), "seed \(seed): \(text)")
        }
        #expect(evaluated > 120)
    }

    @Test func batchesOfManyRowsAreEvaluatedInParts() throws {
        var random = SplitMix64(seed: 9)
        let columns = [ExpressionColumn("x", .float64), ExpressionColumn("s", .string)]
        for rowCount in [0, 1, 1_023, 1_024, 1_025, 3_000] {
            let (x, s) = (random.column(.float64, count: rowCount), random.column(.string, count: rowCount))
            let expression = try Expression("if(x > 0, s || '!', s)", in: ExpressionScope(columns))
            let result = ExpressionEvaluator(expression).evaluate([x, s], rowCount: rowCount)
            #expect(result.count == rowCount)
            for row in 0..<rowCount {
                var wanted = s.value(row)
                if !x.isNull(row), !s.isNull(row), FloatOrder.less(0, x.float64(row)) {
                    wanted = .string(ByteString(Array(s.bytes(row)) + [33]))
                }
                #expect(result.value(row) == wanted)
            }
        }
    }
}
