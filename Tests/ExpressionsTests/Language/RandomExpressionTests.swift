import Expressions
import FeatureModel
import TestSupport
import Testing

@Suite struct RandomExpressionTests {
    /// 1,000 expressions of each seed, over 24 rows each.
    @Test(arguments: testSeeds)
    func batchesSingleRowsAndTheNaiveRulesAgree(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let environment = ExpressionEnvironment(columns: randomColumns)
        for _ in 0..<10 {
            let rows = (0..<24).map { _ in random.row() }
            var columns: [String: Column] = [:]
            for field in randomColumns {
                columns[field.name] = random.noise(under: try Column(field.type, rows.map { $0[field.name]! }))
            }
            for _ in 0..<100 {
                let made = random.expression(random.expressionType(), depth: random.int(1...4))
                let expression = try ScalarExpression(made.text, in: environment)
                #expect(expression.type == made.type, "\(made.text)")
                let wanted = rows.map { NaiveRules.leaving(made.value($0)) }
                let operands = expression.inputs.map { input -> Operand in
                    guard case .column(let name, _) = input else { preconditionFailure() }
                    return .column(columns[name]!)
                }
                var batches = Evaluator(expression)
                let got = try batches.evaluate(operands, count: rows.count).values
                if got != wanted {
                    let row = zip(got, wanted).enumerated().first { $0.element.0 != $0.element.1 }!.offset
                    Issue.record("\(made.text): row \(row) is \(got[row]) for \(wanted[row]) of \(rows[row])")
                    return
                }
                var single = Evaluator(expression, singleRows: true)
                let one = rows.map { row -> Value in
                    single.clearRow()
                    for (index, input) in expression.inputs.enumerated() {
                        if case .column(let name, _) = input { single.set(index, row[name]!) }
                    }
                    single.run()
                    return single.value
                }
                #expect(one == wanted, "\(made.text)")
                #expect(single.nulls == batches.nulls, "\(made.text)")
            }
        }
    }

    @Test(arguments: testSeeds)
    func canonicalTextIsParsedToItselfAndMeansTheSame(seed: UInt64) throws {
        var random = SplitMix64(seed: seed &+ 1_000)
        let environment = ExpressionEnvironment(columns: randomColumns)
        let row = random.row()
        for _ in 0..<1_000 {
            let made = random.expression(random.expressionType(), depth: random.int(1...5))
            let canonical = try ScalarExpression.canonicalText(of: made.text)
            #expect(try ScalarExpression.canonicalText(of: canonical) == canonical, "\(made.text)")
            #expect(canonical.utf8.count <= made.text.utf8.count + 64, "\(made.text)")
            let expression = try ScalarExpression(canonical, in: environment)
            var evaluator = Evaluator(expression, singleRows: true)
            for (index, input) in expression.inputs.enumerated() {
                if case .column(let name, _) = input { evaluator.set(index, row[name]!) }
            }
            evaluator.run()
            #expect(evaluator.value == NaiveRules.leaving(made.value(row)), "\(made.text) as \(canonical)")
        }
    }
}
