import FeatureModel
import Testing

@testable import Expressions

/// What an expression gives of some named cells, as text: the bits of a float where they matter are in the golden file.
func given(_ text: String, _ cells: KeyValuePairs<String, Value> = [:], requestTime: Microseconds = 0) throws -> String {
    let columns = cells.map { ExpressionColumn($0.key, typeOf($0.value)) }
    let expression = try Expression(text, in: ExpressionScope(columns, hasRequestTime: true, hasStatuses: true))
    let values = expression.columns.map { column in cells.first { $0.key == column.name }!.value }
    return shown(ExpressionEvaluator(expression).evaluate(values, requestTime: requestTime))
}

private func typeOf(_ value: Value) -> FeatureType {
    switch value {
    case .null, .float64: .float64
    case .bool: .bool
    case .int32: .int32
    case .int64: .int64
    case .float32: .float32
    case .string: .string
    case .bytes: .bytes
    case .timestamp: .timestamp
    case .array(let values): .array(values.first.map(typeOf) ?? .int64)
    case .vector(let values): .vector(values.count)
    }
}

private func shown(_ value: Value) -> String {
    switch value {
    case .null: "null"
    case .bool(let value): "\(value)"
    case .int32(let value): "\(value)"
    case .int64(let value): "\(value)"
    case .float32(let value): "\(value)"
    case .float64(let value): "\(value)"
    case .string(let value), .bytes(let value): "\(value)"
    case .timestamp(let value): TimeText.format(value)
    case .array(let values): "[" + values.map(shown).joined(separator: " ") + "]"
    case .vector(let values): "\(values)"
    }
}

