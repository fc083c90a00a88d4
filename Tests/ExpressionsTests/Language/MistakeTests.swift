import Expressions
import FeatureModel
import TestSupport
import Testing

/// A mistake, and all that its error says: where, what, the line and the column of the caret below it.
struct Mistake: Sendable, CustomTestStringConvertible {
    let text: String
    let location: String
    let message: String
    let line: String
    let caret: Int
    var testDescription: String { text }

    init(_ text: String, _ location: String, _ message: String, _ line: String, _ caret: Int) {
        self.text = text
        self.location = location
        self.message = message
        self.line = line
        self.caret = caret
    }
}

@Suite struct MistakeTests {
    static let columns = [
        Field("amount", .float64), Field("count_1d", .int64), Field("status", .string), Field("at", .timestamp),
        Field("items", .array(.string)), Field("v", .vector(3)), Field("w", .vector(4)), Field("flag", .bool),
        Field("id", .bytes),
    ]

    static let mistakes: [Mistake] = [
        Mistake(
            "amuont / 2", "character 1",
            "there is no column 'amuont': did you mean 'amount'?",
            "amuont / 2", 0),
        Mistake(
            "absolute(amount)", "character 1",
            "there is no function 'absolute': docs/expressions.md lists all",
            "absolute(amount)", 0),
        Mistake(
            "sqrtt(amount)", "character 1",
            "there is no function 'sqrtt': did you mean 'sqrt'?",
            "sqrtt(amount)", 0),
        Mistake(
            "amount +", "character 9",
            "the expression ends where a value should follow",
            "amount +", 8),
        Mistake(
            "amount > 1 > 2", "character 12",
            "comparisons do not follow one another: write a < b and b < c",
            "amount > 1 > 2", 11),
        Mistake(
            "(amount + 1", "character 12",
            "expected ')' to close the '(' at character 1, not the end",
            "(amount + 1", 11),
        Mistake(
            "amount + 1)", "character 11",
            "this ')' closes nothing: take it away, or open it before",
            "amount + 1)", 10),
        Mistake(
            "status + 1", "character 1",
            "'+' takes numbers, and this is a string: join texts with ||",
            "status + 1", 0),
        Mistake(
            "status = 1", "character 8",
            "a string and an int64 are not compared: write cast(… as float64) around one",
            "status = 1", 7),
        Mistake(
            "at > '2024-01-01'", "character 4",
            "a timestamp and a string are not compared: write cast('2026-01-31T12:00:00Z' as timestamp)",
            "at > '2024-01-01'", 3),
        Mistake(
            "at - at", "character 1",
            "'-' takes numbers, and this is a timestamp: use seconds_between(earlier, later) or days_between(earlier, later)",
            "at - at", 0),
        Mistake(
            "amount and flag", "character 1",
            "'and' takes a condition, and this is a float64: compare it, as in x > 0",
            "amount and flag", 0),
        Mistake(
            "case when amount then 1 end", "character 11",
            "'when' takes a condition, and this is a float64: compare it, as in x > 0",
            "case when amount then 1 end", 10),
        Mistake(
            "case when flag then 1 else 'a' end", "character 28",
            "the branches of 'case' are of different types: an int64 stands before, and this is a string",
            "case when flag then 1 else 'a' end", 27),
        Mistake(
            "round(status)", "character 1",
            "round takes (x number[, digits integer]) → number, not (string)",
            "round(status)", 0),
        Mistake(
            "dot(v, w)", "character 1",
            "dot takes (x vector, y vector) → float64, not (vector(3), vector(4))",
            "dot(v, w)", 0),
        Mistake(
            "'open", "character 1",
            "this text has no closing quote: end it with ', and write a quote within it as ''",
            "'open", 0),
        Mistake(
            "amount ^ 2", "character 8",
            "'^' is no operator: write pow(x, y)",
            "amount ^ 2", 7),
        Mistake(
            "amount::int64", "character 7",
            "'::' is no operator: write cast(x as float64)",
            "amount::int64", 6),
        Mistake(
            "cast(amount as float)", "character 16",
            "unknown type 'float': use bool, int32, int64, float32, float64, string, bytes, timestamp, array(T) or vector(n)",
            "cast(amount as float)", 15),
        Mistake(
            "cast(items as string)", "character 1",
            "an array(string) is not cast to string: take an element with list_at(list, 1)",
            "cast(items as string)", 0),
        Mistake(
            "null", "character 1",
            "this is null in every row, and of no type: write one such as cast(null as float64)",
            "null", 0),
        Mistake(
            "99999999999999999999", "character 1",
            "99999999999999999999 does not fit int64: write 99999999999999999999.0 for a float64",
            "99999999999999999999", 0),
        Mistake(
            "amount in ()", "character 12",
            "expected a value, not ')'",
            "amount in ()", 11),
        Mistake(
            "not", "character 4",
            "the expression ends where a value should follow",
            "not", 3),
        Mistake(
            "a not b", "character 3",
            "expected an operator or the end, not 'not'",
            "a not b", 2),
        Mistake(
            "amount = not flag", "character 10",
            "'not' binds weaker than the operator before it: write (not …)",
            "amount = not flag", 9),
        Mistake(
            "date_trunc('fortnight', at)", "character 12",
            "this is no unit that times are cut to: use year, quarter, month, week, day, hour, minute, second",
            "date_trunc('fortnight', at)", 11),
        Mistake(
            "hour(at, 'Europe/Berlin')", "character 10",
            "this is no offset from UTC: write '+02:00', '-05:30' or 'Z'; zones have no names here",
            "hour(at, 'Europe/Berlin')", 9),
        Mistake(
            "json_text(status, status)", "character 1",
            "json_text takes (x string, path literal text) → string, not (string, string)",
            "json_text(status, status)", 0),
        Mistake(
            "json_text(status, 'a..b')", "character 19",
            "this is no path: write one such as '$.user.scores[0]' or '$.\"a key\"'",
            "json_text(status, 'a..b')", 18),
        Mistake(
            "found(amount)", "character 1",
            "found(…) asks how a feature was found, which only expressions of a service can",
            "found(amount)", 0),
        Mistake(
            "request_time()", "character 1",
            "request_time() has a meaning only in expressions of a service: use the column event_time",
            "request_time()", 0),
        Mistake(
            "items = items", "character 7",
            "values of type array(string) are not compared: compare list_length(x) or elements",
            "items = items", 6),
        Mistake(
            "-- all", "character 1",
            "'--' begins a comment in SQL, and expressions have none: write a minus of a minus as - -",
            "-- all", 0),
        Mistake(
            "1 +\n  amuont", "line 2, character 3",
            "there is no column 'amuont': did you mean 'amount'?",
            "  amuont", 2),
        Mistake(
            "coalesce(amount, status)", "character 1",
            "coalesce takes (x, …) → the same type, not (float64, string)",
            "coalesce(amount, status)", 0),
        Mistake(
            "end", "character 1",
            "'end' is a word of the language: expected a value; quote a column of that name as \"end\"",
            "end", 0),
        Mistake(
            "amount in (1) + 2", "character 15",
            "'+' would take only a part of what stands before it: put that, or the part, in parentheses",
            "amount in (1) + 2", 14),
        Mistake(
            "list_sum(items)", "character 1",
            "list_sum takes (x list of numbers) → int64 or float64, not (array(string))",
            "list_sum(items)", 0),
        Mistake(
            "log(amount)", "character 1",
            "there is no function 'log': write ln(x) for the natural logarithm, log10(x) or log2(x)",
            "log(amount)", 0),
        Mistake(
            "status || amount", "character 11",
            "'||' joins texts, and this is a float64: write cast(… as string)",
            "status || amount", 10),
        Mistake(
            "-status", "character 2",
            "'-' takes a number, and this is a string: write cast(… as float64) if it holds one",
            "-status", 1),
        Mistake(
            "if(flag, 1, 'a')", "character 1",
            "if takes (condition bool, x, y) → the same type, not (bool, int64, string)",
            "if(flag, 1, 'a')", 0),
        Mistake(
            "amount # 2", "character 8",
            "'#' does not belong in an expression; quote a name that holds it as \"name\"",
            "amount # 2", 7),
        Mistake(
            "1.2.3", "character 1",
            "this is no number: write 12, 1.5 or 1e-3, and put a column's name that begins with a digit in \"quotes\"",
            "1.2.3", 0),
        Mistake(
            "2x", "character 1",
            "this is no number: write 12, 1.5 or 1e-3, and put a column's name that begins with a digit in \"quotes\"",
            "2x", 0),
        Mistake(
            "between", "character 1",
            "'between' is a word of the language: expected a value; quote a column of that name as \"between\"",
            "between", 0),
        Mistake(
            "amount between 1", "character 17",
            "expected 'and' between the two ends of 'between', not the end",
            "amount between 1", 16),
        Mistake(
            "coalesce()", "character 1",
            "coalesce takes (x, …) → the same type, not ()",
            "coalesce()", 0),
        Mistake(
            "amount amount", "character 8",
            "expected an operator or the end, not 'amount'",
            "amount amount", 7),
        Mistake(
            "flag or or flag", "character 9",
            "'or' is a word of the language: expected a value; quote a column of that name as \"or\"",
            "flag or or flag", 8),
        Mistake(
            "hash", "character 1",
            "there is no column 'hash': the function of this name takes its arguments in parentheses",
            "hash", 0),
        Mistake(
            "\u{1b}[31m", "character 1",
            "'\\u{1B}' does not belong in an expression; quote a name that holds it as \"name\"",
            "\\u{1B}[31m", 0),
        Mistake(
            "length(items)", "character 1",
            "length takes (x string or bytes) → int64, not (array(string))",
            "length(items)", 0),
        Mistake(
            "1, 2", "character 2",
            "a ',' stands only between a function's arguments and in the list of 'in'",
            "1, 2", 1),
        Mistake(
            "cast(1 as vector(0))", "character 11",
            "type 'vector(0)': a vector's length is a whole number from 1 to 65536",
            "cast(1 as vector(0))", 10),
        Mistake(
            "id = status", "character 4",
            "a bytes and a string are not compared: write cast(… as string) around one",
            "id = status", 3),
        Mistake(
            "amount is flag", "character 11",
            "expected 'null' behind 'is', not 'flag'",
            "amount is flag", 10),
        Mistake(
            "request_time(1)", "character 1",
            "request_time takes no arguments: write request_time()",
            "request_time(1)", 0),
    ]

    @Test(arguments: mistakes)
    func errorsShowThePlaceAndSayWhatToDo(_ mistake: Mistake) {
        let error = refusal { try ScalarExpression(mistake.text, in: ExpressionEnvironment(columns: MistakeTests.columns)) }
        let caret = String(repeating: " ", count: mistake.caret) + "^"
        #expect(error?.code == .invalidArgument)
        #expect(error?.location == mistake.location)
        #expect(error?.message == "\(mistake.message)\n  \(mistake.line)\n  \(caret)")
    }
}
