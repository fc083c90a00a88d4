import Expressions
import FeatureModel
import TestSupport
import Testing

@Suite struct HostileExpressionTests {
    static let environment = ExpressionEnvironment(columns: [Field("x", .float64), Field("s", .string), Field("b", .bool)])

    private func refused(_ text: String) -> String {
        refusal { try ScalarExpression(text, in: HostileExpressionTests.environment) }?.message ?? "accepted"
    }

    @Test(arguments: ["(", "- ", "not ", "abs(", "case when b then ", "x + (", "cast(", "x in ("])
    func deepNestingIsRefusedBeforeTheStackEnds(opening: String) {
        #expect(
            refused(String(repeating: opening, count: 50_000 / opening.utf8.count)).contains("more than 200 levels of nesting"))
        #expect(
            refused(String(repeating: "(", count: 10_000) + "x" + String(repeating: ")", count: 10_000)).contains("200 levels"))
    }

    @Test func aMegabyteIsRefusedByItsSize() {
        #expect(refused(String(repeating: "x + ", count: 262_144) + "x").contains("the limit is 65536"))
        #expect(refused(String(repeating: " ", count: 1 << 20)).contains("the limit is 65536"))
    }

    @Test func longChainsRunUpToTheLimitOfNodes() throws {
        let sum = try ScalarExpression(
            (0..<2_000).map { "x * \($0)" }.joined(separator: "+").replacing("x * ", with: ""),
            in: HostileExpressionTests.environment)
        #expect(sum.inputs.isEmpty)
        #expect(refused(Array(repeating: "x", count: 2_100).joined(separator: "+")).contains("more than 4096 literals"))
        let any = Array(repeating: "x = 1", count: 1_000).joined(separator: " or ")
        var evaluator = Evaluator(try ScalarExpression(any, in: HostileExpressionTests.environment), singleRows: true)
        evaluator.set(0, float: 1)
        evaluator.run()
        #expect(evaluator.value == .bool(true))
    }

    @Test func canonicalTextThatWouldBeTooLongIsRefused() {
        let text = Array(repeating: "'" + String(repeating: "a", count: 28) + "'", count: 2_047).joined(separator: "||")
        #expect(text.utf8.count < 65_536)
        #expect(refusal { try ScalarExpression.canonicalText(of: text) }?.message.contains("in its canonical text") == true)
    }

    @Test func everyCutAndEveryFlippedBitIsParsedOrRefused() {
        let text = "case when b and s <> 'é''x' then round(-x / 1.5e3, 2) else coalesce(x, cast(\"s\" as float64)) end"
        let bytes = Array(text.utf8)
        for cut in bytes.indices { _ = refused(String(decoding: bytes[..<cut], as: UTF8.self)) }
        for place in bytes.indices {
            for bit in 0..<8 {
                var changed = bytes
                changed[place] ^= 1 << UInt8(bit)
                _ = refused(String(decoding: changed, as: UTF8.self))
            }
        }
    }

    @Test(arguments: testSeeds)
    func anyTokensAreParsedOrRefused(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let tokens = [
            "(", ")", ",", "+", "-", "*", "/", "%", "=", "<>", "<", "<=", "||", "and", "or", "not", "is", "null", "in", "between",
            "case",
            "when", "then", "else", "end", "cast", "as", "true", "x", "s", "b", "1", "2.5", "'t'", "abs", "coalesce", "float64",
            "\"x\"",
        ]
        for _ in 0..<3_000 {
            let text = (0..<random.int(1...12)).map { _ in random.pick(tokens) }.joined(separator: " ")
            guard let canonical = try? ScalarExpression.canonicalText(of: text) else { continue }
            #expect(try ScalarExpression.canonicalText(of: canonical) == canonical, "\(text)")
        }
    }

    @Test func textThatDoublesEndsAsNull() throws {
        let cell = Value.string(ByteString(Array(repeating: UInt8(ascii: "a"), count: 1_024)))
        func evaluator(_ doublings: Int) throws -> Evaluator {
            let text = (0..<doublings).reduce("s") { text, _ in "(\(text) || \(text))" }
            return Evaluator(try ScalarExpression("\(text) is not null", in: HostileExpressionTests.environment))
        }
        // More than a batch's share of memory, so that it is run in pieces.
        var longest = try evaluator(10)
        #expect(try longest.evaluate([.value(cell)], count: 300).values.allSatisfy { $0 == .bool(true) })
        #expect(longest.nulls.isEmpty)
        var longer = try evaluator(11)
        #expect(try longer.evaluate([.value(cell)], count: 300).values.allSatisfy { $0 == .bool(false) })
        #expect(longer.nulls[.tooLong] == 300)
    }

    @Test func aPieceThatRepeatsItselfIsFoundInLinearTime() throws {
        let text = ByteString(Array(repeating: UInt8(ascii: "a"), count: 1 << 20))
        let piece = ByteString(Array(repeating: UInt8(ascii: "a"), count: 1 << 19) + [UInt8(ascii: "b")])
        let cells: [(Field, Value)] = [(Field("s", .string), .string(text)), (Field("p", .string), .string(piece))]
        let start = ContinuousClock.now
        #expect(try evaluated("contains(s, p)", cells).value == .bool(false))
        #expect(ContinuousClock.now - start < .seconds(30))
    }

    @Test func deepJSONIsNoJSON() throws {
        let deep = String(repeating: "[", count: 100_000) + String(repeating: "]", count: 100_000)
        let (value, nulls) = try evaluated("json_text(s, '$')", [(Field("s", .string), .string(ByteString(deep)))])
        #expect(value.isNull && nulls[.badJSON] == 1)
    }
}
