import Foundation
import FeatureModel
import TestSupport
import Testing

@testable import Expressions

/// Bits of every function and operator, over cells of all kinds: `Golden/language.txt` holds them for ever, as expressions
/// of version 1 keep their values on every machine. Lines are only added: with HEADWATER_GOLDEN=add the test below appends
/// those of expressions that the file does not have yet.
@Suite struct LanguageGoldenTests {
    /// Rows of each expression.
    private static let rowCount = 16

    static let expressions =
        ["x + y", "n + m", "x - f", "n - small", "x * y", "n * m", "x / y", "n / m", "x % y", "n % m", "-x", "-n"]
        + [
            "x = y", "n <> m", "n < x", "f <= x", "s > t", "at >= \"then\"", "flag and x > 0", "flag or n > 0", "not flag",
            "s || t",
        ]
        + [
            "x is null", "x is not null", "n in (1, 2, x)", "n not in (3, m)", "x between y and 2",
            "case when flag then x else n end",
        ]
        + [
            "case n when 1 then s when m then t end", "cast(x as int64)", "cast(x as int32)", "cast(x as float32)",
            "cast(s as float64)",
        ]
        + [
            "cast(s as int64)", "cast(s as bool)", "cast(s as timestamp)", "cast(x as string)", "cast(f as string)",
            "cast(n as string)",
        ]
        + [
            "cast(at as string)", "cast(raw as string)", "cast(n as bool)", "abs(x)", "abs(n)", "sign(x)", "floor(x)", "ceil(x)",
            "round(x)",
        ]
        + [
            "round(x, 1)", "round(n, -1)", "round(y, n)", "trunc(x)", "sqrt(x)", "ln(x)", "log10(x)", "log2(x)", "log1p(x)",
            "exp(x)",
        ]
        + [
            "pow(x, y)", "pow(2, n)", "least(x, y, n)", "greatest(s, t)", "clip(x, -1, y)", "clip(n, 0, m)", "mod(n, m)",
            "div(x, y)",
        ]
        + [
            "coalesce(x, y, 0)", "nullif(n, m)", "if(flag, x, f)", "sin(x)", "cos(x)", "asin(x / 40)", "atan2(x, y)",
            "radians(x)",
        ]
        + [
            "haversine_km(x, y, f, n)", "lower(s)", "upper(s)", "trim(s)", "length(s)", "length(raw)", "substr(s, n)",
            "substr(s, n, 2)",
        ]
        + [
            "starts_with(s, t)", "contains(s, 'a')", "replace(s, 'a', t)", "split(s, ',')", "split(s, '')", "year(at)",
            "month(at)",
        ]
        + ["day(at)", "day_of_week(at)", "day_of_year(at)", "hour(at, '+05:30')", "minute(at)", "date_trunc('week', at)"]
        + [
            "date_trunc('quarter', at, '-03:00')", "seconds_between(at, \"then\")", "days_between(at, \"then\")", "dot(v, w)",
            "cosine(v, w)",
        ]
        + [
            "l2_distance(v, w)", "norm(v)", "list_length(xs)", "list_at(ss, n)", "list_contains(ns, x)", "list_sum(xs)",
            "list_sum(ns)",
        ]
        + ["list_mean(fs)", "list_mean(ns)", "list_min(xs)", "list_max(ss)", "list_distinct(xs)", "list_intersect(ns, smalls)"]
        + [
            "jaccard(ss, split(s, ' '))", "json_text(s, 'b')", "json_number(s, 'a')", "hash(x)", "hash(n)", "hash(s)", "hash(ss)",
            "hash(v)",
        ]
        + ["hash(flags)", "bucket(s, 10)", "bucket(f, n)", "is_nan(x)", "is_inf(x)", "x", "f", "v", "xs", "fs", "flag", "raw"]

    private static let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Golden/language.txt")

    private func lines() throws -> [String] {
        try String(contentsOf: LanguageGoldenTests.file, encoding: .utf8).components(separatedBy: "\n").filter {
            !$0.isEmpty && !$0.hasPrefix("#")
        }
    }

