import FeatureModel
import TestSupport
import Testing

@testable import Expressions

/// Messages word for word: where it is, what is wrong and what to do.
@Suite struct ErrorTests {
    private static let scope = ExpressionScope([
        ExpressionColumn("amount", .float64), ExpressionColumn("name", .string), ExpressionColumn("n", .int64),
        ExpressionColumn("at", .timestamp),
        ExpressionColumn("tags", .array(.string)), ExpressionColumn("v", .vector(3)), ExpressionColumn("w", .vector(4)),
        ExpressionColumn("raw", .bytes),
    ])

    private func expect(_ text: String, _ message: String) {
        let error = refusal { try Expression(text, in: Self.scope) }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message == message, "\(text)")
    }

    @Test func namesThatAreNotThereComeWithASuggestion() {
        expect("amout * 2", "column 1: there is no column 'amout'; did you mean 'amount'?\n  amout * 2\n  ^")
        expect(
            "2 * zzzzzz",
            "column 5: there is no column 'zzzzzz'; there are amount, name, n, at, tags, v, w, raw\n  2 * zzzzzz\n      ^")
        expect("abs + 1", "column 1: there is no column 'abs'; a function is called with parentheses: abs(…)\n  abs + 1\n  ^")
        expect("sqr(amount)", "column 1: there is no function sqr: did you mean sqrt?\n  sqr(amount)\n  ^")
        expect(
            "frobnicate(amount)",
            "column 1: there is no function frobnicate: 'headwater help expressions' lists them all\n  frobnicate(amount)\n  ^")
        #expect(
            refusal { try Expression("x", in: ExpressionScope([])) }?.message
                == "column 1: there is no column 'x'; there are no columns here\n  x\n  ^")
    }

    @Test func typesThatDoNotFitAreNamed() {
        expect("name + 1", "column 1: + takes numbers, not string: texts are put together by ||\n  name + 1\n  ^")
        expect(
            "at - at",
            "column 1: - takes numbers, not timestamp: seconds_between(a, b) and days_between(a, b) give what lies between two times\n  at - at\n  ^"
        )
        expect("name = 1", "column 6: string and int64 cannot be compared: cast one of them\n  name = 1\n       ^")
        expect(
            "at > '2024-01-01'",
            "column 4: timestamp and string cannot be compared: write a time as cast('2026-01-31T00:00:00Z' as timestamp)\n  at > '2024-01-01'\n     ^"
        )
        expect("not amount", "column 5: not takes a bool, not float64: compare it with something\n  not amount\n      ^")
        expect("amount and true", "column 1: and takes a bool, not float64: compare it with something\n  amount and true\n  ^")
        expect(
            "case when n then 1 end",
            "column 11: when takes a bool, not int64: compare it with something\n  case when n then 1 end\n            ^")
        expect(
            "coalesce(n, name)", "column 13: int64 and string do not mix: cast one of them\n  coalesce(n, name)\n              ^")
        expect("name || n", "column 9: string and int64 do not mix: cast one of them\n  name || n\n          ^")
        expect(
            "tags = tags",
            "column 6: lists cannot be compared: use list_contains, list_length or jaccard\n  tags = tags\n       ^")
        expect("v = v", "column 3: vectors cannot be compared: use l2_distance or cosine\n  v = v\n    ^")
        expect("dot(v, w)", "column 8: dot takes vectors of one length, not vector(3) and vector(4)\n  dot(v, w)\n         ^")
        expect("list_sum(tags)", "column 10: list_sum takes a list of numbers, not of string\n  list_sum(tags)\n           ^")
        expect(
            "list_contains(tags, 1)",
            "column 21: list_contains looks for string here, not int64\n  list_contains(tags, 1)\n                      ^")
        expect("length(tags)", "column 8: length takes a text, not array(string): use list_length\n  length(tags)\n         ^")
        expect(
            "cast(tags as string)",
            "column 1: array(string) cannot be cast to string: lists and vectors cannot be cast\n  cast(tags as string)\n  ^")
        expect(
            "cast(amount as timestamp)",
            "column 1: float64 cannot be cast to timestamp: it can be cast to int32, int64, float32, string\n  cast(amount as timestamp)\n  ^"
        )
        expect(
            "cast(n as money)",
            "column 11: unknown type 'money': use bool, int32, int64, float32, float64, string, bytes, timestamp, array(T) or vector(n)\n  cast(n as money)\n            ^"
        )
        expect("lower(raw)", "column 7: lower takes a string here, not bytes\n  lower(raw)\n        ^")
        expect("substr(name, 1.5)", "column 14: substr takes an integer here, not float64\n  substr(name, 1.5)\n               ^")
        expect("null", "column 1: the expression is always null: give it a type, as in cast(null as float64)\n  null\n  ^")
    }

    @Test func argumentsAreCountedAndLiteralsAskedFor() {
        expect("clip(amount)", "column 1: clip takes 3 values, not 1: clip(x, low, high)\n  clip(amount)\n  ^")
        expect("round()", "column 1: round takes 1 to 2 values, not 0: round(x [, digits])\n  round()\n  ^")
        expect("request_time()", "column 1: request_time() stands in feature services alone\n  request_time()\n  ^")
        expect(
            "found(amount)",
            "column 7: found(…) stands in feature services alone: write 'is not null' here\n  found(amount)\n        ^")
        expect(
            "date_trunc('fortnight', at)",
            "column 12: 'fortnight' is no unit of date_trunc: use one of 'second', 'minute', 'hour', 'day', 'week', 'month', 'quarter', 'year'\n  date_trunc('fortnight', at)\n             ^"
        )
        expect(
            "date_trunc(name, at)",
            "column 12: date_trunc takes its unit as a text that is written out\n  date_trunc(name, at)\n             ^")
        expect(
            "hour(at, 'Europe/Berlin')",
            "column 10: 'Europe/Berlin' is no distance from UTC: write it as '+02:00' (zones with names would change with their tables)\n  hour(at, 'Europe/Berlin')\n           ^"
        )
    }

    @Test func unfinishedTextsSayWhatWasExpected() {
        expect("", "column 1: the expression is empty\n  \n  ^")
        expect("  -- nothing", "column 1: the expression is empty\n    -- nothing\n  ^")
        expect("amount +", "column 9: the expression ends where a value was expected\n  amount +\n          ^")
        expect("(amount", "column 8: the expression ends where ')' was expected\n  (amount\n         ^")
        expect("amount)", "column 7: ')' stands where an operator or the end was expected\n  amount)\n        ^")
        expect("abs(amount", "column 11: the expression ends where ',' or ')' was expected\n  abs(amount\n            ^")
        expect("abs(amount,)", "column 12: ')' stands where a value was expected\n  abs(amount,)\n             ^")
        expect("n in ()", "column 3: in takes at least one value\n  n in ()\n    ^")
        expect("n between 1", "column 12: the expression ends where 'and' was expected\n  n between 1\n             ^")
        expect(
            "case when true then 1",
            "column 22: the expression ends where 'end' was expected\n  case when true then 1\n                       ^")
        expect("case 1 end", "column 8: 'end' stands where 'when' was expected\n  case 1 end\n         ^")
        expect("cast(n int64)", "column 8: 'int64' stands where 'as' was expected\n  cast(n int64)\n         ^")
        expect("n is 1", "column 6: 1 stands where 'null' was expected\n  n is 1\n       ^")
        expect("'open", "column 1: a text has no end: close it with '\n  'open\n  ^")
        expect("\"open", "column 1: a quoted name has no end: close it with \"\n  \"open\n  ^")
        expect(
            "amount amount", "column 8: 'amount' stands where an operator or the end was expected\n  amount amount\n         ^")
        expect("1 < n < 3", "column 7: comparisons do not chain: put them together with and\n  1 < n < 3\n        ^")
        expect("n not", "column 3: 'not' stands where an operator or the end was expected\n  n not\n    ^")
    }

    @Test func straySignsAndNumbersAreExplained() {
        expect("n & 1", "column 3: '&' means nothing here; write and\n  n & 1\n    ^")
        expect("n | 1", "column 3: '|' means nothing here; write or, or || to put texts together\n  n | 1\n    ^")
        expect("!true", "column 1: '!' means nothing here; write not\n  !true\n  ^")
        expect("n ^ 2", "column 3: '^' means nothing here; write pow(x, y)\n  n ^ 2\n    ^")
        expect("n; n", "column 2: ';' means nothing here; an expression is one value, without an end mark\n  n; n\n   ^")
        expect("n @ 1", "column 3: '@' means nothing here\n  n @ 1\n    ^")
        expect("12abc", "column 3: a number ends before a letter: put a space or an operator between them\n  12abc\n    ^")
        expect(
            "9223372036854775808",
            "column 1: 9223372036854775808 does not fit int64: write 9223372036854775808.0 for a float64\n  9223372036854775808\n  ^"
        )
        expect(
            "99999999999999999999",
            "column 1: 99999999999999999999 does not fit int64: write 99999999999999999999.0 for a float64\n  99999999999999999999\n  ^"
        )
        expect("1e999", "column 1: 1e999 is beyond the greatest float64\n  1e999\n  ^")
    }

    @Test func linesAreCountedAndLongOnesCut() {
        expect(
            "amount\n  + name\n  + 1",
            "line 2, column 5: + takes numbers, not string: texts are put together by ||\n    + name\n      ^")
        expect(
            "\tamount +\tname",
            "column 11: + takes numbers, not string: texts are put together by ||\n   amount + name\n            ^")
        expect("'日本語🜁' || n", "column 11: string and int64 do not mix: cast one of them\n  '日本語🜁' || n\n            ^")
        expect(
            String(repeating: "amount + ", count: 30) + "nam + n" + String(repeating: " + n", count: 59),
            "column 271: there is no column 'nam'; did you mean 'name'?\n  …unt + amount + amount + amount + amount + amount + amount + nam + n + n + n + n + n + n + n + n + n + n + n + n + n + n …\n                                                               ^"
        )
    }
}
