import ArgumentParser
import Expressions
import FeatureModel
import Tables

struct Eval: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Evaluate expressions: of constants, or for each row of a table.",
        discussion: """
            The evaluator is the server's own: what is tried here has the same bits there. 'headwater expressions' lists the functions.

              headwater eval "round(10 / 3, 2)"
              headwater eval "amount / nullif(visits, 0)" --from orders.csv \\
                --types amount=float64,visits=int64
              headwater eval "clip(amount, 0, 100)" "status = 'open'" \\
                --as capped --as is_open --from orders.ndjson \\
                --types amount=float64,status=string --out result.arrows

            A table has a column for each expression, called by --as or else by the expression's canonical text. How often one gave null where \
            its inputs were not, and why, is told on standard error.
            """)

    @Argument(help: ArgumentHelp("The expressions.", valueName: "expression"))
    var expressions: [String]
    @Option(
        name: .customLong("as"),
        help: ArgumentHelp("The name of a result, for each expression in turn; may be repeated.", valueName: "name"))
    var names: [String] = []
    @Option(
        help: ArgumentHelp(
            "A .csv, .ndjson, .jsonl or .parquet file, with .gz or .zst behind or not, or - for standard input. Without one there are no columns.",
            valueName: "file"))
    var from: String?
    @Option(
        help: ArgumentHelp(
            "Types of the columns that the expressions read, as amount=float64,status=string; may be repeated.", valueName: "list"
        ))
    var types: [String] = []
    @OptionGroup(title: "Reading tables") var input: InputOptions
    @OptionGroup(title: "Output") var output: OutputOptions
    @Option(help: "Format of what goes to standard output: csv, ndjson, or arrows, an Arrow stream. Default: csv.")
    var outFormat: OutputFormatArgument?
    @Option(help: ArgumentHelp("A .csv, .ndjson, .jsonl, .parquet or .arrows file, or - for standard output.", valueName: "file"))
    var out = "-"

    func validate() throws {
        if expressions.isEmpty { throw ValidationError("give at least one expression, in quotes") }
        if !names.isEmpty, names.count != expressions.count {
            throw ValidationError(
                "--as is given \(names.count) times for \(expressions.count) expressions: give it once for each, or not at all")
        }
        if from == nil, !types.isEmpty { throw ValidationError("--types goes with --from: without a table there are no columns") }
    }

    func run() throws {
        let environment = ExpressionEnvironment(columns: try columns())
        let compiled = try expressions.enumerated().map { (number, text) throws(HeadwaterError) in
            do throws(HeadwaterError) { return try ScalarExpression(text, in: environment) } catch {
                throw error.located(at: expressions.count > 1 ? "expression \(number + 1)" : "expression")
            }
        }
        let outputs = names.isEmpty ? compiled.map(\.canonicalText) : names
        if let twice = outputs.enumerated().first(where: { outputs[..<$0].contains($1) })?.element {
            throw HeadwaterError(.invalidArgument, "two results are called '\(twice)': name them with --as")
        }
        var results = zip(outputs, compiled).map(NamedExpression.init)
        if let from {
            try evaluate(&results, input.open(from, WantedColumns(fields(of: results))))
        } else {
            try evaluateConstants(&results)
        }
        tellNulls(results)
    }

    /// `--types`, read.
    private func columns() throws(HeadwaterError) -> [Field] {
        var columns: [Field] = []
        for item in types.flatMap({ $0.split(separator: ",").map(String.init) }) {
            guard let equals = item.firstIndex(of: "="), equals != item.startIndex else {
                throw HeadwaterError(.invalidArgument, "'\(item)' is not NAME=TYPE, such as amount=float64", at: "--types")
            }
            let name = String(item[..<equals])
            if columns.contains(where: { $0.name == name }) {
                throw HeadwaterError(.invalidArgument, "'\(name)' is given twice", at: "--types")
            }
            do throws(HeadwaterError) {
                columns.append(Field(name, try FeatureType.parse(String(item[item.index(after: equals)...]))))
            } catch {
                throw error.located(at: "--types \(name)")
            }
        }
        return columns
    }

    /// The columns that some expression reads, each once.
    private func fields(of results: [NamedExpression]) -> [Field] {
        var fields: [Field] = []
        for field in results.flatMap(\.fields) where !fields.contains(where: { $0.name == field.name }) { fields.append(field) }
        return fields
    }

    private func evaluateConstants(_ results: inout [NamedExpression]) throws {
        struct Result: Encodable {
            let expression: String
            let name: String
            let type: String
            let value: String?
        }
        var columns: [OutputColumn] = []
        for number in results.indices { columns.append(.cells(try results[number].evaluate([], rowCount: 1))) }
        guard out == "-", outFormat == nil else {
            let table = try destination(results)
            try table.output.write { table.writer.appendHeader(to: &$0) }
            try table.output.write { table.writer.append(columns, to: &$0) }
            try table.output.write { table.writer.appendEnd(to: &$0) }
            return try table.output.finish()
        }
        if output.json {
            try Console.printJSON(
                zip(results, columns).map { result, column in
                    Result(
                        expression: result.expression.canonicalText, name: result.name, type: "\(result.expression.type)",
                        value: column.text(0))
                })
        } else {
            for column in columns { try Console.print(column.text(0) ?? "null") }
        }
    }

    private func destination(_ results: [NamedExpression]) throws(HeadwaterError) -> (output: OutputTable, writer: RowsWriter) {
        let table = try OutputTable(path: out, format: outFormat?.format)
        table.declare(results.map { Field($0.name, $0.expression.type) })
        let types = results.map { OutputType.cells($0.expression.type) }
        return (table, RowsWriter(table.format, names: results.map(\.name), types: types))
    }

    private func evaluate(_ results: inout [NamedExpression], _ table: InputTable) throws {
        let wanted = fields(of: results)
        var progress = Progress("evaluating")
        defer { progress.finish() }
        let options = input.options(.keep, of: table, rowsMax: SpineTable.batchRowsMax, bytesMax: SpineTable.batchBytesMax)
        let tableColumns = wanted.enumerated().map { TableColumn($1.name, $1.type, ordinal: $0) }
        var decoder = try TableDecoder(
            table.format, name: table.name, columns: tableColumns, options: options, source: table.source())
        let missing = table.format == .csv ? wanted.map(\.name).filter { !decoder.header.contains($0) } : []
        if !missing.isEmpty {
            throw HeadwaterError(
                .invalidArgument,
                "there is no column \(missing.joined(separator: ", ")); there are \(decoder.header.joined(separator: ", "))",
                at: table.name)
        }
        let (output, writer) = try destination(results)
        try output.write { writer.appendHeader(to: &$0) }
        var rowCount = 0
        while let part = try decoder.next() {
            try Interrupts.check()
            let rows = part.batch.rowCount
            var columns: [OutputColumn] = []
            for number in results.indices {
                let operands = results[number].fields.map { field in
                    let ordinal = wanted.firstIndex { $0.name == field.name }!
                    return Operand.column(part.batch.column(ordinal: ordinal) ?? Column.nulls(field.type, count: rows))
                }
                columns.append(.cells(try results[number].evaluate(operands, rowCount: rows)))
            }
            try writer.check(columns)
            try output.write { writer.append(columns, to: &$0) }
            rowCount += rows
            progress.update(rows: rowCount, fraction: nil)
        }
        try decoder.checkTimes()
        try output.write { writer.appendEnd(to: &$0) }
        try output.finish()
        progress.finish()
    }

    private func tellNulls(_ results: [NamedExpression]) {
        for result in results {
            let nulls = NullReason.allCases.filter { result.nulls[$0] > 0 }
            if nulls.isEmpty { continue }
            Console.remark("\(result.name): null by \(nulls.map { "\($0.name) (\(result.nulls[$0]))" }.joined(separator: ", "))")
        }
    }
}

/// An expression, and what the column of its values is called.
private struct NamedExpression {
    let name: String
    let expression: ScalarExpression
    private var evaluator: Evaluator
    /// The columns that it reads, in the order in which it takes them.
    let fields: [Field]
    var nulls: NullCounts { evaluator.nulls }

    init(_ name: String, _ expression: ScalarExpression) {
        (self.name, self.expression) = (name, expression)
        evaluator = Evaluator(expression)
        fields = expression.inputs.compactMap { if case .column(let name, let type) = $0 { Field(name, type) } else { nil } }
    }

    mutating func evaluate(_ operands: [Operand], rowCount: Int) throws(HeadwaterError) -> Column {
        do throws(HeadwaterError) { return try evaluator.evaluate(operands, count: rowCount) } catch {
            throw error.located(at: name)
        }
    }
}
