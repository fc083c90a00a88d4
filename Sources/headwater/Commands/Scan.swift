import ArgumentParser
import Catalog
import Client
import Engine
import FeatureModel
import Tables

struct Scan: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Read the history of a feature group: every row, or the latest of each key, in (key, event time, position, row) order.",
        discussion: """
            Gives the key columns, event_time, ingest_time, position, row, and the features; with --brief only keys, event_time and \
            features; with --deletes also deletes, and a column 'deleted'.

              headwater scan weather --out weather.csv
              headwater scan weather --columns temp,visib \\
                --start 2013-06-01 --end 2013-07-01 --out june.ndjson
              headwater scan weather --key origin=JFK --key origin=LGA --brief --out -
              headwater scan weather --latest --at 2013-06-01 --brief --out batch.csv
              headwater scan weather --as-of 1200 --deletes --out -
              headwater scan weather --out weather.arrows
            """)

    @OptionGroup(title: "Connection") var connection: ConnectionOptions
    @OptionGroup(title: "Without a server") var directory: DirectoryOptions
    @OptionGroup(title: "Times") var times: TimeOptions
    @OptionGroup(title: "Output") var output: OutputOptions
    @Argument(help: "The feature group: NAME, or NAME@VERSION.")
    var group: String
    @Option(help: ArgumentHelp("Features to give, with commas between; may be repeated. Default: all.", valueName: "list"))
    var columns: [String] = []
    @Option(help: ArgumentHelp("Least event time: \(Instant.help).", valueName: "time"), transform: Instant.read)
    var start: Instant?
    @Option(help: ArgumentHelp("Event times stop before it.", valueName: "time"), transform: Instant.read)
    var end: Instant?
    @Option(
        help: ArgumentHelp("Only rows of this key, as origin=JFK,carrier=UA; may be repeated.", valueName: "key"))
    var key: [String] = []
    @Flag(
        help: ArgumentHelp(
            "Give only the latest row of each key: what to infer for all keys at once.",
            discussion:
                "As the rows are stored: max_age does not hide any. For values and statuses as gets have them, ask 'history'."))
    var latest = false
    @Option(
        help: ArgumentHelp("With --latest: of the rows with an event time up to it.", valueName: "time"), transform: Instant.read)
    var at: Instant?
    @Flag(help: "Beside features give only keys and event time.")
    var brief = false
    @Option(
        help: ArgumentHelp("Read history as the log was at this position.", valueName: "position"),
        transform: PositionArgument.read)
    var asOf: UInt64?
    @Option(
        help: ArgumentHelp("Wait until history shows at least this position.", valueName: "position"),
        transform: PositionArgument.read)
    var minPosition: UInt64 = 0
    @Flag(help: "Give deletes too.")
    var deletes = false
    @Option(help: "Format of what goes to standard output: csv, ndjson, or arrows, an Arrow stream.")
    var format: OutputFormatArgument?
    @Option(
        help: ArgumentHelp(
            "A .csv, .ndjson, .jsonl, .parquet or .arrows file, those of text also with .gz or .zst behind, or - for standard output.",
            valueName: "file"))
    var out: String

    func validate() throws {
        if at != nil, !latest {
            throw ValidationError("--at goes with --latest; for a range of times there are --start and --end")
        }
        if latest, start != nil || end != nil { throw ValidationError("--latest takes --at, not --start and --end") }
        for (instant, option) in [(start, "--start"), (end, "--end"), (at, "--at")] { _ = try times.read(instant, option) }
    }

    func run() async throws {
        var query = RowsQuery(group: group)
        query.columns = columns.flatMap { $0.split(separator: ",").map(String.init) }
        query.start = try times.read(start, "--start")
        query.end = try times.read(end, "--end")
        query.asOf = asOf
        query.deletes = deletes
        query.brief = brief
        (query.isLatest, query.at) = (latest, try times.read(at, "--at"))
        if let data = directory.data {
            let reader = try DataDirectory(data).history(minPosition: max(minPosition, asOf ?? 0))
            let project = connection.project(in: reader.catalog)
            let schema = try reader.catalog.asOf(asOf ?? .max).group(project: project, reference: group).newestSchema
            query.keys = try keys(schema.keys)
            try await write(try reader.scan(query, project: project))
            return
        }
        let request = query
        try await connection.withClient { client in
            var request = request
            if !key.isEmpty { request.keys = try keys(try await client.group(group).schema.keys) }
            try await write(ClientScan(try await client.scan(request, minPosition: minPosition)))
        }
    }

    /// The keys of `--key`; `nil` for all.
    private func keys(_ fields: [Field]) throws(HeadwaterError) -> [(name: String, column: Column)]? {
        if key.isEmpty { return nil }
        let entities = try key.map { (text) throws(HeadwaterError) in try KeyText(text, option: "--key") }
        let batch = try KeyText.batch(entities, fields: fields, option: "--key", keysAreRequired: true, timeUnit: times.unit)
        return zip(fields, batch.columns).map { ($0.name, $1) }
    }

    private func write(_ rows: some ScannedRows) async throws {
        let destination = try OutputTable(path: out, format: format?.format)
        var writer: RowsWriter?
        var fields: [Field] = []
        var progress = Progress("reading \(group)")
        defer { progress.finish() }
        var rowCount = 0
        while let part = try await rows.next() {
            try Interrupts.check()
            if writer == nil {
                writer = RowsWriter(
                    destination.format, names: part.names, types: part.columns.map { .cells($0.type) })
                fields = zip(part.names, part.columns).map { Field($0, $1.type) }
                destination.declare(fields)
                try destination.write { writer!.appendHeader(to: &$0) }
            }
            let cells = part.columns.map { OutputColumn.cells($0) }
            try writer!.check(cells)
            try destination.write { writer!.append(cells, to: &$0) }
            rowCount += part.columns.first?.count ?? 0
            progress.update(rows: rowCount, fraction: nil)
        }
        try destination.write { writer?.appendEnd(to: &$0) }
        try destination.finish()
        let elapsed = progress.elapsed
        progress.finish()
        try TableSummary(
            out: out, columns: fields, rows: rowCount, position: rows.position, bytes: destination.byteCount, elapsed: elapsed
        ).print(json: output.json, isBesideResults: destination.isStandardOutput)
    }
}

/// Some rows of a scan.
struct ScannedPart {
    /// The names of the columns, the same in every part.
    let names: [String]
    let columns: [Column]
}

/// The answer of a scan, from a server or from a directory.
protocol ScannedRows {
    func next() async throws(HeadwaterError) -> ScannedPart?
    /// The position of the whole answer, known at its end.
    var position: Position { get }
}

/// A server's answer.
struct ClientScan: ScannedRows {
    private let stream: RowStream<Batch>

    init(_ stream: RowStream<Batch>) { self.stream = stream }

    func next() async throws(HeadwaterError) -> ScannedPart? {
        guard let item = try await stream.next() else { return nil }
        return ScannedPart(names: item.outputs.map(\.name), columns: item.rows.columns)
    }

    var position: Position { stream.summary?.position ?? 0 }
}