    @Test func bitsOfTheLanguageNeverChange() throws {
        try addMissing()
        var known = 0
        for line in try lines() {
            let parts = line.components(separatedBy: " | ")
            let cells = try parts[1].components(separatedBy: " ").filter { !$0.isEmpty }.map {
                cell -> (field: Field, value: Value) in
                let name = String(cell.prefix { $0 != "=" })
                let field = try #require(randomColumns.first { $0.name == name }, "\(cell)")
                return (field, try #require(GoldenCells.value(String(cell.dropFirst(name.count + 1)), field.type), "\(cell)"))
            }
            #expect(GoldenCells.text(try evaluated(parts[0], cells).value) == parts[2], "\(line)")
            known += 1
        }
        #expect(known >= LanguageGoldenTests.expressions.count * LanguageGoldenTests.rowCount)
    }

    @Test func everyFunctionHasGoldenBits() throws {
        let texts = Set(try lines().map { $0.components(separatedBy: " | ")[0] })
        for function in FunctionTable.all where function.group != .request {
            #expect(texts.contains { $0.contains("\(function.name)(") }, "\(function.name)")
        }
        #expect(texts == Set(LanguageGoldenTests.expressions))
    }

    private func addMissing() throws {
        guard ProcessInfo.processInfo.environment["HEADWATER_GOLDEN"] == "add" else { return }
        let known = Set((try? lines())?.map { $0.components(separatedBy: " | ")[0] } ?? [])
        var text =
            (try? String(contentsOf: LanguageGoldenTests.file, encoding: .utf8))
            ?? "# expression | cells | result; floats as bits\n"
        for (index, expression) in LanguageGoldenTests.expressions.enumerated() where !known.contains(expression) {
            var random = SplitMix64(seed: UInt64(index) &+ 20_261_201)
            let names = try ScalarExpression.columnNames(in: expression)
            for _ in 0..<LanguageGoldenTests.rowCount {
                let cells = randomColumns.filter { names.contains($0.name) }.map { (field: $0, value: random.cell($0.type)) }
                let shown = cells.map { "\($0.field.name)=\(GoldenCells.text($0.value))" }.joined(separator: " ")
                text += "\(expression) | \(shown) | \(GoldenCells.text(try evaluated(expression, cells).value))\n"
            }
        }
        try text.write(to: LanguageGoldenTests.file, atomically: true, encoding: .utf8)
    }
}

/// Cells as the golden file has them, without spaces: floats as their bits, texts as their bytes in hexadecimal digits.
private enum GoldenCells {
    static func text(_ value: Value) -> String {
        switch value {
        case .null: "-"
        case .bool(let value): value ? "t" : "f"
        case .int32(let number): "\(number)"
        case .int64(let number), .timestamp(let number): "\(number)"
        case .float32(let number): hex(UInt64(number.bitPattern), 8)
        case .float64(let number): hex(number.bitPattern, 16)
        case .string(let text), .bytes(let text): "'" + text.bytes.map { hex(UInt64($0), 2) }.joined()
        case .array(let values): "[" + values.map(text).joined(separator: ",")
        case .vector(let values): "[" + values.map { hex(UInt64($0.bitPattern), 8) }.joined(separator: ",")
        }
    }

    private static func hex(_ bits: UInt64, _ digits: Int) -> String {
        let text = String(bits, radix: 16)
        return String(repeating: "0", count: digits - text.count) + text
    }

    static func value(_ text: String, _ type: FeatureType) -> Value? {
        if text == "-" { return .null }
        switch type {
        case .bool: return .bool(text == "t")
        case .int32: return Int32(text).map { .int32($0) }
        case .int64: return Int64(text).map { .int64($0) }
        case .timestamp: return Int64(text).map { .timestamp($0) }
        case .float32: return UInt32(text, radix: 16).map { .float32(Float(bitPattern: $0)) }
        case .float64: return UInt64(text, radix: 16).map { .float64(Double(bitPattern: $0)) }
        case .string: return .string(bytes(text.dropFirst()))
        case .bytes: return .bytes(bytes(text.dropFirst()))
        case .array(let element):
            let parts = text.dropFirst().split(separator: ",")
            return .array(parts.compactMap { value(String($0), element) })
        case .vector:
            return .vector(
                text.dropFirst().split(separator: ",").compactMap { UInt32($0, radix: 16).map { Float(bitPattern: $0) } })
        }
    }

    private static func bytes(_ digits: Substring) -> ByteString {
        let all = Array(digits)
        return ByteString(stride(from: 0, to: all.count, by: 2).map { UInt8(String(all[$0...$0 + 1]), radix: 16)! })
    }
}
