import FeatureModel
import TestSupport
import Testing

@testable import Expressions

/// Random expressions over random rows: the naive evaluator, single rows and batches give the same bits.
@Suite struct RandomExpressionTests {
    private static let rowCount = 1_500
    private static let requestTime: Microseconds = 1_767_225_600_123_456

    /// Rows, and the same rows as columns of some lengths.
    private struct Table: Sendable {
        let rows: [[Value]]
        let found: [[Bool]]
        /// By count of rows, from the first on.
        let columns: [Int: [Column]]

        init(_ random: inout SplitMix64) throws {
            let rows = (0..<rowCount).map { _ in RandomTable.row(&random) }
            self.rows = rows
            found = rows.map { row in row.map { !$0.isNull || random.chance(0.5) } }
            columns = try Dictionary(
                uniqueKeysWithValues: [1, 7, 1_024, rowCount].map { count in
                    (
                        count,
                        try RandomTable.columns.indices.map { index in
                            try Column(RandomTable.columns[index].type, rows[..<count].map { $0[index] })
                        }
                    )
                })
        }
    }

    /// One for all seeds, as making it takes longer than working on it.
    private static let table = Result {
        var random = SplitMix64(seed: 55)
        return try Table(&random)
    }

    /// How many of an expression's inputs the naive evaluator works on: rows that differ from expression to expression.
    private static let naiveRows = 17

    @Test(arguments: testSeeds)
    func naiveSingleRowAndBatchGiveTheSameBits(seed: UInt64) throws {
        let table = try Self.table.get()
        var maker = RandomExpressions(random: SplitMix64(seed: seed))
        for round in 0..<160 {
            let type = RandomExpressions.resultTypes[round % RandomExpressions.resultTypes.count]
            let tree = maker.expression(type, maker.random.int(1...5))
            let text = tree.canonicalText
            guard text.utf8.count < 20_000 else { continue }
            let expression: Expression
            do { expression = try Expression(text, in: RandomTable.scope) } catch {
                Issue.record("seed \(seed), \(text): \(error.message)")
                continue
            }
            let place = Comment(rawValue: "seed \(seed): \(text)")
            #expect(expression.text == text, place)
            let again = try Parser.parse(try ExpressionText(text))
            let evaluator = ExpressionEvaluator(expression)
            let slots = expression.columns.map { RandomTable.columns.firstIndex(of: $0)! }
            func single(_ row: Int) -> Value {
                evaluator.evaluate(
                    slots.map { table.rows[row][$0] }, requestTime: Self.requestTime, found: slots.map { table.found[row][$0] })
            }
            for _ in 0..<Self.naiveRows {
                let row = maker.random.int(0...Self.rowCount - 1)
                let naive = Self.naive(table.rows[row], table.found[row])
                #expect(naive.type(tree) == expression.type, place)
                let (wanted, result) = (naive.answer(tree), single(row))
                if wanted != result {
                    Issue.record(
                        "seed \(seed), row \(row): \(text)\nnaive \(wanted), evaluator \(result)\ncells \(expression.columns.map(\.name)) \(slots.map { table.rows[row][$0] })"
                    )
                    break
                }
                if naive.answer(again) != wanted { Issue.record("\(text) reads back as another expression") }
            }
            let count = round % 20 == 0 ? (round % 40 == 0 ? 1_024 : 1_500) : round % 2 == 0 ? 7 : 1
            _ = evaluator.takeNulls()
            let columns = table.columns[count]!
            let batch = evaluator.evaluate(
                slots.map { columns[$0] }, rowCount: count, requestTime: Self.requestTime,
                found: slots.map { slot in (0..<count).map { table.found[$0][slot] } })
            let batchNulls = evaluator.takeNulls()
            let singles = (0..<count).map(single)
            #expect(batchNulls == evaluator.takeNulls(), place)
            #expect(batch.count == count && batch.type == expression.type)
            if let row = (0..<count).first(where: { batch.value($0) != singles[$0] }) {
                Issue.record("seed \(seed), \(text), row \(row) of \(count): batch \(batch.value(row)), single \(singles[row])")
            }
        }
    }

    private static func naive(_ row: [Value], _ found: [Bool]) -> NaiveEvaluator {
        let names = RandomTable.columns.map(\.name)
        return NaiveEvaluator(
            types: Dictionary(uniqueKeysWithValues: zip(names, RandomTable.columns.map(\.type))),
            cells: Dictionary(uniqueKeysWithValues: zip(names, row)), requestTime: requestTime,
            missing: Set(zip(names, found).filter { !$0.1 }.map(\.0)))
    }
}