/// The rules of docs/expressions.md, one after the other, each with the cases that tell it from its neighbours.
@Suite struct RuleTests {
    private func expect(_ cases: KeyValuePairs<String, String>, _ cells: KeyValuePairs<String, Value> = [:]) throws {
        for (text, result) in cases { #expect(try given(text, cells) == result, "\(text)") }
    }

    @Test func logicHasThreeValues() throws {
        let values = ["true", "false", "null"]
        let and = ["true", "false", "null", "false", "false", "false", "null", "false", "null"]
        let or = ["true", "true", "true", "true", "false", "null", "true", "null", "null"]
        for (index, pair) in values.flatMap({ x in values.map { (x, $0) } }).enumerated() {
            #expect(try given("\(pair.0) and \(pair.1)") == and[index], "\(pair)")
            #expect(try given("\(pair.0) or \(pair.1)") == or[index], "\(pair)")
        }
        try expect([
            "not null": "null", "not true": "false", "null = null": "null", "1 in (2, null)": "null", "1 in (1, null)": "true",
            "1 not in (2, null)": "null", "null in (1)": "null", "2 between 1 and null": "null", "0 between 1 and null": "false",
            "0 not between 1 and null": "true", "case when null then 1 else 2 end": "2",
            "case null when null then 1 else 2 end": "2",
            "if(null, 1, 2)": "2", "null is null": "true", "1 is not null": "true",
        ])
    }

    @Test func nullGoesThroughAllButWhatSeesIt() throws {
        try expect([
            "null + 1": "null", "abs(cast(null as int64))": "null", "'a' || null": "null", "coalesce(null, 2)": "2",
            "greatest(1, null, 3)": "3", "least(null, cast(null as int64))": "null", "clip(5, null, 10)": "null",
            "nullif(1, null)": "1", "nullif(null, 1) is null": "true", "hash(null) is null": "true", "length(null)": "null",
        ])
    }

    @Test func divisionIsOfFloatsAndNullByZero() throws {
        try expect([
            "7 / 2": "3.5", "6 / 3": "2.0", "1 / 0": "null", "1 / -0.0": "null", "0.0 / 0": "null",
            "cast('NaN' as float64) / 0": "null",
            "1 / cast('Infinity' as float64)": "0.0", "7 % 3": "1", "-7 % 3": "-1", "7 % -3": "1", "7.5 % 2": "1.5",
            "-7.5 % 2": "-1.5",
            "7 % 0": "null", "7.5 % 0": "null", "div(7, 2)": "3", "div(-7, 2)": "-3", "div(7, -2)": "-3", "div(7, 0)": "null",
            "div(7.5, 2)": "3.0", "div(7.5, 0)": "null", "-9223372036854775808 % -1": "0",
            "div(-9223372036854775808, -1)": "null",
        ])
    }

    @Test func integersThatDoNotFitAreNullAndFloatsInfinite() throws {
        try expect([
            "9223372036854775807 + 1": "null", "-9223372036854775808 - 1": "null", "9223372036854775807 * 2": "null",
            "-(-9223372036854775808)": "null", "abs(-9223372036854775808)": "null",
            "9223372036854775807 + 0": "9223372036854775807",
            "-9223372036854775808": "-9223372036854775808", "1e308 * 10": "inf", "-1e308 * 10": "-inf",
            "1e308 * 10 - 1e308 * 10": "nan",
            "9223372036854775807 + 1.0": "9.223372036854776e+18",
        ])
        // 32 bits are no bound: what comes of them has 64.
        #expect(try given("x + x", ["x": .int32(.max)]) == "4294967294")
        #expect(try given("-x", ["x": .int32(.min)]) == "2147483648")
        #expect(try given("cast(x + 1 as int32)", ["x": .int32(.max)]) == "null")
    }

    @Test func integersAndFloatsCompareExactly() throws {
        let cells: KeyValuePairs<String, Value> = [
            "i": .int64(1 << 53 + 1), "f": .float64(0x1p53), "m": .int64(.max), "top": .float64(0x1p63),
        ]
        try expect(
            [
                "i = f": "false", "i > f": "true", "f < i": "true", "i <= f": "false", "f >= i": "false", "i <> f": "true",
                "m = top": "false", "m < top": "true", "top > m": "true", "m in (top)": "false",
                "nullif(m, top)": "9223372036854775807",
                "m between 0 and top": "true", "i + 0.0 = f": "true", "1 = 1.0": "true", "0 = -0.0": "true",
                "m < cast('NaN' as float64)": "true", "m < cast('Infinity' as float64)": "true",
                "-9223372036854775808 = -9223372036854775808.0": "true",
                "-9223372036854775808 > cast('-Infinity' as float64)": "true",
            ], cells)
    }

    @Test func nanIsItselfAndAboveAllNumbers() throws {
        try expect(
            [
                "n = n": "true", "n <> n": "false", "n > 1e308": "true", "n > cast('Infinity' as float64)": "true",
                "n >= n": "true",
                "n < n": "false", "1 < n": "true", "n in (1, n)": "true", "greatest(1, n, 2)": "nan", "least(n, 2)": "2.0",
                "clip(n, 0, 1)": "1.0", "greatest(-0.0, 0.0)": "0.0", "least(0.0, -0.0)": "-0.0", "least(-0.0, 0.0)": "-0.0",
                "is_nan(n)": "true",
                "is_inf(n)": "false", "sqrt(n)": "nan", "ln(n)": "nan", "cast(n as string)": "NaN", "cast(n as int64)": "null",
                "sign(n)": "nan",
            ], ["n": .float64(Double(bitPattern: 0xFFF8_0000_0000_1234))])
    }

    @Test func everyNaNLeavesWithTheSameBits() throws {
        for bits: UInt64 in [0x7FF8_0000_0000_0001, 0xFFF8_0000_0000_0000, 0x7FF0_0000_0000_0001] {
            for text in [
                "x", "-x", "x + 1", "coalesce(null, x)", "if(true, x, 0.0)", "greatest(x, 1)",
                "cast(cast(x as float32) as float64)",
            ] {
                let expression = try Expression(text, in: ExpressionScope([ExpressionColumn("x", .float64)]))
                let cell = Value.float64(Double(bitPattern: bits))
                let one = Value.float64(Double(bitPattern: 0x7FF8_0000_0000_0000))
                #expect(ExpressionEvaluator(expression).evaluate([cell]) == one, "\(text)")
                #expect(
                    ExpressionEvaluator(expression).evaluate([try Column(.float64, [cell])], rowCount: 1).value(0) == one,
                    "\(text)")
            }
        }
    }

    @Test func functionsAreNullOutsideOfWhereTheyAreDefined() throws {
        try expect([
            "sqrt(-1)": "null", "sqrt(-0.0)": "-0.0", "ln(0)": "null", "ln(-1)": "null", "log10(0)": "null", "log2(-0.0)": "null",
            "log1p(-1)": "null", "log1p(-2)": "null", "asin(1.0000000000000002)": "null", "asin(1)": "1.5707963267948966",
            "pow(-8, 0.5)": "null", "pow(0, -1)": "null", "pow(-2, 3)": "-8.0", "pow(0, 0)": "1.0", "exp(1000)": "inf",
            "sin(cast('Infinity' as float64))": "null", "cos(cast('-Infinity' as float64))": "null", "bucket('a', 0)": "null",
            "bucket('a', -3)": "null",
        ])
    }

