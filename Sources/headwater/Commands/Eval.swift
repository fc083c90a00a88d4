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
              headwater eval "amount / nullif(visits, 0)" --from orders.csv --types amount=float64,visits=int64
              headwater eval "clip(amount, 0, 100)" "status = 'open'" --as capped --as is_open --from orders.ndjson \\
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
        let scope = ExpressionScope(try columns())
        let compiled = try expressions.enumerated().map { (number, text) throws(HeadwaterError) in
            do throws(HeadwaterError) { return try Expression(text, in: scope) } catch {
                throw error.located(at: expressions.count > 1 ? "expression \(number + 1)" : "expression")
            }
        }
        let outputs = names.isEmpty ? compiled.map(\.text) : names
        if let twice = outputs.enumerated().first(where: { outputs[..<$0].contains($1) })?.element {
            throw HeadwaterError(.invalidArgument, "two results are called '\(twice)': name them with --as")
        }
        let evaluators = compiled.map(ExpressionEvaluator.init)
        if let from {
            try evaluate(
                evaluators, outputs,
                input.open(from, WantedColumns(fields(of: compiled))))
        } else {
            try evaluateConstants(evaluators, outputs)
        }
        tellNulls(evaluators, outputs)
    }

    /// `--types`, read.
    private func columns() throws(HeadwaterError) -> [ExpressionColumn] {
        var columns: [ExpressionColumn] = []
        for item in types.flatMap({ $0.split(separator: ",").map(String.init) }) {
            guard let equals = item.firstIndex(of: "="), equals != item.startIndex else {
                throw HeadwaterError(.invalidArgument, "'\(item)' is not NAME=TYPE, such as amount=float64", at: "--types")
            }
            let name = String(item[..<equals])
            if columns.contains(where: { $0.name == name }) {
                throw HeadwaterError(.invalidArgument, "'\(name)' is given twice", at: "--types")
            }
            do { columns.append(ExpressionColumn(name, try FeatureType.parse(String(item[item.index(after: equals)...])))) } catch
            {
                throw error.located(at: "--types \(name)")
            }
        }
        return columns
    }

    /// The columns that some expression reads, each once.
    private func fields(of compiled: [Expression]) -> [Field] {
        var fields: [Field] = []
        for column in compiled.flatMap(\.columns) where !fields.contains(where: { $0.name == column.name }) {
            fields.append(Field(column.name, column.type))
        }
        return fields
    }

    private func evaluateConstants(_ evaluators: [ExpressionEvaluator], _ outputs: [String]) throws {
        struct Result: Encodable {
            let expression: String
            let name: String
            let type: String
            let value: String?
        }
        let columns = evaluators.map { OutputColumn.cells($0.evaluate([], rowCount: 1)) }
        guard out == "-", outFormat == nil else { return try write(columns, evaluators, outputs) }
        if output.json {
            try Console.printJSON(
                zip(evaluators, columns).enumerated().map { number, pair in
                    Result(
                        expression: pair.0.expression.text, name: outputs[number], type: "\(pair.0.expression.type)",
                        value: pair.1.text(0))
                })
        } else {
            for column in columns { try Console.print(column.text(0) ?? "null") }
        }
    }

    private func write(_ columns: [OutputColumn], _ evaluators: [ExpressionEvaluator], _ outputs: [String]) throws {
        let table = try destination(evaluators, outputs)
        try table.output.write { table.writer.appendHeader(to: &$0) }
        try table.output.write { table.writer.append(columns, to: &$0) }
        try table.output.write { table.writer.appendEnd(to: &$0) }
        try table.output.finish()
    }

    private func destination(
        _ evaluators: [ExpressionEvaluator], _ outputs: [String]
    ) throws(HeadwaterError) -> (output: OutputTable, writer: RowsWriter) {
        let table = try OutputTable(path: out, format: outFormat?.format)
        table.declare(zip(outputs, evaluators).map { Field($0, $1.expression.type) })
        return (table, RowsWriter(table.format, names: outputs, types: evaluators.map { .cells($0.expression.type) }))
    }

    private func evaluate(_ evaluators: [ExpressionEvaluator], _ outputs: [String], _ table: InputTable) throws {
        let wanted = fields(of: evaluators.map(\.expression))
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
        let (output, writer) = try destination(evaluators, outputs)
        try output.write { writer.appendHeader(to: &$0) }
        var rowCount = 0
        while let part = try decoder.next() {
            try Interrupts.check()
            let rows = part.batch.rowCount
            let results = evaluators.map { evaluator in
                let columns = evaluator.expression.columns.map { column in
                    let ordinal = wanted.firstIndex { $0.name == column.name }!
                    return part.batch.column(ordinal: ordinal) ?? Column.nulls(column.type, count: rows)
                }
                return OutputColumn.cells(evaluator.evaluate(columns, rowCount: rows))
            }
            try writer.check(results)
            try output.write { writer.append(results, to: &$0) }
            rowCount += rows
            progress.update(rows: rowCount, fraction: nil)
        }
        try decoder.checkTimes()
        try output.write { writer.appendEnd(to: &$0) }
        try output.finish()
        progress.finish()
    }

    private func tellNulls(_ evaluators: [ExpressionEvaluator], _ outputs: [String]) {
        for (evaluator, name) in zip(evaluators, outputs) {
            let nulls = evaluator.takeNulls().sorted { $0.key.rawValue < $1.key.rawValue }
            if nulls.isEmpty { continue }
            Console.remark("\(name): null by \(nulls.map { "\($0.key.rawValue) (\($0.value))" }.joined(separator: ", "))")
        }
    }
}

struct ExpressionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "expressions",
        abstract: "List the functions of the expression language, with their rules and examples.",
        discussion: """
            Beside them there are + - * / % ||, comparisons, and, or, not, is null, in, between, case and cast: docs/expressions.md.

              headwater expressions
              headwater expressions --json
              headwater eval "greatest(1, 2)"

            \(listing)
            """)

    /// All functions, by subject.
    private static var listing: String {
        ExpressionFunction.Subject.allCases.map { subject in
            let functions = FunctionTable.all.filter { $0.subject == subject }.map { function in
                let example = function.example.isEmpty ? "" : "\n      \(function.example)  =>  \(function.result)"
                return "  \(function.signature)\n      \(function.rule)\(example)"
            }
            return "\(subject.rawValue):\n" + functions.joined(separator: "\n")
        }.joined(separator: "\n\n")
    }

    @OptionGroup(title: "Output") var output: OutputOptions

    private struct Function: Encodable {
        let name: String
        let subject: String
        let signature: String
        let rule: String
        let example: String?
        let result: String?
    }

    func run() throws {
        if output.json {
            return try Console.printJSON(
                FunctionTable.all.map { function in
                    let hasExample = !function.example.isEmpty
                    return Function(
                        name: function.name, subject: function.subject.rawValue, signature: function.signature,
                        rule: function.rule,
                        example: hasExample ? function.example : nil, result: hasExample ? function.result : nil)
                })
        }
        try Console.print(Self.listing)
    }
}
