public import ArgumentParser
public import Catalog
import Client
import FeatureModel

extension VersionedKind: ExpressibleByArgument {}

struct Promote: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make a name without a version mean another version.",
        discussion: """
            The first version of a group or of a service is promoted when it is made; applying a newer one moves nobody. From a \
            promotion on, reads and writes that name no version mean the promoted one, also those of long-lived clients. Services \
            stay pinned, and reads as of a position before it mean what was promoted then.

              headwater promote group orders@2 --dry-run
              headwater promote group orders@2
              headwater promote service churn@2
            """)

    @OptionGroup(title: "Connection") var connection: ConnectionOptions
    @OptionGroup(title: "Output") var output: OutputOptions
    @Argument(help: ArgumentHelp("group or service.", valueName: "kind"))
    var kind: VersionedKind
    @Argument(help: ArgumentHelp("NAME@VERSION.", valueName: "name"))
    var name: String
    @Flag(help: "Promote a version without rows too.")
    var force = false
    @Flag(help: "Only show what it would do.")
    var dryRun = false

    func run() async throws {
        let result = try await connection.withClient { client in
            try await client.promote(kind, name, isForced: force, isDryRun: dryRun)
        }
        try ChangeReport.print(result, json: output.json, isDryRun: dryRun, verb: "promoted")
    }
}

/// The outcome of a request that changes what names mean.
enum ChangeReport {
    static func print(_ result: ApplyResult, json: Bool, isDryRun: Bool, verb: String) throws {
        if json {
            try DefinitionsArguments.printPlan(result)
        } else {
            for line in result.plan.lines { try Console.print(line) }
        }
        if isDryRun {
            _ = try result.plan.approved()
        } else if !json {
            try Console.print(
                result.changed ? "\(verb) at position \(result.position)" : "nothing to change; position \(result.position)")
        }
    }
}
