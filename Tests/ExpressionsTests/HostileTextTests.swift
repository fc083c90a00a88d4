import FeatureModel
import Foundation
import Synchronization
import Testing

@testable import Expressions

/// Texts that are made to break a parser end in an error or are worked on, on a small stack too.
@Suite struct HostileTextTests {
    private static func nested(_ open: String, _ inner: String, _ close: String, _ count: Int) -> String {
        String(repeating: open, count: count) + inner + String(repeating: close, count: count)
    }

    /// Ways to nest parts: each of them takes another way through the parser, the compiler and the canonical text.
    private static let nestings: [(name: String, text: @Sendable (Int) -> String)] = [
        ("parentheses", { nested("(", "x", ")", $0) }),
        ("open parentheses", { String(repeating: "(", count: $0) }),
        ("closed parentheses", { "x" + String(repeating: ")", count: $0) }),
        ("not", { String(repeating: "not ", count: $0) + "b" }),
        ("minus signs", { String(repeating: "- ", count: $0) + "x" }),
        ("plus signs", { String(repeating: "+ ", count: $0) + "x" }),
        ("a sum", { "x" + String(repeating: " + x", count: $0) }),
        ("a sum of numbers", { "1" + String(repeating: " + 1", count: $0) }),
        ("a sum to the right", { nested("x + (", "x", ")", $0) }),
        ("truths", { "b" + String(repeating: " and b or b", count: $0) }),
        ("texts", { "s" + String(repeating: " || s", count: $0) }),
        ("tests of null", { "x" + String(repeating: " is null", count: $0) }),
        ("case in else", { nested("case when b then 1 else ", "x", " end", $0) }),
        ("case in then", { nested("case when b then ", "x", " end", $0) }),
        ("case in when", { nested("case when ", "b", " then b end", $0) }),
        ("case in operand", { nested("case ", "x", " when 1 then 2 end", $0) }),
        ("functions", { nested("abs(", "x", ")", $0) }),
        ("coalesce", { nested("coalesce(null, ", "x", ")", $0) }),
        ("clip", { nested("clip(x, 1, ", "x", ")", $0) }),
        ("casts", { nested("cast(", "x", " as float64)", $0) }),
        ("lists of values", { nested("x in (", "b", ")", $0) }),
        ("between", { nested("b between b and (", "b", ")", $0) }),
        ("hashes", { nested("hash(", "x", ")", $0) }),
    ]

    private static let scope = ExpressionScope([
        ExpressionColumn("x", .int64), ExpressionColumn("b", .bool), ExpressionColumn("s", .string),
    ])

    /// What is wrong with the text; `nil` where it is an expression, which is then evaluated too.
    @Sendable private static func problem(_ text: String) -> String? {
        do {
            let expression = try Expression(text, in: scope)
            _ = ExpressionEvaluator(expression).evaluate(
                expression.columns.map { $0.name == "x" ? .int64(1) : $0.name == "b" ? .bool(true) : .string("a") })
            let again = try Expression(expression.text, in: scope)
            return again.text == expression.text ? nil : "another text"
        } catch { return error.message }
    }

    private final class Answer: Sendable {
        let value = Mutex<String?>(nil)
    }

    /// The same on a thread with half a megabyte of stack, as other systems give to threads.
    private static func problemOnSmallStack(_ text: String) -> String? {
        let (answer, done) = (Answer(), DispatchSemaphore(value: 0))
        let thread = Thread {
            let found = problem(text)
            answer.value.withLock { $0 = found }
            done.signal()
        }
        thread.stackSize = 512 << 10
        thread.start()
        done.wait()
        return answer.value.withLock { $0 }
    }