    @Test func castsAndRoundGoAwayFromZeroAtHalves() throws {
        try expect([
            "round(0.5)": "1.0", "round(-0.5)": "-1.0", "round(2.5)": "3.0", "round(-2.5)": "-3.0",
            "round(0.49999999999999994)": "0.0",
            "round(4503599627370495.5)": "4503599627370496.0", "cast(2.5 as int64)": "3", "cast(-2.5 as int32)": "-3",
            "cast(0.4 as int64)": "0",
            "cast(9.3e18 as int64)": "null", "cast(3e9 as int32)": "null", "cast(3000000000 as int32)": "null",
            "cast(9223372036854774784.0 as int64)": "9223372036854774784",
            "round(2.345, 2)": "2.35", "round(1234.5, -2)": "1200.0", "round(-1250.0, -2)": "-1300.0", "round(1.5, 400)": "1.5",
            "round(7, -1)": "10.0",
            "round(1e300, -30)": "1e+300", "round(7e29, -30)": "1e+30", "round(4e29, -30)": "0.0", "round(1.7e308, -308)": "inf",
            "round(1.7e308, -309)": "0.0",
            "cast('12' as int64)": "12", "cast('+12' as int64)": "null", "cast(' 12' as int64)": "null",
            "cast('1.5' as int64)": "null",
            "cast('1.5' as float64)": "1.5", "cast('x' as float64)": "null", "cast('' as float64)": "null",
            "cast('1e999' as float64)": "null",
            "cast('1e300' as float32)": "null", "cast(1e300 as float32)": "inf", "cast('Infinity' as float64)": "inf",
            "cast('true' as bool)": "true",
            "cast('TRUE' as bool)": "null", "cast(2 as bool)": "true", "cast(true as int64)": "1", "cast(1.0 as string)": "1.0",
            "cast(0.1 as string)": "0.1",
            "cast(cast(0.1 as float32) as string)": "0.1", "cast(cast('a' as bytes) as string)": "a",
            "cast('2024-02-30' as timestamp)": "null",
            "cast('12345' as timestamp)": "null", "cast(cast('1969-12-31T23:59:59.5Z' as timestamp) as int64)": "-500000",
        ])
        #expect(try given("cast(x as string)", ["x": .bytes(ByteString([0xFF]))]) == "null")
    }

    @Test func textsAreCutByCodePointsAndComparedAsBytes() throws {
        try expect([
            "length('日本🜁e\u{301}')": "5", "length(cast('日' as bytes))": "3", "substr('日本🜁x', 2, 2)": "本🜁",
            "substr('abc', 0, 2)": "a",
            "substr('abc', -1, 3)": "a", "substr('abc', -5)": "abc", "substr('abc', -9223372036854775808)": "abc",
            "substr('abc', -9223372036854775808, 9223372036854775807)": "", "substr('abc', 2, 9223372036854775807)": "bc",
            "substr('abc', 4)": "",
            "substr('abc', 1, 0)": "", "substr('abc', 1, -1)": "", "'Z' < 'a'": "true", "'é' = 'e\u{301}'": "false",
            "'ab' < 'abc'": "true", "'' < 'a'": "true",
            "'\u{FFFF}' < '🜁'": "true", "lower('ÄBC')": "Äbc", "upper('äbß')": "äBß", "lower('İ')": "İ",
            "trim('\u{A0} a\t ')": "\u{A0} a",
            "replace('aaa', 'aa', 'b')": "ba", "replace('abc', '', 'x')": "abc", "split('', ',')": "[]",
            "list_length(split('', ','))": "1",
            "split(',a,', ',')": "[ a ]", "split('abc', '')": "[abc]", "starts_with('abc', '')": "true",
            "contains('abc', '')": "true", "contains('', 'a')": "false",
            "contains('aaaaaaaaaaaaaaaaaaaaaaab', 'aaaaaaaaaaaaaaaaaaaab')": "true",
            "contains('aaaaaaaaaaaaaaaaaaaaaaab', 'aaaaaaaaaaaaaaaaaabb')": "false",
        ])
    }

