import ArgumentParser
import FeatureModel
import Server
import Transport

/// The command `headwater`.
struct Headwater: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "headwater",
        abstract: "A feature store: one durable log, an online store and an offline store that run down from it.",
        discussion: """
            Start a server, apply definitions, write rows, read them:

              headwater serve --data ./store
              headwater apply features.yaml
              headwater write orders --from orders.csv
              headwater get --service churn --entity customer_id=1
              headwater history --spine spine.csv --service churn --out training.csv

            Clients find the server by --address or HEADWATER_ADDRESS (127.0.0.1:7070), and names by --project or \
            HEADWATER_PROJECT.
            """,
        version: HeadwaterVersion.current,
        groupedSubcommands: [
            CommandGroup(name: "SERVERS", subcommands: [Serve.self, Online.self, Offline.self, ConfigCommand.self]),
            CommandGroup(
                name: "DEFINITIONS",
                subcommands: [
                    Apply.self, PlanCommand.self, Promote.self, Remove.self, List.self, Describe.self, Search.self,
                    Projects.self,
                ]),
            CommandGroup(name: "ROWS", subcommands: [Write.self, Delete.self, Get.self, History.self, Scan.self]),
            CommandGroup(name: "TRAINING SETS", subcommands: [DatasetCommand.self]),
            CommandGroup(name: "EXPRESSIONS", subcommands: [Eval.self, ExpressionsCommand.self]),
            CommandGroup(
                name: "OPERATIONS",
                subcommands: [
                    Status.self, Clients.self, Slow.self, Audit.self, Snapshot.self, Compact.self, ClockCommand.self,
                    LogCommand.self,
                ]),
        ])
}

/// Runs the command, and turns what it throws into lines on standard error and an exit code.
@main
enum Main {
    static func main() async {
        Descriptors.raiseLimit()
        EventLoops.matchCores()
        Interrupts.prepare()
        do { try Descriptors.checkForClient() } catch { runWithFewDescriptors(error) }
        let work = Task { try await run() }
        Interrupts.whenInterrupted { work.cancel() }
        do { try await work.value } catch { Failure.exit(error) }
    }

    /// Runs what needs no descriptors, such as `--help`, and refuses all else, on this thread: the
    /// runtime's own threads end the process where they find none.
    private static func runWithFewDescriptors(_ problem: HeadwaterError) -> Never {
        do {
            var (command, _) = try parse()
            if command is any AsyncParsableCommand { throw problem }
            try command.run()
        } catch { Failure.exit(error) }
        Failure.exit(ExitCode.success)
    }

    /// Reads the command line, for a server with the options that environment and file add to it.
    ///
    /// - Throws: `UsageError` where a name is unknown, or no command stands there; what the parser found otherwise.
    private static func parse() throws -> (command: any ParsableCommand, settings: ServerSettings?) {
        var arguments = Array(CommandLine.arguments.dropFirst())
        if arguments.first == "help", let problem = CommandLineAdvice.problem(with: Array(arguments.dropFirst())) {
            throw UsageError(message: problem)
        }
        let settings = try ServerCommandLine(arguments).map { (line) throws(HeadwaterError) in try ServerSettings(line) }
        if let settings { arguments = settings.arguments }
        let command: any ParsableCommand
        do { command = try Headwater.parseAsRoot(arguments) } catch {
            guard Headwater.exitCode(for: error) != .success, let problem = CommandLineAdvice.problem(with: arguments) else {
                throw error
            }
            throw UsageError(message: problem)
        }
        // Help that somebody asked for came above: where arguments got lost on their way, a script must not take it for success.
        let subcommands =
            type(of: command).configuration.subcommands
            + type(of: command).configuration.groupedSubcommands.flatMap(\.subcommands)
        guard subcommands.isEmpty else {
            Console.note(Headwater.helpMessage(for: type(of: command)) + "\n")
            throw UsageError(message: "no command is given")
        }
        return (command, settings)
    }

    private static func run() async throws {
        try plantSabotage()
        var (command, settings) = try parse()
        if let command = command as? any SettingsCommand, let settings {
            try await command.run(settings)
        } else if var command = command as? any AsyncParsableCommand {
            try await command.run()
        } else {
            try command.run()
        }
    }
}
