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

    @OptionGroup(title: "Connection") var connection: ConnectionOptions
    @OptionGroup(title: "Without a server") var directory: DirectoryOptions
    @OptionGroup(title: "Output") var output: OutputOptions

    func run() async throws {
        let listing = try await directory.readDefinitions(connection) { catalog, project in
            catalog.listing(of: project)
        } server: {
            try await $0.list().value
        }
        let datasets = listing.datasets
        if output.json { return try Console.printJSON(["datasets": datasets]) }
        guard !datasets.isEmpty else {
            return try Console.print(
                "project \(listing.project) has no datasets: 'headwater history … --save NAME' makes one")
        }
        var table = TextTable(["name", "rows", "as of", "created", "hash", "history", "description"], cellScalarsMax: 80)
        for dataset in datasets {
            table.append([
                dataset.name, NumberFormat.count(dataset.rows), "\(dataset.asOf)", dataset.created.map(TimeText.format) ?? "",
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

    @OptionGroup(title: "Connection") var connection: ConnectionOptions
    @OptionGroup(title: "Without a server") var directory: DirectoryOptions
    @OptionGroup(title: "Output") var output: OutputOptions
    @Argument(help: "The dataset's name.")
    var name: String

    func run() async throws {
        let dataset = try await directory.readDefinitions(connection) { catalog, project in
            try catalog.dataset(project: project, name: name)
        } server: {
            try await $0.dataset(name)
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

    @OptionGroup(title: "Connection") var connection: ConnectionOptions
    @OptionGroup(title: "Output") var output: OutputOptions
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
