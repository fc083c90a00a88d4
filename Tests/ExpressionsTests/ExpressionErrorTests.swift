import FeatureModel
import Testing

@testable import Expressions

/// What is wrong with an expression is said with its place; nothing that somebody writes ends the process.
@Suite struct ExpressionErrorTests {
    private static let scope = ExpressionScope([
        .init("amount", .float64), .init("count_1d", .int64), .init("status", .string), .init("at", .timestamp),
        .init("tags", .array(.string)),
        .init("v", .vector(3)), .init("w", .vector(4)),
    ])

    private func message(_ text: String) -> String? {
        do {
            _ = try Expression(text, in: Self.scope)
            return nil
        } catch {
            #expect(error.code == .invalidArgument && error.location == nil)
            return error.message
        }
    }

    @Test(arguments: [
        ("amont / 2", "column 1: there is no column 'amont'; did you mean 'amount'?\n  amont / 2\n  ^"),
        ("abz(amount)", "column 1: there is no function abz: did you mean abs?\n  abz(amount)\n  ^"),
        (
            "amount + status",
            "column 10: + takes numbers, not string: texts are put together by ||\n  amount + status\n           ^"
        ),
        (
            "at - at",
            "column 1: - takes numbers, not timestamp: seconds_between(a, b) and days_between(a, b) give what lies between two times\n  at - at\n  ^"
        ),
        ("amount > '3'", "column 8: float64 and string cannot be compared: cast one of them\n  amount > '3'\n         ^"),
        (
            "at > '2024-01-01'",
            "column 4: timestamp and string cannot be compared: write a time as cast('2026-01-31T00:00:00Z' as timestamp)\n  at > '2024-01-01'\n     ^"
        ),
        ("round(1, 2, 3)", "column 1: round takes 1 to 2 values, not 3: round(x [, digits])\n  round(1, 2, 3)\n  ^"),
        ("(amount", "column 8: the expression ends where ')' was expected\n  (amount\n         ^"),
        ("amount)", "column 7: ')' stands where an operator or the end was expected\n  amount)\n        ^"),
        ("status = 'open", "column 10: a text has no end: close it with '\n  status = 'open\n           ^"),
        ("1 < 2 < 3", "column 7: comparisons do not chain: put them together with and\n  1 < 2 < 3\n        ^"),
        ("", "column 1: the expression is empty\n  \n  ^"),
        ("amount && 1", "column 8: '&' means nothing here; write and\n  amount && 1\n         ^"),
        ("null", "column 1: the expression is always null: give it a type, as in cast(null as float64)\n  null\n  ^"),
        ("if(amount, 1, 2)", "column 4: if takes a bool, not float64: compare it with something\n  if(amount, 1, 2)\n     ^"),
        (
            "case when amount > 1 then 1 else 'a' end",
            "column 34: int64 and string do not mix: cast one of them\n  case when amount > 1 then 1 else 'a' end\n                                   ^"
        ),
        (
            "cast(amount as decimal)",
            "column 16: unknown type 'decimal': use bool, int32, int64, float32, float64, string, bytes, timestamp, array(T) or vector(n)\n  cast(amount as decimal)\n                 ^"
        ),
        (
            "cast(tags as string)",
            "column 1: array(string) cannot be cast to string: lists and vectors cannot be cast\n  cast(tags as string)\n  ^"
        ),
        ("dot(v, w)", "column 8: dot takes vectors of one length, not vector(3) and vector(4)\n  dot(v, w)\n         ^"),
        (
            "date_trunc('fortnight', at)",
            "column 12: 'fortnight' is no unit of date_trunc: use one of 'second', 'minute', 'hour', 'day', 'week', 'month', 'quarter', 'year'\n  date_trunc('fortnight', at)\n             ^"
        ),
        (
            "year(at, 'Europe/Berlin')",
            "column 10: 'Europe/Berlin' is no distance from UTC: write it as '+02:00' (zones with names would change with their tables)\n  year(at, 'Europe/Berlin')\n           ^"
        ),
        (
            "9223372036854775808",
            "column 1: 9223372036854775808 does not fit int64: write 9223372036854775808.0 for a float64\n  9223372036854775808\n  ^"
        ),
        ("amount +\n  stats", "line 2, column 3: there is no column 'stats'; did you mean 'status'?\n    stats\n    ^"),
        ("request_time()", "column 1: request_time() stands in feature services alone\n  request_time()\n  ^"),
        ("abs", "column 1: there is no column 'abs'; a function is called with parentheses: abs(…)\n  abs\n  ^"),
    ])
    func anErrorPointsToItsPlace(text: String, wanted: String) { #expect(message(text) == wanted) }

    @Test func whatIsHugeIsRefusedOrRead() {
        #expect(message(String(repeating: " ", count: 1 << 20))?.contains("may be 65536 bytes long") == true)
        #expect(
            message(String(repeating: "(", count: 10_000) + "1" + String(repeating: ")", count: 10_000))?.contains(
                "nested more than 200 deep") == true)
        for sign in ["not ", "- ", "+ "] {
            #expect(message(String(repeating: sign, count: 10_000) + "1")?.contains("nested more than 200 deep") == true)
        }
        #expect(
            message(Array(repeating: "1", count: 10_000).joined(separator: " + "))?.contains("nested more than 200 deep") == true)
        #expect(message(String(repeating: "case when true then ", count: 1_000))?.contains("nested more than 200 deep") == true)
        #expect(message(Array(repeating: "abs(", count: 5_000).joined())?.contains("nested more than 200 deep") == true)
        #expect(message("count_1d in (" + (0..<4_000).map(String.init).joined(separator: ", ") + ")") == nil)
        #expect(message("greatest(" + Array(repeating: "amount", count: 4_000).joined(separator: ", ") + ")") == nil)
        #expect(message("amount in (" + String(repeating: "(", count: 199)) != nil)
    }

    @Test func bytesOfAnySortNeverEndTheProcess() {
        var random = SystemRandomNumberGenerator()
        let pieces = [
            "(", ")", "amount", "'", "\"", "case", "when", "1e", "1.", ".", "--", "\n", "é", "in", "not", "is", "<", ",", "cast(",
            "as", "\u{0}", "9223372036854775808", "-",
        ]
        for _ in 0..<20_000 {
            let text = (0..<Int.random(in: 1...12, using: &random)).map { _ in pieces.randomElement(using: &random)! }.joined(
                separator: " ")
            _ = message(text)
        }
    }

    /// The deepest that is read, on the stack of a thread that has little.
    @Test func whatIsReadFitsSmallStacks() async {
        let text = String(repeating: "not (", count: 90) + "amount > 1" + String(repeating: ")", count: 90)
        let ended = await withCheckedContinuation { continuation in
            let thread = SmallThread {
                continuation.resume(returning: (try? Expression(text, in: Self.scope))?.text.isEmpty == false)
            }
            thread.start()
        }
        #expect(ended)
    }
}
