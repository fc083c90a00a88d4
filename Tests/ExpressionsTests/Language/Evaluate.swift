import Expressions
import FeatureModel

/// The value of an expression for one row with these cells, run as a batch.
func evaluated(
    _ text: String, _ cells: [(field: Field, value: Value)] = [], status: CellStatus = .present, time: Microseconds = 0
) throws -> (value: Value, nulls: NullCounts) {
    let environment = ExpressionEnvironment(columns: cells.map(\.field), hasRequestTime: true, hasStatuses: true)
    let expression = try ScalarExpression(text, in: environment)
    var evaluator = Evaluator(expression)
    let operands = expression.inputs.map { input -> Operand in
        switch input {
        case .column(let name, _): .value(cells.first { $0.field.name == name }!.value)
        case .found: .statuses(StatusColumn(status, count: 1))
        case .requestTime: .value(.timestamp(time))
        }
    }
    let column = try evaluator.evaluate(operands, count: 1)
    return (column.value(0), evaluator.nulls)
}

/// The same as the text of examples.
func shown(_ text: String, _ cells: [(field: Field, value: Value)] = FunctionTable.exampleColumns) throws -> String {
    FunctionTable.shown(try evaluated(text, cells).value)
}
