internal import FeatureModel

extension FunctionTable {
    static let text: [Function] = [
        Function(
            "lower", .text, "(x string) → string", "A to Z as a to z; other letters stay.", "lower('ABC é É')", "'abc é É'",
            [text([.string], .lower)]),
        Function(
            "upper", .text, "(x string) → string", "a to z as A to Z; other letters stay.", "upper('abc')", "'ABC'",
            [text([.string], .upper)]),
        Function(
            "trim", .text, "(x string) → string", "x without the spaces at both ends.", "trim('  red ')", "'red'",
            [text([.string], .trim)]),
        Function(
            "length", .text, "(x string or bytes) → int64", "Code points of a text; bytes of bytes.", "length('naïve')", "5",
            [
                Overload([.string], .type(.int64), .text(.length)),
                Overload([.bytes], .type(.int64), .text(.byteCount)),
            ]),
        Function(
            "substr", .text, "(x string, start integer[, count integer]) → string",
            "Code points from start on, which counts from 1, and below zero from the end; null for a count below zero.",
            "substr('feature', 2, 3)", "'eat'",
            [text([.string, .integer], .substringFrom), text([.string, .integer, .integer], .substring)]),
        Function(
            "starts_with", .text, "(x string, start string) → bool", "Whether x begins with start.",
            "starts_with('feature', 'feat')",
            "true", [Overload([.string, .string], .type(.bool), .text(.startsWith))]),
        Function(
            "contains", .text, "(x string, piece string) → bool", "Whether the piece stands in x.", "contains('feature', 'tur')",
            "true", [Overload([.string, .string], .type(.bool), .text(.contains))]),
        Function(
            "replace", .text, "(x string, old string, new string) → string",
            "x with new for each old, from the left; null above 1 MiB.", "replace('a-b-c', '-', '+')", "'a+b+c'",
            [text([.string, .string, .string], .replace)]),
        Function(
            "split", .text, "(x string, separator string) → array(string)",
            "The pieces between separators, or all code points where the separator is empty; null above 65,536.",
            "split('red blue', ' ')", "['red', 'blue']",
            [Overload([.string, .string], .type(.array(.string)), .text(.split))]),
    ]

    private static func text(_ parameters: [Overload.Parameter], _ operation: TextOperation) -> Overload {
        Overload(parameters, .type(.string), .text(operation))
    }

    static let json: [Function] = [
        Function(
            "json_text", .json, "(x string, path literal text) → string",
            "What stands at the path: a text plain, all else as it is written; null where nothing does, or null.",
            "json_text(document, '$.user.name')", "'Ada'", [json(.jsonText, .string)]),
        Function(
            "json_number", .json, "(x string, path literal text) → float64",
            "The number at the path; null where nothing stands there, or something else.",
            "json_number(document, 'user.scores[1]')", "9.5", [json(.jsonNumber, .float64)]),
    ]

    private static func json(_ operation: TextOperation, _ type: FeatureType) -> Overload {
        Overload([.string, .literal], .type(type)) { call throws(Overload.Problem) in
            guard let path = JSONPath(call.literals[1]!) else {
                throw Overload.Problem(
                    argument: 1, message: "this is no path: write one such as '$.user.scores[0]' or '$.\"a key\"'")
            }
            let place = call.builder.path(path)
            return call.emit(.text(operation), immediate: place)
        }
    }

    static let times: [Function] =
        [
            part(.year, "The year.", "2024"), part(.month, "The month, from 1.", "2"),
            part(.day, "The day of the month, from 1.", "29"),
            part(.dayOfWeek, "The day of the week, from 1, Monday, to 7, Sunday.", "4"),
            part(.dayOfYear, "The day of the year, from 1.", "60"), part(.hour, "The hour of the day, from 0.", "13"),
            part(.minute, "The minute of the hour, from 0.", "45"),
        ] + [
            Function(
                "date_trunc", .times, "(unit literal text, t timestamp[, offset literal text]) → timestamp",
                "The start of t's year, quarter, month, week (Monday), day, hour, minute or second, in UTC or at an offset.",
                "date_trunc('month', at)", "2024-02-01T00:00:00.000000Z",
                [truncation([.literal, .timestamp]), truncation([.literal, .timestamp, .literal])]),
            Function(
                "seconds_between", .times, "(earlier timestamp, later timestamp) → float64",
                "Seconds from the first to the second; below zero where the second is earlier.",
                "seconds_between(date_trunc('hour', at), at)", "2700.0",
                [Overload([.timestamp, .timestamp], .type(.float64), .time(.secondsBetween))]),
            Function(
                "days_between", .times, "(earlier timestamp, later timestamp) → float64",
                "The same in days of 24 hours.", "days_between(date_trunc('day', at), at)", "0.5729166666666666",
                [Overload([.timestamp, .timestamp], .type(.float64), .time(.daysBetween))]),
        ]

    private static func part(_ part: TimePart, _ rule: String, _ result: String) -> Function {
        let name = part.rawValue
        return Function(
            name, .times, "(t timestamp[, offset literal text]) → int64", rule, "\(name)(at)", result,
            [
                Overload([.timestamp], .type(.int64), .time(.part(part))),
                Overload([.timestamp, .literal], .type(.int64)) { call throws(Overload.Problem) in
                    call.emit(.time(.part(part)), immediate: try offset(call, 1))
                },
            ])
    }

    private static func truncation(_ parameters: [Overload.Parameter]) -> Overload {
        Overload(parameters, .type(.timestamp)) { call throws(Overload.Problem) in
            guard let unit = TimeUnitName(rawValue: String(decoding: call.literals[0]!, as: UTF8.self)) else {
                let known = TimeUnitName.allCases.map(\.rawValue).joined(separator: ", ")
                throw Overload.Problem(argument: 0, message: "this is no unit that times are cut to: use \(known)")
            }
            return call.emit(.time(.truncate(unit)), immediate: parameters.count == 3 ? try offset(call, 2) : 0)
        }
    }

    /// An offset from UTC in µs.
    private static func offset(_ call: Overload.Call, _ argument: Int) throws(Overload.Problem) -> Int64 {
        let text = call.literals[argument]!
        if text == [UInt8(ascii: "Z")] { return 0 }
        let digits = [1, 2, 4, 5].compactMap { text.count == 6 && text[$0].isDigit ? Int64(text[$0] - UInt8(ascii: "0")) : nil }
        guard digits.count == 4, text[3] == UInt8(ascii: ":"), text[0] == UInt8(ascii: "+") || text[0] == UInt8(ascii: "-"),
            digits[0] * 10 + digits[1] < 24, digits[2] < 6
        else {
            throw Overload.Problem(
                argument: argument,
                message: "this is no offset from UTC: write '+02:00', '-05:30' or 'Z'; zones have no names here")
        }
        let minutes = (digits[0] * 10 + digits[1]) * 60 + digits[2] * 10 + digits[3]
        return (text[0] == UInt8(ascii: "-") ? -minutes : minutes) * 60_000_000
    }

    static let request: [Function] = [
        Function(
            "request_time", .request, "() → timestamp", "The time for which the answer is given; in services only.",
            "request_time()", "", []),
        Function(
            "found", .request, "(column) → bool",
            "Whether a feature was found: PRESENT or NULL_VALUE, not NOT_FOUND or OUTSIDE_MAX_AGE; in services only.",
            "found(amount)", "", []),
    ]
}
