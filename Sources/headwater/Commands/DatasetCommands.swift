import ArgumentParser
import Catalog
import Client
import FeatureModel
import Foundation
import Tables

struct DatasetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dataset",
        abstract: "Saved training sets: list them, show one, make one again and prove it equal, release one.",
        discussion: """
            'headwater history … --save NAME' saves one: its query, the position it was read at, and hashes of the spine and of all \
            cells; not the rows. The history that it reads is kept, also where a retention would drop it, until it is released.
            """,
        subcommands: [DatasetList.self, DatasetShow.self, DatasetVerify.self, DatasetRelease.self])
}

struct DatasetList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List the saved training sets of a project.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var directory: DirectoryOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let datasets: [CatalogListing.DatasetEntry]
        if let data = directory.data {
            datasets = try DirectCatalog.load(dataDirectory: data).listing(of: connection.effectiveProject).datasets
        } else {
            datasets = try await connection.withClient { try await $0.list().value.datasets }
        }
        if output.json { return try Console.printJSON(["datasets": datasets]) }
        guard !datasets.isEmpty else {
            return try Console.print(
                "project \(connection.effectiveProject) has no datasets: 'headwater history … --save NAME' makes one")
        }
        var table = TextTable(["name", "rows", "as of", "created", "hash", "history", "description"], cellScalarsMax: 80)
        for dataset in datasets {
            table.append([
                dataset.name, Spelling.count(dataset.rows), "\(dataset.asOf)", dataset.created.map(TimeText.format) ?? "",
                DatasetText.short(dataset.hash), dataset.released == true ? "released" : "kept", dataset.description ?? "",
            ])
        }
        try Console.write(table.text.utf8)
    }
}

struct DatasetShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show what a training set was made of.",
        discussion: """
              headwater dataset show churn_june
              headwater dataset show churn_june --json
            """)

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var directory: DirectoryOptions
    @OptionGroup var output: OutputOptions
    @Argument(help: "The dataset's name.")
    var name: String

    func run() async throws {
        let dataset: DatasetDefinition
        if let data = directory.data {
            dataset = try DirectCatalog.load(dataDirectory: data).dataset(project: connection.effectiveProject, name: name)
        } else {
            dataset = try await connection.withClient { try await $0.dataset(name) }
        }
        if output.json { try Console.printJSON(dataset) } else { try Console.write(DatasetText.text(dataset).utf8) }
    }
}

struct DatasetRelease: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "release",
        abstract: "Let retention drop history that a training set reads.",
        discussion: """
            What it was made of stays known, but once a compaction has dropped rows it can be made no more. This cannot be taken back; \
            releasing it again changes nothing.

              headwater dataset release churn_june
            """)

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @Argument(help: "The dataset's name.")
    var name: String

    private struct Document: Encodable {
        let dataset: String
        let position: Position
    }

    func run() async throws {
        let position = try await connection.withClient { try await $0.release(dataset: name) }
        if output.json { return try Console.printJSON(Document(dataset: name, position: position)) }
        try Console.print("dataset \(name) is released: retention no longer waits for it; position \(position)")
    }
}

struct DatasetVerify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Make a training set again and prove it equal, cell by cell. Exit code 1 where it is not.",
        discussion: """
            Joins the spine again as of the saved position and compares the hash of each column; with --against also each cell with \
            those of the same features in a file, row by row. Neither new rows and definitions nor a compaction change the answer; but \
            where a retention has dropped history of one of its groups, once it was released or before it was saved, there is none.

              headwater dataset verify churn_june
              headwater dataset verify churn_june --spine spine.csv --against june.csv
            """)

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var directory: DirectoryOptions
    @OptionGroup var input: InputOptions
    @OptionGroup var output: OutputOptions
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
            let catalog = try DirectCatalog.load(dataDirectory: data)
            let dataset = try catalog.dataset(project: connection.effectiveProject, name: name)
            let reader = try DirectOffline(dataDirectory: data, minPosition: dataset.query.asOf)
            let arguments = dataset.query.arguments
            let plan = try arguments.plan(in: reader, project: connection.effectiveProject)
            let spine = try checkedSpine(of: dataset)
            try await verify(dataset, spine) { try arguments.rows(of: reader, plan, spine) }
            return
        }
        try await connection.withClient { client in
            let dataset = try await client.dataset(name)
            let spine = try checkedSpine(of: dataset)
            try await verify(dataset, spine) { try await dataset.query.arguments.rows(of: client, spine) }
        }
    }

    /// The spine from its start, after it was read once to see that it is the right one.
    private func checkedSpine(of dataset: DatasetDefinition) throws -> SpineTable {
        guard let path = spine ?? dataset.source else {
            throw HeadwaterError(
                .invalidArgument, "dataset '\(name)' was made of a spine from standard input: give it with --spine FILE")
        }
        guard spine != nil || FileManager.default.fileExists(atPath: path) else {
            throw HeadwaterError(.notFound, "the spine of dataset '\(name)' is not here: give it with --spine FILE", at: path)
        }
        let table = try input.open(path)
        // Its time is among them, wherever it stands.
        let keys = dataset.spine.columns.map(\.field)
        let time = dataset.query.spineTime
        let hashed = try input.spine(table, keys: keys, time: time, hashing: true)
        try hashed.readAll("reading \(table.name)")
        let found = hashed.finishHash()
        guard found.table == dataset.spine else {
            let names = zip(dataset.spine.columns, found.table.columns).filter { $0 != $1 }.map(\.0.name)
            throw HeadwaterError(
                .failedPrecondition,
                "this is not the spine that dataset '\(name)' was made with: it has \(Spelling.count(found.rows, "row")), that one "
                    + "\(Spelling.count(dataset.rows)); other cells in \(names.joined(separator: ", ")); give --null and --format as then",
                at: table.name)
        }
        return try input.spine(table, keys: keys, time: time, hashing: true)
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
        _ dataset: DatasetDefinition, _ spine: SpineTable, _ join: () async throws -> any JoinedRows
    ) async throws {
        let fields = dataset.features.columns.map(\.field)
        var comparison = try against.map { (path) throws(HeadwaterError) in
            // As 'history' wrote it: --null and --format tell of the spine.
            try CellComparison(
                InputTable(path: path, format: nil), fields,
                TableOptions(
                    unknownColumns: .keep, batchRowsMax: SpineTable.batchRowsMax, batchBytesMax: SpineTable.batchBytesMax))
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
            progress.update(
                rows: hash!.rowCount, fraction: dataset.rows == 0 ? nil : Double(hash!.rowCount) / Double(dataset.rows))
        }
        try comparison?.finish()
        guard let hash else { throw HeadwaterError(.internal, "the answer has no columns: ask a server of this version") }
        guard spine.finishHash().table == dataset.spine else {
            throw HeadwaterError(.aborted, "the spine changed while it was read: try again")
        }
        let elapsed = progress.elapsed
        progress.finish()
        let report = DatasetReport(
            dataset, found: hash.finish(), rows: hash.rowCount, comparison: comparison, seconds: elapsed / .seconds(1))
        if output.json { try Console.printJSON(report) } else { try Console.write(report.text.utf8) }
        guard report.isEqual else {
            let what =
                report.features == dataset.features.hash
                ? "\(against ?? "the file") has other cells than dataset '\(name)'"
                : "dataset '\(name)' cannot be made again: history has other cells as of \(dataset.query.asOf) than it had"
            throw HeadwaterError(report.features == dataset.features.hash ? .failedPrecondition : .dataLoss, what)
        }
    }
}
