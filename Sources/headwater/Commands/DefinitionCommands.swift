import ArgumentParser
import Catalog
import Client
import FeatureModel
import Foundation
import Tables

struct Apply: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Apply definitions: entities, feature groups, feature services.",
        discussion: """
            Several files are read as one. What is left out of the files is kept: nothing is deleted. Applying the same files \
            again changes nothing.

              headwater apply features.yaml
              headwater apply entities.yaml groups.yaml services.yaml
            """)

    @OptionGroup(title: "Connection") var connection: ConnectionOptions
    @OptionGroup(title: "Output") var output: OutputOptions
    @Argument(help: ArgumentHelp("YAML files.", valueName: "file"))
    var files: [String]

    func run() async throws {
        let file = try await DefinitionsArguments.load(files, connection)
        let result = try await connection.withClient(project: file.definitions.project) { client in
            do { return try await client.apply(file.definitions) } catch let error as HeadwaterError {
                throw file.sources.placed(error)
            }
        }
        if output.json {
            try DefinitionsArguments.printPlan(result)
            return
        }
        for line in result.plan.lines { try Console.print(line) }
        try Console.print(
            result.changed ? "applied at position \(result.position)" : "nothing to change; position \(result.position)")
    }
}

struct PlanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Show what applying definitions would change.",
        discussion: """
            Changes nothing. Exit code 1 where something in the files is not allowed as a change.

              headwater plan features.yaml
            """)

    @OptionGroup(title: "Connection") var connection: ConnectionOptions
    @OptionGroup(title: "Output") var output: OutputOptions
    @Argument(help: ArgumentHelp("YAML files.", valueName: "file"))
    var files: [String]

    func run() async throws {
        let file = try await DefinitionsArguments.load(files, connection)
        let result = try await connection.withClient(project: file.definitions.project) { client in
            do { return try await client.plan(file.definitions) } catch let error as HeadwaterError {
                throw file.sources.placed(error)
            }
        }
        if output.json {
            try DefinitionsArguments.printPlan(result)
        } else {
            for line in result.plan.lines { try Console.print(line) }
        }
        do { _ = try result.plan.approved() } catch { throw file.sources.placed(error) }
    }
}

/// The arguments that apply and plan share.
enum DefinitionsArguments {
    /// Reads the files; of a project that neither they nor anybody else names, they are of the store's only one.
    static func load(_ paths: [String], _ connection: ConnectionOptions) async throws -> DefinitionsFile {
        let texts = try paths.map { try TextFile.read($0, ifDirectory: "name the files in it, such as \($0)/*.yaml") }
        // The environment names a project for files that name none; the option must agree with them.
        let namesProject = texts.contains { $0.text.split(whereSeparator: \.isNewline).contains { $0.hasPrefix("project:") } }
        var project = connection.project
        if project == nil, !namesProject {
            project = ConnectionOptions.environment(ConnectionOptions.projectVariable)
            if project == nil { project = try await onlyProject(connection) }
        }
        return try DefinitionsFile.load(texts, project: project)
    }

    private static func onlyProject(_ connection: ConnectionOptions) async throws -> String? {
        let names = try await connection.withClient { try await $0.projects() }
        return names.count == 1 ? names[0] : nil
    }

    private struct PlanDocument: Encodable {
        struct Item: Encodable {
            let kind: String
            let name: String
            let action: String
            let details: [String]
            let warnings: [String]?
        }

        let project: String
        let position: UInt64
        let changed: Bool
        let items: [Item]
        let refusals: [String]
    }

    static func printPlan(_ result: ApplyResult) throws {
        try Console.printJSON(
            PlanDocument(
                project: result.plan.project, position: result.position, changed: result.changed,
                items: result.plan.items.map {
                    PlanDocument.Item(
                        kind: $0.kind.rawValue, name: $0.name, action: $0.action.rawValue, details: $0.details,
                        warnings: $0.warnings)
                }, refusals: result.plan.refusals))
    }
}