    @Test func timesFollowTheCalendarBefore1970Too() throws {
        func time(_ text: String) -> String { "cast('\(text)' as timestamp)" }
        try expect([
            "year(\(time("1969-12-31T23:59:59.999999Z")))": "1969", "day_of_week(\(time("1969-12-31")))": "3",
            "day_of_week(\(time("2024-03-03")))": "7",
            "day_of_year(\(time("2024-12-31")))": "366", "day_of_year(\(time("1900-12-31")))": "365",
            "day_of_year(\(time("2000-12-31")))": "366",
            "month(\(time("1900-02-28T23:59:59Z")), '+00:01')": "3", "day(\(time("2000-02-28T23:00:00Z")), '+02:00')": "29",
            "hour(\(time("1969-12-31T23:30:00Z")))": "23",
            "hour(\(time("2024-01-01T00:30:00Z")), '-09:30')": "15", "minute(\(time("1969-12-31T23:59:59Z")))": "59",
            "year(\(time("2024-01-01")), '-18:59')": "2023",
            "date_trunc('week', \(time("2024-03-03T12:00:00Z")))": "2024-02-26T00:00:00.000000Z",
            "date_trunc('week', \(time("1970-01-01")))": "1969-12-29T00:00:00.000000Z",
            "date_trunc('second', \(time("1969-12-31T23:59:59.5Z")))": "1969-12-31T23:59:59.000000Z",
            "date_trunc('quarter', \(time("2024-06-30")))": "2024-04-01T00:00:00.000000Z",
            "date_trunc('day', \(time("2024-01-01T23:00:00Z")), '+02:00')": "2024-01-01T22:00:00.000000Z",
            "date_trunc('YEAR', \(time("1969-07-20")))": "1969-01-01T00:00:00.000000Z",
            "year(cast(-9223372036854775808 as timestamp))": "-290308",
            "date_trunc('year', cast(-9223372036854775808 as timestamp))": "null",
            "year(cast(9223372036854775807 as timestamp), '+18:00')": "294247",
            "seconds_between(\(time("1970-01-02")), \(time("1970-01-01")))": "-86400.0",
            "days_between(cast(-9223372036854775808 as timestamp), cast(9223372036854775807 as timestamp))": "213503982.33460128",
            "request_time()": "1970-01-01T00:00:00.000000Z",
        ])
        #expect(try given("days_between(x, request_time())", ["x": .timestamp(0)], requestTime: 43_200_000_000) == "0.5")
    }

    @Test func distancesHaveNoHolesAtPolesAndAntipodes() throws {
        try expect([
            "haversine_km(10, 20, 10, 20)": "0.0", "round(haversine_km(0, 0, 0, 180), 3)": "20015.114",
            "round(haversine_km(90, 0, -90, 55), 3)": "20015.114",
            "round(haversine_km(0, 179.5, 0, -179.5), 3)": "111.195", "haversine_km(null, 0, 0, 0)": "null",
            "haversine_km(cast('NaN' as float64), 0, 0, 0)": "null",
            // 100° north is 80° north on the other side.
            "haversine_km(100, 0, 80, 180) < 0.001": "true", "haversine_km(95.5, 10, 84.5, -170) < 0.001": "true",
        ])
    }

    @Test func listsPassOverNullsButCountThem() throws {
        let cells: KeyValuePairs<String, Value> = [
            "l": .array([.int32(3), .null, .int32(1), .int32(3)]),
            "f": .array([.float64(-0.0), .float64(0), .float64(.nan), .null]),
            "e": .array([]), "m": .array([.int64(.max), .int64(1), .int64(-1)]), "o": .array([.int64(.max), .int64(1)]),
            "d": .array([.float64(1e308), .float64(1e308), .float64(-1e308)]),
            "s": .array([.float32(0.1), .float32(16_777_216)]),
        ]
        try expect(
            [
                "list_length(l)": "4", "list_sum(l)": "7", "list_mean(l)": "2.3333333333333335", "list_min(l)": "1",
                "list_max(l)": "3", "list_at(l, 2)": "null",
                "list_at(l, -2)": "1", "list_at(l, 0)": "null", "list_at(l, 5)": "null", "list_at(l, -5)": "null",
                "list_at(l, -9223372036854775808)": "null",
                "list_distinct(l)": "[3 1]", "list_contains(l, 3)": "true", "list_contains(l, 2)": "false",
                "list_contains(l, null)": "null",
                "list_contains(l, 3.0)": "true", "list_contains(l, 3.5)": "false", "list_contains(l, 3000000000)": "false",
                "list_contains(f, 0)": "true",
                "list_contains(s, 16777216)": "true", "list_contains(s, 0.1)": "false",
                "list_contains(s, cast(0.1 as float32))": "true",
                "list_contains(m, 9223372036854775808.0)": "false", "list_contains(f, cast('NaN' as float64))": "true",
                "list_distinct(f)": "[-0.0 nan]", "list_min(f)": "-0.0", "list_max(f)": "nan", "list_sum(f)": "nan",
                "list_sum(e)": "null", "list_mean(e)": "null",
                "list_min(e)": "null", "list_length(e)": "0", "list_sum(m)": "9223372036854775807", "list_sum(o)": "null",
                "list_mean(o)": "4.611686018427388e+18",
                "list_sum(d)": "1e+308", "jaccard(e, e)": "null", "jaccard(l, l)": "1.0", "list_intersect(l, l)": "[3 1]",
                "jaccard(split('a,b,b', ','), split('b,c', ','))": "0.3333333333333333",
            ], cells)
    }

