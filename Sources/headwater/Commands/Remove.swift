public import ArgumentParser
public import Catalog
import Client
import FeatureModel

extension RemovableKind: ExpressibleByArgument {}

struct Remove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Remove a project, an entity, a group, a feature, a service or a dataset.",
        discussion: """
            Says all that depends on it, and refuses while something does; --force removes that too. Rows of a group leave the online \
            store at once and history at its next compaction; reads as of positions before are refused then. A saved dataset keeps what \
            it reads until it is released. A name can be used again, under the next version.

              headwater remove group orders@1 --dry-run
              headwater remove group orders@1 --keep-history
              headwater remove feature orders:total
              headwater remove project shop --force
            """)

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @Argument(help: ArgumentHelp("project, entity, group, feature, service or dataset.", valueName: "kind"))
    var kind: RemovableKind
    @Argument(help: ArgumentHelp("NAME, or NAME@VERSION where there are several; of a feature GROUP:FEATURE.", valueName: "name"))
    var name: String
    @Flag(help: "Remove what depends on it too.")
    var force = false
    @Flag(help: "Keep a group's rows for reads as of positions before.")
    var keepHistory = false
    @Flag(help: "Only show what it would do.")
    var dryRun = false

    func run() async throws {
        let result = try await connection.withClient(project: kind == .project ? name : nil) { client in
            try await client.remove(kind, name, isForced: force, keepsHistory: keepHistory, isDryRun: dryRun)
        }
        try ChangeReport.print(result, json: output.json, isDryRun: dryRun, verb: "removed")
    }
}
