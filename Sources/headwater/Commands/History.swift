import ArgumentParser
import Catalog
import Client
import FeatureModel
import OfflineStore
import Tables

struct History: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Join features to a spine, each row as of its own time: a training set.",
        discussion: """
            The spine has the key columns of the features and a time column. All its columns and its order are kept, and the \
            features are appended. A feature without a match is null.

              headwater history --spine spine.csv --service churn --out training.csv
              headwater history --spine spine.csv --features weather:temp --spine-time departed --statuses --out out.csv
              headwater history --spine spine.csv --service churn --as-of 1200 --availability ingest --out - | head
            """)

    enum Availability: String, ExpressibleByArgument, CaseIterable {
        case event
        case ingest
    }

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var directory: DirectoryOptions
    @OptionGroup var selection: SelectionOptions
    @OptionGroup var input: InputOptions
    @OptionGroup var output: OutputOptions
    @Option(help: ArgumentHelp("A .csv, .ndjson or .jsonl file, or - for standard input.", valueName: "file"))
    var spine: String
    @Option(help: ArgumentHelp("The spine's time column.", valueName: "column"))
    var spineTime = "event_time"
    @Option(help: ArgumentHelp("Read history as the log was at this position.", valueName: "position"))
    var asOf: UInt64?
    @Option(help: "'ingest' also requires that a row had been written by the spine row's time.")
    var availability = Availability.event
    @Option(help: ArgumentHelp("Wait until history shows at least this position.", valueName: "position"))
    var minPosition: UInt64 = 0
    @Flag(help: "Append a column NAME__status after each feature.")
    var statuses = false
    @Option(help: ArgumentHelp("The file to write, in the spine's format, or - for standard output.", valueName: "file"))
    var out: String

    func run() async throws {
        let table = try input.open(spine)
        if let data = directory.data {
            let reader = try DirectOffline(dataDirectory: data, minPosition: max(minPosition, asOf ?? 0))
            let plan = try reader.catalog(asOf: asOf).resolve(
                project: connection.effectiveProject, selection.selection, fullNames: selection.fullFeatureNames)
            let spine = try spineTable(table, keys: plan.keys)
            let rows = try reader.history(
                plan, spine: spine, asOf: asOf, availability: availability == .ingest ? .ingest : .event)
            try await join(table, rows)
            return
        }
        try await connection.withClient { client in
            let spine = try spineTable(table, keys: try await client.requestKeys(of: selection.selection))
            var query = HistoryQuery(selection.selection, spineColumns: spine.columns, spineTime: spineTime)
            query.fullFeatureNames = selection.fullFeatureNames
            query.asOf = asOf
            query.availabilityIngest = availability == .ingest
            query.minPosition = minPosition
            let stream = try await client.history(query) { () async throws(HeadwaterError) in try spine.next() }
            try await join(table, ClientRows(stream))
        }
    }

    private func spineTable(_ table: InputTable, keys: [Field]) throws(HeadwaterError) -> SpineTable {
        try SpineTable(
            table, keys: keys, time: spineTime,
            options: input.options(.keep, rowsMax: SpineTable.batchRowsMax, bytesMax: SpineTable.batchBytesMax))
    }

    /// Writes each answer behind the spine rows it belongs to: those are read a second time, as they stand.
    private func join(_ table: InputTable, _ answers: some JoinedRows) async throws {
        let destination = try OutputTable(path: out, format: out == "-" ? table.format : nil)
        guard destination.format == table.format else {
            throw HeadwaterError(
                .invalidArgument,
                "the spine is \(table.format), and its rows are kept as they stand: name a file of the same format",
                at: out)
        }
        let taken = ByteCount()
        var raw = try RawTable(table, taken: taken)
        var writer: TableWriter?
        var progress = Progress("joining \(table.name)")
        defer { progress.finish() }
        var rowCount = 0
        while let part = try await answers.next() {
            try Interrupts.check()
            let rows = try raw.next(count: part.rowCount)
            if writer == nil {
                writer = try tableWriter(table, raw, part.names)
                try destination.write { writer!.appendHeader(to: &$0) }
            }
            var columns: [OutputColumn] = []
            for output in part.columns.indices {
                columns.append(.cells(part.columns[output]))
                if statuses { columns.append(.statuses(part.statuses[output])) }
            }
            try destination.write { writer!.append(columns, behind: rows, to: &$0) }
            rowCount += part.rowCount
            progress.update(rows: rowCount, fraction: table.byteCount == 0 ? nil : Double(taken.value) / Double(table.byteCount))
        }
        guard try raw.isAtEnd() else {
            throw HeadwaterError(.aborted, "the file changed while it was read: the answer has \(rowCount) rows", at: table.name)
        }
        try destination.finish()
        let elapsed = progress.elapsed
        progress.finish()
        try TableSummary(
            out: out, rows: rowCount, position: answers.position, bytes: destination.byteCount, elapsed: elapsed
        ).print(json: output.json, isBesideResults: destination.isStandardOutput)
    }

    private func tableWriter(_ table: InputTable, _ raw: RawTable, _ outputs: [String]) throws(HeadwaterError) -> TableWriter {
        let names = outputs.flatMap { statuses ? [$0, "\($0)__status"] : [$0] }
        for name in names where raw.header.contains(where: { $0.utf8.elementsEqual(name.utf8) }) {
            throw HeadwaterError(
                .invalidArgument, "a feature is called '\(name)', as a column of the spine is: use --full-feature-names",
                at: table.name)
        }
        return TableWriter(table.format, names: names, rawHeader: raw.headerRecord)
    }
}

/// What a command that writes a table says at its end.
struct TableSummary {
    private struct Document: Encodable {
        let out: String
        let rows: Int
        let position: UInt64
        let bytes: Int
        let seconds: Double
    }

    let out: String
    let rows: Int
    let position: Position
    let bytes: Int
    let elapsed: Duration

    /// - Parameter isBesideResults: standard output has the table, so that nothing else may stand there.
    func print(json: Bool, isBesideResults: Bool) throws {
        guard !isBesideResults else {
            if Console.errorIsTerminal {
                Console.remark("\(Spelling.count(rows, "row")): position \(position), \(Spelling.seconds(elapsed))")
            }
            return
        }
        if json {
            return try Console.printJSON(
                Document(out: out, rows: rows, position: position, bytes: bytes, seconds: elapsed / .seconds(1)))
        }
        try Console.print(
            "wrote \(Spelling.count(rows, "row")), \(Spelling.bytes(bytes)), to \(out): position \(position), "
                + Spelling.seconds(elapsed)
        )
    }
}