    @Test func vectorsAreAddedInEightLanes() throws {
        let cells: KeyValuePairs<String, Value> = ["v": .vector([3, 4]), "z": .vector([0, 0]), "i": .vector([.infinity, 0])]
        try expect(
            [
                "norm(v)": "5.0", "dot(v, v)": "25.0", "cosine(v, v)": "1.0", "cosine(v, z)": "null", "l2_distance(v, z)": "5.0",
                "norm(i)": "inf",
                "cosine(v, i)": "nan",
            ], cells)
        // In plain order the sum would be 1: the great ones meet each other first here, as they are four apart.
        let lanes: [Float] = [1e10, 1, 0, 0, -1e10, 1, 0, 0, 0.5]
        #expect(try given("dot(v, w)", ["v": .vector(lanes), "w": .vector(lanes.map { _ in 1 })]) == "2.5")
    }

    @Test func pathsFindWhatJSONHolds() throws {
        let document =
            #" {"a": {"b": [10, -2.50e1, "x\u00e9\ud83d\ude00\n"], "n": null, "t": true}, "a.b": 1, "": 2, "d": 1, "d": 2, "q": "1.5", "N": "NaN"} "#
        let cells: KeyValuePairs<String, Value> = ["j": .string(ByteString(document))]
        try expect(
            [
                "json_number(j, 'a.b[0]')": "10.0", "json_text(j, 'a.b[1]')": "-2.50e1", "json_number(j, '$.a.b[1]')": "-25.0",
                "json_text(j, 'a.b[2]')": "xé😀\n",
                "json_text(j, 'a.n')": "null", "json_text(j, 'a.n') is null": "true", "json_text(j, 'a.t')": "true",
                "json_number(j, 'a.t')": "null", "json_text(j, 'a')": "null",
                "json_text(j, 'a.b[3]')": "null", "json_text(j, 'a.b[-1]')": "null", "json_text(j, 'a.b[0')": "null",
                "json_text(j, 'a..b')": "null", "json_text(j, '')": "null",
                "json_text(j, 'a.')": "null", "json_text(j, 'x')": "null", "json_number(j, 'd')": "1.0",
                "json_number(j, 'q')": "1.5", "json_number(j, 'N')": "nan",
                "json_text(null, 'a')": "null", "json_number('7', '$')": "7.0", "json_text('[[1,2],[3]]', '[1][0]')": "3",
                "json_text('[]', '[0]')": "null",
            ], cells)
        for malformed in [
            "", "{", "{a:1}", "{'a':1}", #"{"a" 1}"#, #"{"a": -Infinity}"#, #"{"a": NaN}"#, #"{"a": 01}"#, #"{"a": 1.}"#,
            #"{"a": .5}"#, #"{"a": --1}"#, #"{"a": "\x"}"#,
            #"{"a": "\ud800"}"#, #"{"a": "#, #"{"a": tru}"#, #"{"b": [1,], "a": 1}"#, #"{"a": "open"#, "\u{FEFF}{\"a\": 1}",
            #"{"a": +1}"#, #"{"a": 0x10}"#, #"{"a": 1e}"#,
        ] {
            #expect(try given("json_text(j, 'a')", ["j": .string(ByteString(malformed))]) == "null", "\(malformed)")
            #expect(try given("json_number(j, 'a')", ["j": .string(ByteString(malformed))]) == "null", "\(malformed)")
        }
    }

