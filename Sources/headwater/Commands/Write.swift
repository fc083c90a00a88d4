import ArgumentParser
import Catalog
import Client
import FeatureModel
import Tables

struct Write: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write the rows of a table into a feature group.",
        discussion: """
            The table has the group's key columns, its event time and any of its features, in any order; a missing feature \
            column is null. The whole table is checked before its first row is sent: one bad cell, and nothing is written. A lost \
            connection is made again, and each row is written once.

            With --stream rows are written as they come, from standard input or the pipe that --from names, in their order: several \
            together where they come fast, alone after --linger. A bad row ends it: those before it are written, and none behind. Ctrl-C writes what was read. It \
            ends with the number of rows and the last position.

              headwater write weather --from weather.csv
              headwater write weather --from weather.csv --null NA
              zcat weather.ndjson.gz | headwater write weather --from - --format ndjson
              tail -f events.ndjson | headwater write events --stream --format ndjson
            """)

    @OptionGroup(title: "Connection") var connection: ConnectionOptions
    @OptionGroup(title: "Reading tables") var input: InputOptions
    @OptionGroup(title: "Rows as they come") var live: StreamOptions
    @OptionGroup(title: "Output") var output: OutputOptions
    @Argument(help: "The feature group: NAME, or NAME@VERSION.")
    var group: String
    @Option(
        help: ArgumentHelp(
            "A .csv, .ndjson, .jsonl or .parquet file, those of text also with .gz or .zst behind, or - for standard input. Default: "
                + "with --stream standard input.",
            valueName: "file"))
    var from: String?

    func validate() throws {
        guard live.stream || from != nil else {
            throw ValidationError("give --from FILE, or --stream for rows of standard input as they come")
        }
    }

    func run() async throws {
        try await connection.withClient { client in
            if live.stream { return try await writeLive(client) }
            guard let from else { return }
            let group = try await client.group(group)
            var writer = try TableUpload(client: client, group: group, path: from, input: input, operation: .write)
            let result = try await writer.run()
            try result.print(json: output.json, verb: "wrote", group: group.definition.reference)
        }
    }

    private func writeLive(_ client: HeadwaterClient) async throws {
        let rows = try LiveInput(path: from ?? "-", format: input.format?.format)
        let group = try await client.group(group)
        let upload = try LiveUpload(
            client: client, group: group, input: rows, options: input.optionsOfText,
            stream: try await live.open(client, group.definition.reference))
        // Ctrl-C ends the input, and not what was read.
        let (result, isInterrupted) = try await Task { try await upload.run() }.value
        if result.rows > 0 || !isInterrupted || output.json {
            try result.print(json: output.json, verb: "wrote", group: group.definition.reference)
        }
        if isInterrupted { throw CancellationError() }
    }
}

struct Delete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Delete keys of a feature group, from an event time on.",
        discussion: """
            A delete is a row of its own kind, at the time of --event-time (default: now). Reads at or after it find nothing \
            older; reads of history before it still do. A row with a later event time wins: such keys are reported.

            In --key a backslash takes the next character as it is: 'name=Doe\\, John'. "" is the empty string.

              headwater delete orders --key customer_id=1 --key customer_id=2
              headwater delete weather --key origin=JFK --event-time 2013-06-01T00:00:00Z
              headwater delete weather --from keys.csv
            """)

    @OptionGroup(title: "Connection") var connection: ConnectionOptions
    @OptionGroup(title: "Reading tables") var input: InputOptions
    @OptionGroup(title: "Output") var output: OutputOptions
    @Argument(help: "The feature group: NAME, or NAME@VERSION.")
    var group: String
    @Option(help: ArgumentHelp("A key: KEY=VALUE,KEY2=VALUE2; may be repeated.", valueName: "key"))
    var key: [String] = []
    @Option(
        help: ArgumentHelp("The time of the delete, with --key: \(Instant.help).", valueName: "time"), transform: Instant.read)
    var eventTime: Instant?
    @Option(
        help: ArgumentHelp("A table of keys, and event times if it has that column; - for standard input.", valueName: "file"))
    var from: String?

    func validate() throws {
        if key.isEmpty == (from == nil) { throw ValidationError("give either --key KEY=VALUE,… or --from FILE") }
        if eventTime != nil, from != nil {
            throw ValidationError("--event-time goes with --key; a table has its event times in a column of its own")
        }
        _ = try input.times.read(eventTime, "--event-time")
    }

    func run() async throws {
        try await connection.withClient { client in
            let group = try await client.group(group)
            let result: UploadResult
            if let from {
                var writer = try TableUpload(client: client, group: group, path: from, input: input, operation: .delete)
                result = try await writer.run()
            } else {
                result = try await deleteKeys(client, group)
            }
            try result.print(json: output.json, verb: "deleted", group: group.definition.reference)
        }
    }

    private func deleteKeys(_ client: HeadwaterClient, _ group: GroupDescription) async throws -> UploadResult {
        let schema = group.schema
        var keys: [KeyText] = []
        for text in key { keys.append(try KeyText(text, option: "--key")) }
        let batch = try KeyText.batch(
            keys, fields: schema.keys, option: "--key", keysAreRequired: true, timeUnit: input.times.unit)
        var columns = zip(batch.ordinals, batch.columns).map { (ordinal: $0, column: $1) }
        if let eventTime = try input.times.read(eventTime, "--event-time") {
            guard let ordinal = schema.eventTimeOrdinal else {
                throw HeadwaterError(
                    .invalidArgument,
                    "\(group.definition.reference) is a static table: its deletes have no event time; leave --event-time out")
            }
            var times = ColumnBuilder(.timestamp, capacity: keys.count)
            for _ in keys { times.append(int64: eventTime) }
            columns.append((ordinal, times.finish()))
        }
        let started = ContinuousClock.now
        let entry = RecordEntry(
            groupID: schema.groupID, schemaVersion: schema.schemaVersion, operation: .delete,
            batch: Batch(rowCount: keys.count, columns: columns))
        let written = try await client.write([entry])
        var result = UploadResult()
        result.add(written, rows: keys.count, keys: RowKeys(batch, schema.keys))
        result.elapsed = ContinuousClock.now - started
        return result
    }
}
