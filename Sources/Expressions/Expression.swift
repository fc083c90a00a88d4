package import FeatureModel

/// An expression of the language, version 1, checked against the columns that it may read, and ready to be evaluated.
///
/// A value of the columns' cells alone: total (nothing fails at run time; what has no value is null, and counted), and the
/// same bits on every machine, in a batch and in a single row. docs/expressions.md has the rules.
package struct Expression: Sendable {
    /// The one text of the expression, which reads back as itself: what definitions keep.
    package let text: String
    package let type: FeatureType
    /// The columns that it reads, in the order in which an evaluator takes them.
    package let columns: [ExpressionColumn]
    package let readsRequestTime: Bool
    let program: Program

    /// Reads and checks a text.
    ///
    /// - Throws: `.invalidArgument` that names line, column and what to do, with the line and a caret below.
    package init(_ text: String, in scope: ExpressionScope) throws(HeadwaterError) {
        let written = try ExpressionText(text)
        let root = try Parser.parse(written)
        var compiler = Compiler(written, scope)
        type = try compiler.compile(root)
        program = compiler.program.trimmed
        columns = compiler.inputs.map { scope.columns[$0] }
        readsRequestTime = program.instructions.contains { $0.operation == .requestTime }
        self.text = root.canonicalText
    }

    /// The version of the language: a function that is mended becomes another one, and expressions say which they are written in.
    package static let language = 1
}

/// Evaluates one expression again and again. Belongs to one thread.
package final class ExpressionEvaluator {
    package let expression: Expression
    /// Each is made when it is first asked for: who looks at single rows alone needs no registers of many.
    private var batch: Evaluation?
    private var single: Evaluation?
    private let inputs: [(register: Int, slot: Int)]

    /// Rows that are worked on at once: their registers stay in the cache.
    private static let rowsAtOnce = 1_024

    package init(_ expression: Expression) {
        self.expression = expression
        inputs = expression.program.instructions.enumerated().compactMap { index, instruction in
            if case .input(let slot) = instruction.operation { (index, slot) } else { nil }
        }
    }

    /// A value for each row.
    ///
    /// - Parameters:
    ///   - columns: those that the expression reads, in its order and of its types, all as long as `rowCount`.
    ///   - found: of each of these columns whether its cells were found; empty where all were.
    package func evaluate(
        _ columns: [Column], rowCount: Int, requestTime: Microseconds = 0, found: [[Bool]] = []
    ) -> Column {
        var builder = ColumnBuilder(expression.type, capacity: rowCount)
        let batch = self.batch ?? Evaluation(expression.program, rowsMax: Self.rowsAtOnce)
        self.batch = batch
        batch.requestTime = requestTime
        var first = 0
        while first < rowCount {
            let rows = first..<min(rowCount, first + Self.rowsAtOnce)
            for (register, slot) in inputs { batch.registers[register].load(columns[slot], rows) }
            batch.found =
                found.isEmpty ? columns.map { _ in Array(repeating: true, count: rows.count) } : found.map { Array($0[rows]) }
            batch.run(rows.count)
            batch.registers[expression.program.output].append(rows.count, to: &builder)
            first = rows.upperBound
        }
        return builder.finish()
    }

    /// The value of one row, whose cells are in the order of the expression's columns.
    package func evaluate(_ cells: [Value], requestTime: Microseconds = 0, found: [Bool] = []) -> Value {
        let single = self.single ?? Evaluation(expression.program, rowsMax: 1)
        self.single = single
        for (register, slot) in inputs { single.registers[register].set(0, cells[slot]) }
        single.requestTime = requestTime
        single.found = found.isEmpty ? cells.map { _ in [true] } : found.map { [$0] }
        single.run(1)
        return single.value(of: expression.program.output, as: expression.type, at: 0)
    }

    /// How often values were null since the last call, by reason.
    package func takeNulls() -> [NullReason: Int] {
        let all = [batch, single].compactMap { $0?.takeNulls() }
        return Dictionary(uniqueKeysWithValues: NullReason.allCases.map { reason in (reason, all.reduce(0) { $0 + $1[reason] }) })
            .filter { $0.value > 0 }
    }
}

extension Expression {
    /// Steps of its program that work, beside reading inputs and constants.
    package var instructionCount: Int {
        program.instructions.count {
            switch $0.operation {
            case .constant, .input: false
            default: true
            }
        }
    }
}
