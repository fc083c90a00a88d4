import ArgumentParser
import Catalog
import Client
import Engine
import FeatureModel
import Foundation
import Tables

struct DatasetVerify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract:
            "Make a training set again and prove it equal, cell by cell. Exit code 5 where it is not, 1 where a file differs.",
        discussion: """
            Joins the spine again as of the saved position and compares the hash of each column, of labels too; deals the rows of a split \
            set out again; and with --against compares each cell of the features with a file's, row by row, and the file's labels with \
            those that were saved. Neither new rows and definitions nor a compaction change the answer; but \
            where a retention has dropped history of one of its groups, once it was released or before it was saved, there is none.

              headwater dataset verify churn_june
              headwater dataset verify churn_june --spine spine.csv --against june.csv
            """)

    @OptionGroup(title: "Connection") var connection: ConnectionOptions
    @OptionGroup(title: "Without a server") var directory: DirectoryOptions
    @OptionGroup(title: "Reading tables") var input: InputOptions
    @OptionGroup(title: "Output") var output: OutputOptions
    @Argument(help: "The dataset's name.")
    var name: String
    @Option(
        help: ArgumentHelp(
            "The spine it was made with, or - for standard input. Default: the file it was read from.", valueName: "file"))
    var spine: String?
    @Option(
        help: ArgumentHelp(
            "A file that 'headwater history' wrote, without a split: its cells are compared, and the first that differ are listed.",
            valueName: "file"))
    var against: String?

    func run() async throws {
        if let data = directory.data {
            let stored = try DataDirectory(data)
            let catalog = try stored.catalog()
            let project = connection.project(in: catalog)
            let dataset = try catalog.dataset(project: project, name: name)
            let reader = try stored.history(minPosition: dataset.query.asOf)
            let arguments = dataset.query.arguments
            let plan = try arguments.plan(in: reader, project: project)
            let made = try checkedSpine(of: dataset, keys: plan.keys, request: plan.request)
            try await verify(dataset, made) { try arguments.rows(of: reader, plan, made.spine, dealingTo: made.split) }
            return
        }
        try await connection.withClient { client in
            let dataset = try await client.dataset(name)
            // Definitions may be others by now: then the time, which stands last, was no key.
            let columns = try? await client.requestColumns(of: dataset.query.selection, asOf: dataset.query.asOf)
            let made = try checkedSpine(of: dataset, keys: columns?.keys ?? [], request: columns?.request ?? [])
            try await verify(dataset, made) {
                try await dataset.query.arguments.rows(of: client, made.spine, dealingTo: made.split)
            }
        }
    }

    /// The spine from which a set is made again.
    private struct CheckedSpine {
        let spine: SpineTable
        let labels: DatasetReport.Labels
        let split: RowSplit?
    }

    /// The spine from its start, after it was read once to see that it is the right one.
    private func checkedSpine(
        of dataset: DatasetDefinition, keys requested: [Field], request: [Field]
    ) throws -> CheckedSpine {
        guard let path = spine ?? dataset.source else {
            throw HeadwaterError(
                .invalidArgument, "dataset '\(name)' was made of a spine from standard input: give it with --spine FILE")
        }
        guard spine != nil || FileManager.default.fileExists(atPath: path) else {
            throw HeadwaterError(.notFound, "the spine of dataset '\(name)' is not here: give it with --spine FILE", at: path)
        }
        // Its time is among them, wherever it stands.
        let keys = dataset.spine.columns.map(\.field)
        let time = dataset.query.spineTime
        let labels = dataset.labels?.columns.map(\.field)
        let table = try input.open(path, WantedColumns(keys + (labels ?? [])))
        let hashed = try input.spine(table, keys: keys, time: time, hashing: true, savedLabels: labels)
        var times: [Microseconds] = []
        let isByTime = dataset.split?.by == "time"
        try hashed.readAll("reading \(table.name)") { columns in
            guard isByTime else { return }
            for row in 0..<columns[hashed.timeIndex].count { times.append(columns[hashed.timeIndex].int64(row)) }
        }
        let found = hashed.finishHash()
        guard found.table == dataset.spine else {
            let names = zip(dataset.spine.columns, found.table.columns).filter { $0 != $1 }.map(\.0.name)
            throw HeadwaterError(
                .failedPrecondition,
                "this is not the spine that dataset '\(name)' was made with: it has \(NumberFormat.count(found.rows, "row")), that one "
                    + "\(NumberFormat.count(dataset.rows)); other cells in \(names.joined(separator: ", ")); give --null, --format and --time-unit as then",
                at: table.name)
        }
        let hasTimeKey = requested.contains { $0.name.utf8.elementsEqual(time.utf8) }
        return CheckedSpine(
            spine: try input.spine(table, keys: keys, time: time, hashing: true, savedLabels: labels),
            labels: DatasetReport.Labels(saved: dataset.labels, found: found.labels, isText: table.format == .csv),
            split: dataset.split.map { split in
                // Rows are dealt out by keys, which stand before the columns of the request.
                let keyCount = request.isEmpty ? (hasTimeKey ? keys.count : keys.count - 1) : min(requested.count, keys.count)
                return RowSplit(split, times: times, keys: 0..<keyCount, timeIndex: hashed.timeIndex)
            })
    }

    /// Runs a part of the join; says what it means for a dataset where history is gone.
    private func answer<Answer>(_ part: () async throws -> Answer, _ dataset: DatasetDefinition) async throws -> Answer {
        do { return try await part() } catch let error as HeadwaterError where error.code == .outOfRange {
            throw HeadwaterError(
                error.code,
                "dataset '\(name)' can be made no more: a retention has dropped history since position \(dataset.query.asOf) (\(error.message))",
                at: error.location)
        }
    }

    private func verify(
        _ dataset: DatasetDefinition, _ made: CheckedSpine, _ join: () async throws -> any JoinedRows
    ) async throws {
        let fields = dataset.features.columns.map(\.field)
        var comparison = try against.map { (path) throws(HeadwaterError) in
            // The file is read as 'history' wrote it: --null and --format describe the spine.
            try FileComparison(
                InputTable(
                    path: path, format: nil, wanted: WantedColumns(fields + (dataset.labels?.columns.map(\.field) ?? [])),
                    timeUnit: .microseconds),
                fields, labels: dataset.labels,
                TableOptions(
                    unknownColumns: .keep, batchRowsMax: SpineTable.batchRowsMax, batchBytesMax: SpineTable.batchBytesMax,
                    timeUnit: .microseconds))
        }
        var hash: TableHash?
        var progress = Progress("verifying \(name)")
        defer { progress.finish() }
        let answers = try await answer(join, dataset)
        while let part = try await answer({ try await answers.next() }, dataset) {
            try Interrupts.check()
            if hash == nil { hash = TableHash(part.fields) }
            guard part.fields == fields else {
                throw HeadwaterError(.internal, "the query gives other columns than dataset '\(name)' has")
            }
            hash!.append(part.columns, statuses: part.statuses)
            try comparison?.compare(part)
            _ = made.split?.take(part.rowCount)
            progress.update(
                rows: hash!.rowCount, fraction: dataset.rows == 0 ? nil : Double(hash!.rowCount) / Double(dataset.rows))
        }
        try comparison?.finish()
        guard let hash else { throw HeadwaterError(.internal, "the answer has no columns: ask a server of this version") }
        guard made.spine.finishHash().table == dataset.spine else {
            throw HeadwaterError(.aborted, "the spine changed while it was read: try again")
        }
        let elapsed = progress.elapsed
        progress.finish()
        let rows = NumberFormat.count(hash.rowCount, "row")
        let report = DatasetReport(
            dataset, found: hash.finish(), rows: hash.rowCount, labels: made.labels, split: made.split?.record,
            comparison: comparison?.cells,
            compared: [
                "keys and times of \(made.spine.name) with the hashes of the saved spine: \(rows)",
                "\(NumberFormat.count(fields.count, "feature column")), values and statuses, with their saved hashes: \(rows)",
            ] + (against.map { ["each cell with those of \($0)"] } ?? []),
            seconds: elapsed / .seconds(1))
        if output.json { try Console.printJSON(report) } else { try Console.write(report.text.utf8) }
        if let refusal = report.refusal(of: dataset, against: against) { throw refusal }
    }
}