    @Test(arguments: nestings.indices)
    func partsThatAreNestedFarTooDeepAreAnError(_ index: Int) throws {
        for depth in [1_000, 5_000, 10_000] {
            let problem = try #require(
                Self.problemOnSmallStack(Self.nestings[index].text(depth)), "\(Self.nestings[index].name) of \(depth)")
            #expect(problem.contains("column ") || problem.contains("bytes long"), "\(problem)")
            #expect(problem.utf8.count < 600, "\(problem)")
        }
    }

    /// The deepest that is read fits half a megabyte with everything that is done with it.
    @Test(arguments: nestings.indices)
    func partsThatAreNestedAsDeepAsIsAllowedNeedNoMoreStackThanAThreadHas(_ index: Int) throws {
        for depth in [24, 25, 26, 48, 49, 50, 51, 498, 500, 997, 999, 1_000, 1_001] {
            if let problem = Self.problemOnSmallStack(Self.nestings[index].text(depth)) {
                #expect(
                    problem.contains("column ") || problem.contains("always null"),
                    "\(Self.nestings[index].name) of \(depth): \(problem)")
            }
        }
    }

    /// A row in parentheses goes on with the row around it: all of them together are one tall tree.
    @Test func rowsInParenthesesCountTogether() throws {
        for levels in [2, 10, 40] {
            let row = String(repeating: " + x", count: 900 / levels)
            #expect(Self.problemOnSmallStack(Self.nested("(", "x", row + ")", levels)) == nil)
            let long = String(repeating: " + x", count: 300)
            #expect(
                Self.problemOnSmallStack(Self.nested("(", "x", long + ")", levels))?.contains("in a row")
                    == (levels > 2 ? true : nil))
        }
        #expect(Self.problemOnSmallStack("x" + String(repeating: " + x", count: 998)) == nil)
    }

    @Test func aTextOfAMegabyteIsRefusedUnread() throws {
        for text in [
            String(repeating: "a", count: 1 << 20), String(repeating: "(", count: 1 << 20),
            String(repeating: " ", count: 1 << 20),
        ] {
            let problem = try #require(Self.problemOnSmallStack(text))
            #expect(problem == "an expression may be 65536 bytes long, this one has 1048576: split it into several features")
        }
    }

    @Test func longNamesAndNumbersGiveShortMessages() throws {
        for text in [
            String(repeating: "a", count: 65_000), "\"\(String(repeating: "é", count: 30_000))\"",
            String(repeating: "f", count: 60_000) + "(x)",
            "date_trunc('\(String(repeating: "y", count: 60_000))', x)", String(repeating: "9", count: 60_000),
            "1\(String(repeating: "0", count: 60_000)).0",
            "cast(x as \(String(repeating: "t", count: 60_000)))", "x \(String(repeating: "w", count: 60_000))",
            "'\(String(repeating: "a", count: 60_000))' + 1",
            "year(x, '\(String(repeating: "z", count: 60_000))')",
        ] {
            let problem = try #require(Self.problem(text))
            #expect(problem.utf8.count < 700, "\(problem.prefix(300))… of \(problem.utf8.count) bytes")
        }
    }

    @Test func messagesHoldNothingThatATerminalObeys() throws {
        for text in [
            "\"a\u{1B}[2Jb\"", "'\u{1B}[2J\u{202E}' + 1", "x \u{7F} \u{9B}31m", "f\u{202E}(x)", "\u{200B}x", "x\u{85}y",
            "year(x, '\u{1B}')", "cast(x as \u{202E}a)",
        ] {
            let problem = try #require(Self.problem(text))
            #expect(PlainText.quoted(problem, keepsLines: true) == problem, "\(PlainText.quoted(problem))")
        }
    }

    @Test func aHugeListOfValuesIsQuick() throws {
        let started = ContinuousClock.now
        #expect(Self.problemOnSmallStack("x in (" + (0..<3_000).map(String.init).joined(separator: ",") + ")") == nil)
        #expect(Self.problemOnSmallStack("greatest(" + (0..<3_000).map(String.init).joined(separator: ",") + ")") == nil)
        #expect(Self.problemOnSmallStack("coalesce(" + (0..<2_000).map { "x+\($0)" }.joined(separator: ",") + ")") == nil)
        #expect(
            Self.problemOnSmallStack("case " + (0..<1_000).map { "when x=\($0) then \($0)" }.joined(separator: " ") + " end")
                == nil)
        #expect(ContinuousClock.now - started < .seconds(60))
    }

    @Test func everyPrefixOfATextIsAnErrorOrAnExpression() throws {
        let text =
            "case when not (a1 >= -1.5e3 or s in ('é''', \"x\")) then cast(x as array(int64)) else between_ not between 1 and 2 end -- done\n|| x"
        for end in text.unicodeScalars.indices {
            for start in [text.startIndex, text.unicodeScalars.index(after: text.startIndex)] where start <= end {
                if let problem = Self.problem(String(text[start..<end])) { #expect(problem.contains("column "), "\(problem)") }
            }
        }
    }

    @Test func randomBytesAreAnErrorOrAnExpression() {
        var random = SystemRandomNumberGenerator()
        let pieces = [
            "(", ")", "x", "b", "s", "'", "\"", "-", "--", "\n", "not ", " and ", " in ", " between ", "case ", " when ",
            " then ", " else ", " end", "1", ".", "e", "abs(", ",", " is ", "null", "||", "\u{0}", "é", "🜁", "=", "<", "cast(",
            " as ", "int64", "%",
        ]
        for _ in 0..<2_000 {
            let text = (0..<Int.random(in: 0...14, using: &random)).map { _ in pieces.randomElement(using: &random)! }.joined()
            if let problem = Self.problem(text) {
                #expect(problem.contains("column ") && problem != "another text", "\(text): \(problem)")
            }
        }
    }
}
