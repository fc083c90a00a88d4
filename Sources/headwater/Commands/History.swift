import ArgumentParser
import Catalog
import Client
import Engine
import FeatureModel
import Foundation
import Tables
import Transport

struct History: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Join features to a spine, each row as of its own time: a training set.",
        discussion: """
            The spine has the key columns of the features, the columns of a service's request, and a time column. All its columns and its order are kept, and the \
            features are appended. A feature without a match is null. Further columns of a CSV spine stay as they stand, as text; \
            --spine-type gives them a type. A CSV spine may be continued as NDJSON.

              headwater history --spine spine.csv --service churn --out training.csv
              headwater history --spine spine.csv --features weather:temp \\
                --spine-time departed --statuses --out out.csv
              headwater history --spine spine.csv --service churn --as-of 1200 \\
                --availability ingest --out - | head
              headwater history --spine spine.csv --service churn \\
                --spine-type label=int64 --out training.ndjson
              headwater history --spine spine.csv --service churn \\
                --spine-type label=int64 --out training.arrows
              headwater history --spine spine.csv --service churn --save churn_june \\
                --split train=0.8,test=0.2 --out june.csv
            """)

    enum Availability: String, ExpressibleByArgument, CaseIterable {
        case event
        case ingest
    }

    @OptionGroup(title: "Connection") var connection: ConnectionOptions
    @OptionGroup(title: "Without a server") var directory: DirectoryOptions
    @OptionGroup(title: "Features") var selection: SelectionOptions
    @OptionGroup(title: "Reading tables") var input: InputOptions
    @OptionGroup(title: "Reading tables") var types: SpineTypes
    @OptionGroup(title: "Splitting") var splitting: SplitOptions
    @OptionGroup(title: "Output") var output: OutputOptions
    @Option(
        help: ArgumentHelp(
            "A .csv, .ndjson, .jsonl or .parquet file, those of text also with .gz or .zst behind, or - for standard input.",
            valueName: "file"))
    var spine: String
    @Option(help: ArgumentHelp("The spine's time column.", valueName: "column"))
    var spineTime = "event_time"
    @Option(
        help: ArgumentHelp("Read history as the log was at this position.", valueName: "position"),
        transform: PositionArgument.read)
    var asOf: UInt64?
    @Option(help: "'ingest' also requires that a row had been written by the spine row's time.")
    var availability = Availability.event
    @Option(
        help: ArgumentHelp("Wait until history shows at least this position.", valueName: "position"),
        transform: PositionArgument.read)
    var minPosition: UInt64 = 0
    @Flag(help: "Append a column NAME__status after each feature.")
    var statuses = false
    @Option(
        help: ArgumentHelp(
            "Save what the training set was made of, with hashes of all cells: 'headwater dataset verify NAME' makes it again and proves it equal.",
            valueName: "name"))
    var save: String?
    @Option(
        help: ArgumentHelp(
            "The file to write, named as the spine may be or .arrows, or - for standard output in the spine's format.",
            valueName: "file"))
    var out: String

    func validate() throws {
        if splitting.split != nil, out == "-" { throw ValidationError("--split writes several files: name one with --out") }
        if let save, let problem = Names.problem(with: save) { throw ValidationError("--save: \(problem)") }
        if save != nil, directory.data != nil {
            throw ValidationError("--save writes into the store, and --data only reads it: ask a server with --address")
        }
    }

    func run() async throws {
        let arguments = HistoryArguments(
            selection: selection.selection, fullFeatureNames: selection.fullFeatureNames, spineTime: spineTime, asOf: asOf,
            availabilityIngest: availability == .ingest, minPosition: minPosition)
        if let data = directory.data {
            let reader = try DataDirectory(data).history(minPosition: max(minPosition, asOf ?? 0))
            let plan = try arguments.plan(in: reader, project: connection.project(in: reader.catalog))
            let table = try open(keys: plan.columns)
            let columns = try JoinedColumns(plan.outputs.map { Field($0.name, $0.type) }, statuses: statuses)
            let spine = try input.spine(
                table, keys: plan.keys, request: plan.request, time: spineTime, taken: columns.names)
            let split = try rowSplit(table, plan.keys, plan.request)
            let joined = try joinedTable(table, columns, spine, split)
            try summarize(
                joined, try await joined.write(try arguments.rows(of: reader, plan, spine, dealingTo: split), hashing: false))
            return
        }
        try await connection.withClient { client in
            if let save { try await checkIsFree(save, client) }
            let (keys, request) = try await client.requestColumns(of: selection.selection, asOf: asOf)
            let table = try open(keys: keys + request)
            let known = try SpineTable.columns(keys: keys + request, time: spineTime).0
            let outputs = try await arguments.outputs(of: client, spine: known)
            let columns = try JoinedColumns(outputs, statuses: statuses)
            let typed = try types.fields(besides: known)
            let spine = try input.spine(
                table, keys: keys, request: request, time: spineTime, hashing: save != nil,
                savedLabels: typed.isEmpty ? nil : typed,
                taken: columns.names)
            let split = try rowSplit(table, keys, request)
            let joined = try joinedTable(table, columns, spine, split)
            let result = try await joined.write(
                try await arguments.rows(of: client, spine, dealingTo: split), hashing: save != nil)
            if let save, let features = result.features {
                let hashed = spine.finishHash()
                let dataset = DatasetDefinition(
                    name: save, query: DatasetDefinition.Query(arguments, asOf: result.position), rows: result.rows,
                    spine: hashed.table, features: features, labels: hashed.labels, split: split?.record,
                    source: table.filePath, created: SystemClock().now())
                do throws(HeadwaterError) { try await client.save(dataset) } catch {
                    // A set whose answer was lost may have been saved; saving the same again changes nothing.
                    let canTryAgain = error.code == .unavailable || error.code == .deadlineExceeded
                    throw HeadwaterError(
                        error.code,
                        "the training set is written, but \(canTryAgain ? "may not be" : "not") saved as '\(save)': \(error.message)"
                            + (canTryAgain ? "; the same command with --as-of \(result.position) tries again" : ""),
                        at: error.location)
                }
            }
            try summarize(joined, result)
            if let save {
                if spine.labels == nil {
                    Console.remark(
                        "note: further columns of NDJSON are not hashed here, since it has no types: give the spine as CSV")
                }
                await remarkOnRetention(save, client)
            }
        }
    }

    private func open(keys: [Field]) throws(HeadwaterError) -> InputTable {
        let known = try SpineTable.columns(keys: keys, time: spineTime).0
        let wanted = WantedColumns(known + (try types.fields(besides: known)))
        do { return try input.open(spine, wanted) } catch { throw SpineTable.advised(error, spineTime) }
    }

    private func joinedTable(
        _ table: InputTable, _ columns: JoinedColumns, _ spine: SpineTable, _ split: RowSplit?
    ) throws(HeadwaterError) -> JoinedTable {
        try JoinedTable(
            table, out: out, split: split, columns: columns, known: spine.columns,
            typed: types.fields(besides: spine.columns),
            options: input.options(.keep, of: table, rowsMax: SpineTable.batchRowsMax, bytesMax: SpineTable.batchBytesMax))
    }

    /// Says what a saved training set holds up.
    private func remarkOnRetention(_ name: String, _ client: HeadwaterClient) async {
        // The set is saved: a server that goes away now must not make it look otherwise.
        guard let groups = try? await client.groupsWithRetention(of: selection.selection) else { return }
        for group in groups {
            Console.remark(
                "note: '\(group.name)' keeps \(group.retention!) of history (retention), and longer what dataset '\(name)' reads: "
                    + "'headwater dataset release \(name)' ends that")
        }
    }

    /// Fails early where the name is taken, unless this may be the same training set once more.
    private func checkIsFree(_ name: String, _ client: HeadwaterClient) async throws(HeadwaterError) {
        let taken = try await client.list().value.datasets.first { $0.name.utf8.elementsEqual(name.utf8) }
        guard let taken, taken.asOf != asOf else { return }
        throw HeadwaterError(
            .alreadyExists,
            "dataset '\(name)' is there, with \(NumberFormat.count(taken.rows, "row")) as of \(taken.asOf): give this one another name"
        )
    }

    /// How the rows are dealt out; a split by time reads the spine's times first.
    private func rowSplit(_ table: InputTable, _ keys: [Field], _ request: [Field]) throws -> RowSplit? {
        guard let shares = try splitting.shares() else { return nil }
        let spine = try input.spine(table, keys: keys, request: request, time: spineTime)
        let rule: RowSplit.Rule
        switch splitting.by {
        case .key:
            guard !keys.isEmpty else {
                throw HeadwaterError(.invalidArgument, "these features have no keys to split by: use --split-by time")
            }
            rule = .key(seed: splitting.seed ?? 0)
        case .time:
            var times: [Microseconds] = []
            try spine.readAll("reading times of \(table.name)") { columns in
                let column = columns[spine.timeIndex]
                for row in 0..<column.count { times.append(column.int64(row)) }
            }
            rule = .time(starts: RowSplit.starts(shares, times: times))
        }
        return RowSplit(shares, rule, keys: 0..<spine.keyCount, timeIndex: spine.timeIndex)
    }

    private func summarize(_ joined: JoinedTable, _ result: JoinedTable.Result) throws {
        try TableSummary(
            out: out, columns: joined.columns.fields, rows: result.rows, position: result.position, bytes: result.bytes,
            elapsed: result.elapsed,
            parts: result.parts, dataset: save
        ).print(json: output.json, isBesideResults: joined.isStandardOutput)
    }
}

extension InputOptions {
    /// The keys and times of a table, from its start.
    ///
    /// - Parameters:
    ///   - hashing: whether they are hashed too, for a dataset.
    ///   - taken: names that no column may have: those of what is appended.
    func spine(
        _ table: InputTable, keys: [Field], request: [Field] = [], time: String, hashing: Bool = false,
        savedLabels: [Field]? = nil, taken: [String] = []
    ) throws(HeadwaterError) -> SpineTable {
        var options = options(.keep, of: table, rowsMax: SpineTable.batchRowsMax, bytesMax: SpineTable.batchBytesMax)
        options.takenNames = Set(taken.map { ByteString($0) })
        return try SpineTable(
            table, keys: keys, request: request, time: time, hashing: hashing, savedLabels: savedLabels, options: options)
    }
}
