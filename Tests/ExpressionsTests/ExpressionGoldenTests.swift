import FeatureModel
import Foundation
import Testing

@testable import Expressions

/// The bits of every function, for ever: a model that was trained with them is served with them, on every machine.
///
/// A line of Golden/expressions.txt is an expression and its result. With `HEADWATER_GOLDEN=add` in the environment, lines are
/// added for expressions that have none; a line that is there never changes: another result is another version of the language.
@Suite struct ExpressionGoldenTests {
    private static let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
        "Golden/expressions.txt")
    private static let numbers = [
        "0.0", "-0.0", "1.0", "-1.0", "0.1", "2.5", "-2.5", "3.7e-310", "1e-9", "123456.789", "1e22", "-1.7976931348623157e308",
        "0.9999999999999999",
        "cast('NaN' as float64)", "cast('Infinity' as float64)", "cast(null as float64)",
    ]
    private static let integers = [
        "0", "1", "-1", "7", "-7", "9007199254740993", "9223372036854775807", "-9223372036854775808", "cast(null as int64)",
    ]
    private static let texts = ["''", "'a'", "'Zürich'", "'a,b,,c'", "' x '", "'12'", "'1e400'", "cast(null as string)"]
    private static let times = [
        "cast('1970-01-01' as timestamp)", "cast('1969-12-31T23:59:59.999999Z' as timestamp)",
        "cast('2024-02-29T13:45:10.5Z' as timestamp)",
        "cast(-9223372036854775808 as timestamp)", "cast(9223372036854775807 as timestamp)",
    ]

    private static func pairs(_ left: [String], _ right: [String]) -> [(String, String)] {
        left.flatMap { l in right.map { (l, $0) } }
    }

    private static var expressions: [String] {
        var all: [String] = []
        for function in [
            "abs", "sign", "floor", "ceil", "trunc", "round", "sqrt", "ln", "log10", "log2", "log1p", "exp", "sin", "cos", "asin",
            "radians", "is_nan", "is_inf", "hash",
        ] {
            all += numbers.map { "\(function)(\($0))" }
        }
        for function in ["abs", "sign", "hash", "cast", "sqrt"] where function != "cast" {
            all += integers.map { "\(function)(\($0))" }
        }
        for function in ["pow", "atan2", "mod", "div", "greatest", "least"] {
            all += pairs(numbers, ["0.0", "-1.0", "2.0", "0.5", "-3.5"]).map { "\(function)(\($0.0), \($0.1))" }
        }
        for operation in ["+", "-", "*", "/", "%", "<", "<=", "=", "<>", ">", ">="] {
            all += pairs(integers, ["0", "-1", "2", "9223372036854775807"]).map { "\($0.0) \(operation) \($0.1)" }
            all += pairs(numbers, ["0.0", "0.1", "-3.0"]).map { "\($0.0) \(operation) \($0.1)" }
        }
        all += pairs(integers, ["9007199254740992.0", "9.223372036854775e18", "0.5"]).flatMap {
            ["\($0.0) < \($0.1)", "\($0.0) = \($0.1)"]
        }
        all += pairs(["2.345", "-2.5", "1234567.891", "1e300"], ["0", "2", "-2", "22", "23", "-23"]).map {
            "round(\($0.0), \($0.1))"
        }
        all += ["lower", "upper", "trim", "length", "hash"].flatMap { function in texts.map { "\(function)(\($0))" } }
        all += pairs(texts, ["'a'", "','", "''"]).flatMap {
            [
                "starts_with(\($0.0), \($0.1))", "contains(\($0.0), \($0.1))", "replace(\($0.0), \($0.1), '-')",
                "list_length(split(\($0.0), \($0.1)))", "\($0.0) || \($0.1)",
            ]
        }
        all += pairs(["-1", "0", "2"], ["1", "3", "-1"]).map { "substr('Zürich', \($0.0), \($0.1))" }
        all += CalendarPart.allCases.flatMap { part in
            times.flatMap { ["\(part.rawValue)(\($0))", "\(part.rawValue)(\($0), '-03:30')"] }
        }
        all += TimeUnitName.allCases.flatMap { unit in times.map { "date_trunc('\(unit.rawValue)', \($0))" } }
        all += pairs(times, times).flatMap { ["seconds_between(\($0.0), \($0.1))", "days_between(\($0.0), \($0.1))"] }
        for type in ["bool", "int32", "int64", "float32", "float64", "string", "timestamp"] {
            all += integers.map { "cast(\($0) as \(type))" }
        }
        for type in ["int32", "int64", "float32", "string"] { all += numbers.map { "cast(\($0) as \(type))" } }
        for type in ["bool", "int32", "int64", "float32", "float64", "timestamp", "bytes"] {
            all += texts.map { "cast(\($0) as \(type))" }
        }
        all += [
            "haversine_km(52.52, 13.405, 48.8566, 2.3522)", "haversine_km(0, 0, 0, 180)", "haversine_km(90, 0, -90, 77)",
            "clip(7, 1, 5)", "clip(cast('NaN' as float64), 0, 1)", "bucket('a', 10)", "bucket(7, 0)",
        ]
        all += FunctionTable.all.map(\.example).filter { !$0.isEmpty }
        var seen: Set<String> = []
        return all.filter { seen.insert($0).inserted }
    }

    private func shown(_ value: Value) -> String {
        switch value {
        case .null: "null"
        case .bool(let value): "bool \(value)"
        case .int32(let value): "int32 \(value)"
        case .int64(let value): "int64 \(value)"
        case .float32(let value): "float32 \(hexadecimal(UInt64(value.bitPattern), 8))"
        case .float64(let value): "float64 \(hexadecimal(value.bitPattern, 16))"
        case .timestamp(let value): "timestamp \(value)"
        case .string(let value): "string \(value.bytes.map { hexadecimal(UInt64($0), 2) }.joined())"
        case .bytes(let value): "bytes \(value.bytes.map { hexadecimal(UInt64($0), 2) }.joined())"
        default: "\(value)"
        }
    }

    private func hexadecimal(_ number: UInt64, _ digits: Int) -> String {
        let text = String(number, radix: 16)
        return String(repeating: "0", count: digits - text.count) + text
    }

    @Test func everyFunctionGivesTheBitsThatItGave() throws {
        let lines = try String(contentsOf: Self.file, encoding: .utf8).split(separator: "\n").map(String.init)
        var known = Dictionary(
            uniqueKeysWithValues: lines.map { line in
                let parts = line.split(separator: "\t", maxSplits: 1).map(String.init)
                return (parts[0], parts[1])
            })
        for (text, result) in known { #expect(try evaluated(text) == result, "\(text)") }
        var added = ""
        for text in Self.expressions where known[text] == nil {
            known[text] = try evaluated(text)
            added += "\(text)\t\(known[text]!)\n"
        }
        if ProcessInfo.processInfo.environment["HEADWATER_GOLDEN"] == "add" {
            try ((lines + [added]).joined(separator: "\n")).write(to: Self.file, atomically: true, encoding: .utf8)
        } else {
            #expect(added.isEmpty, "no golden line yet: HEADWATER_GOLDEN=add swift test --filter ExpressionGoldenTests")
        }
        for function in FunctionTable.all where !function.example.isEmpty {
            #expect(known.keys.contains { $0.contains("\(function.name)(") }, "\(function.name) has no golden line")
        }
    }

    private func evaluated(_ text: String) throws -> String {
        let expression = try Expression(text, in: ExpressionScope([]))
        let evaluator = ExpressionEvaluator(expression)
        let alone = shown(evaluator.evaluate([]))
        #expect(shown(evaluator.evaluate([], rowCount: 3).value(2)) == alone, "\(text)")
        return alone
    }
}
