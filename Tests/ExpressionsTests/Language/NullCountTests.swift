import Expressions
import FeatureModel
import Testing

@Suite struct NullCountTests {
    @Test(arguments: [
        ("1 / zero", NullReason.divisionByZero), ("7 % zero", .divisionByZero), ("div(7, zero)", .divisionByZero),
        ("jaccard(none, none)", .divisionByZero), ("ln(zero)", .outsideDomain), ("sqrt(zero - 1)", .outsideDomain),
        ("asin(zero + 2)", .outsideDomain), ("pow(zero, -1)", .outsideDomain), ("bucket(zero, zero)", .outsideDomain),
        ("clip(zero, 2, 1)", .outsideDomain), ("cosine(v, v)", .outsideDomain), ("most + 1", .overflow),
        ("most * most", .overflow),
        ("cast(most as int32)", .overflow), ("hour(cast(most as timestamp), '+01:00')", .overflow),
        ("cast(word as int64)", .badCast),
        ("cast(word as timestamp)", .badCast), ("cast(1e300 + zero as int64)", .badCast), ("cast(word as bool)", .badCast),
        ("list_at(none, 1)", .noElement), ("json_text(word, 'a')", .badJSON), ("json_number('{\"a\": \"x\"}', 'a')", .badJSON),
    ])
    func reasonsAreCountedOncePerRow(_ text: String, _ reason: NullReason) throws {
        let fields = [
            Field("zero", .int64), Field("most", .int64), Field("word", .string), Field("none", .array(.string)),
            Field("v", .vector(2)),
        ]
        let row: [Value] = [.int64(0), .int64(.max), .string("word"), .array([]), .vector([0, 0])]
        let expression = try ScalarExpression(text, in: ExpressionEnvironment(columns: fields))
        var evaluator = Evaluator(expression)
        var operands: [Operand] = []
        for input in expression.inputs {
            guard case .column(let name, let type) = input else { continue }
            let cell = row[fields.firstIndex { $0.name == name }!]
            operands.append(.column(try Column(type, Array(repeating: cell, count: 700) + [.null])))
        }
        let values = try evaluator.evaluate(operands, count: 701)
        let counted = values.values.prefix(700)
        #expect(counted.allSatisfy { $0.isNull })
        // Where no column is read the last row is one more; where a null came in nothing is counted.
        #expect(evaluator.nulls[reason] == (operands.isEmpty ? 701 : 700))
        for other in NullReason.allCases where other != reason { #expect(evaluator.nulls[other] == 0) }
    }

    @Test func nullsThatComeInAreNotCounted() throws {
        for text in [
            "missing + 1", "ln(missing)", "1 / missing", "nullif(1, 1)", "json_text(document, 'user.age')",
            "list_min(split('', ''))",
        ] {
            let (value, nulls) = try evaluated(text, FunctionTable.exampleColumns)
            #expect(value.isNull && nulls.isEmpty, "\(text)")
        }
    }

    @Test func everyReasonHasAWordForMetrics() {
        #expect(
            NullReason.allCases.map(\.name) == [
                "division_by_zero", "outside_domain", "overflow", "bad_cast", "too_long", "no_element", "bad_json",
            ])
    }
}