    @Test func hashesDoNotChangeWhereAColumnWidens() throws {
        for (narrow, wide): (Value, Value) in [
            (.int32(-7), .int64(-7)), (.int32(.max), .int64(Int64(Int32.max))), (.float32(0.1), .float64(Double(Float(0.1)))),
            (.float32(-0.0), .float64(0)),
            (.float32(Float(bitPattern: 0xFFC0_1234)), .float64(.nan)), (.float32(-.infinity), .float64(-.infinity)),
            (.string("ab"), .bytes("ab")),
            (.array([.int32(1), .null]), .array([.int64(1), .null])), (.array([.float32(0.5)]), .array([.float64(0.5)])),
        ] {
            #expect(try given("hash(x)", ["x": narrow]) == given("hash(x)", ["x": wide]), "\(narrow)")
            #expect(try given("bucket(x, 97)", ["x": narrow]) == given("bucket(x, 97)", ["x": wide]), "\(narrow)")
        }
        // XXH64 of no bytes, with seed 0, as its reference gives it.
        #expect(try given("hash('')") == String(Int64(bitPattern: 0xEF46_DB37_51D8_E999)))
        #expect(try given("bucket('', 1000)") == String(UInt64(0xEF46_DB37_51D8_E999) % 1000))
        #expect(try given("hash(split('ab,c', ','))") != given("hash(split('a,bc', ','))"))
    }

    @Test func foundTellsANullThatIsStoredFromNoRow() throws {
        let scope = ExpressionScope([ExpressionColumn("x", .float64)], hasStatuses: true)
        let evaluator = ExpressionEvaluator(try Expression("found(x) and x is null", in: scope))
        #expect(evaluator.evaluate([.null], found: [true]) == .bool(true))
        #expect(evaluator.evaluate([.null], found: [false]) == .bool(false))
        #expect(evaluator.evaluate([.float64(1)]) == .bool(false))
        let batch = evaluator.evaluate([try Column(.float64, [.null, .null])], rowCount: 2, found: [[false, true]])
        #expect((0..<2).map { batch.value($0) } == [.bool(false), .bool(true)])
    }

    @Test func nullsAreCountedByTheirReason() throws {
        let scope = ExpressionScope([ExpressionColumn("x", .int64), ExpressionColumn("s", .string)])
        for (text, reason): (String, NullReason) in [
            ("x / 0", .divisionByZero), ("x % 0", .divisionByZero), ("x * 9223372036854775807", .overflow), ("ln(-x)", .domain),
            ("cast(s as int64)", .cast),
            ("list_at(split(s, ','), 9)", .absent), ("json_text(s, 'a')", .absent), ("bucket(x, 0)", .domain),
            ("1 / 0", .divisionByZero),
        ] {
            let evaluator = ExpressionEvaluator(try Expression("coalesce(cast(\(text) as string), s)", in: scope))
            let columns = evaluator.expression.columns.map { $0.name == "x" ? Value.int64(3) : .string("ab") }
            _ = evaluator.evaluate(columns)
            #expect(evaluator.takeNulls() == [reason: 1], "\(text)")
            _ = evaluator.evaluate(columns.map { _ in .null })
            #expect(
                evaluator.takeNulls() == (text == "1 / 0" ? [reason: 1] : [:]), "\(text): a null that comes in is not counted")
        }
    }

    @Test func aTextBeyondACellIsNullBeforeItIsMade() throws {
        let long = Value.string(ByteString(Array(repeating: UInt8(ascii: "a"), count: 1 << 20)))
        let scope = ExpressionScope([ExpressionColumn("x", .string)])
        let evaluator = ExpressionEvaluator(try Expression("length(replace(x, 'a', x))", in: scope))
        #expect(evaluator.evaluate([long]) == .null)
        #expect(evaluator.takeNulls() == [.overflow: 1])
    }

    @Test func aJSONDocumentThatIsNestedDeepTakesNoStack() throws {
        let depth = 100_000
        let scope = ExpressionScope([ExpressionColumn("j", .string), ExpressionColumn("p", .string)])
        let evaluator = ExpressionEvaluator(try Expression("json_text(j, p)", in: scope))
        let nested = String(repeating: "[", count: depth)
        let path = String(repeating: "[0]", count: depth)
        #expect(evaluator.evaluate([.string(ByteString(nested)), .string(ByteString(path))]) == .null)
        #expect(evaluator.evaluate([.string(ByteString(nested)), .string("[1]")]) == .null)
    }
}
