import ArgumentParser
import FeatureModel
import Tables

/// How a table of the command line is read.
struct InputOptions: ParsableArguments {
    @Option(
        name: .customLong("null"),
        help: ArgumentHelp(
            "A further spelling of null in CSV besides the empty cell, such as NA; may be repeated.", valueName: "text"))
    var nullTexts: [String] = []

    @Option(help: "Format of the input: csv or ndjson. Default: what the file's name tells; csv for standard input.")
    var format: FormatArgument?

    @OptionGroup(title: "Times") var times: TimeOptions

    /// - Parameter wanted: what the columns of a Parquet file are converted to.
    func open(_ path: String, _ wanted: WantedColumns) throws(HeadwaterError) -> InputTable {
        try InputTable(path: path, format: format?.format, wanted: wanted, timeUnit: times.unit)
    }

    /// Of text whose columns have no types of their own.
    var optionsOfText: TableOptions { TableOptions(nullTexts: nullTexts.map { ByteString($0) }, timeUnit: times.unit) }

    func options(
        _ unknown: UnknownColumns = .refuse, of table: InputTable, rowsMax: Int, bytesMax: Int
    ) -> TableOptions {
        var options = TableOptions(
            nullTexts: nullTexts.map { ByteString($0) }, unknownColumns: unknown, batchRowsMax: rowsMax, batchBytesMax: bytesMax,
            timeUnit: table.isTyped ? .microseconds : times.unit)
        options.pathColumns = table.pathColumns
        return options
    }
}

/// `csv` or `ndjson`.
enum FormatArgument: String, ExpressibleByArgument, CaseIterable {
    case csv
    case ndjson

    var format: TableFormat { self == .csv ? .csv : .ndjson }
}

/// `csv`, `ndjson` or `arrows`: what can be written.
enum OutputFormatArgument: String, ExpressibleByArgument, CaseIterable {
    case csv
    case ndjson
    case arrows

    var format: OutputFormat {
        switch self {
        case .csv: .text(.csv)
        case .ndjson: .text(.ndjson)
        case .arrows: .arrowStream
        }
    }
}
