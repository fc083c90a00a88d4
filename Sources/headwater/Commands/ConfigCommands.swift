import ArgumentParser
import FeatureModel
import Foundation
import Server
import Transport

/// The options of servers, without starting one.
struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Check a configuration file of servers, or show what a server would be started with.",
        subcommands: [ConfigCheck.self, ConfigShow.self])
}

struct ConfigCheck: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Check a configuration file of servers.",
        discussion: """
            Prints all that is wrong, a line each, and ends with 1 then; else, for each role, how many options it takes from the file. Starts \
            nothing, and reads neither the environment nor a data directory.

              headwater config check headwater.yaml
            """)

    @Argument(help: ArgumentHelp("The file.", valueName: "file"))
    var file: String

    func run() async throws {
        let file = try SettingsFile(file)
        var problems = file.problems
        var lines: [String] = []
        for role in ServerConfiguration.Role.allCases {
            let entries = role.options.compactMap { file.entry(of: $0.name, for: role) }
            let others = file.entries(notFor: role).filter { $0.role == nil }.map(\.option.name)
            lines.append(
                "\(role.rawValue): \(NumberFormat.count(entries.count, "option"))"
                    + (others.isEmpty ? "" : "; not for this role: \(others.joined(separator: ", "))"))
            guard file.problems.isEmpty else { continue }
            // Together: whether one goes with the other.
            let directory = file.entry(of: "data", for: role) == nil ? ["--data=."] : []
            do {
                let command = try role.command.parse(directory + entries.flatMap { $0.option.arguments($0.values) })
                try command.server.checkAddresses()
            } catch {
                let text = (error as? HeadwaterError)?.message ?? role.command.message(for: error)
                problems.append("\(file.path): for '\(role.rawValue)': \(text)")
            }
        }
        guard problems.isEmpty else { throw HeadwaterError(.invalidArgument, problems.joined(separator: "\n")) }
        for line in lines { try Console.print(line) }
    }
}

struct ConfigShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show the options that a server would be started with, and where each comes from.",
        discussion: """
            Takes what 'headwater serve', 'online' or 'offline' takes, and reads the same environment and file. Without a role: of serve.

              headwater config show serve --config headwater.yaml
              headwater config show offline --config headwater.yaml --json
            """,
        subcommands: [ConfigShowServe.self, ConfigShowOnline.self, ConfigShowOffline.self])
}

struct ConfigShowServe: SettingsCommand {
    static let configuration = CommandConfiguration(commandName: "serve", abstract: "Show the options of serve.")

    @OptionGroup var command: Serve
    @OptionGroup(title: "Output") var output: OutputOptions

    func run(_ settings: ServerSettings) async throws { try SettingsText.print(settings, output) }
}

struct ConfigShowOnline: SettingsCommand {
    static let configuration = CommandConfiguration(commandName: "online", abstract: "Show the options of online.")

    @OptionGroup var command: Online
    @OptionGroup(title: "Output") var output: OutputOptions

    func run(_ settings: ServerSettings) async throws { try SettingsText.print(settings, output) }
}

struct ConfigShowOffline: SettingsCommand {
    static let configuration = CommandConfiguration(commandName: "offline", abstract: "Show the options of offline.")

    @OptionGroup var command: Offline
    @OptionGroup(title: "Output") var output: OutputOptions

    func run(_ settings: ServerSettings) async throws { try SettingsText.print(settings, output) }
}

/// The settings of a server, as they are printed.
private enum SettingsText {
    private struct Document: Encodable {
        struct Option: Encodable {
            let name: String
            let variable: String
            let value: String?
            let source: String
            let place: String?
            let `default`: String?
            let changesAtReload: Bool
        }

        struct Other: Encodable {
            let name: String
            let value: String
            let place: String
        }

        let role: String
        let options: [Option]
        let notForThisRole: [Other]
    }

    static func print(_ settings: ServerSettings, _ output: OutputOptions) throws {
        let role = settings.line.role
        let others = settings.file?.entries(notFor: role) ?? []
        if output.json {
            let options = settings.settings.map { setting in
                let (source, place) = words(setting.source)
                return Document.Option(
                    name: setting.option.name, variable: setting.option.variable, value: value(setting, role), source: source,
                    place: place, default: setting.option.defaultText,
                    changesAtReload: Reloading.liveOptions.contains(setting.option.name))
            }
            return try Console.printJSON(
                Document(
                    role: role.rawValue, options: options,
                    notForThisRole: others.map {
                        .init(name: $0.option.name, value: $0.values.joined(separator: ","), place: $0.place)
                    }))
        }
        var rows = settings.settings.map { setting in
            let (source, place) = words(setting.source)
            return [setting.option.name, value(setting, role) ?? "-", place ?? source]
        }
        rows += others.map { [$0.option.name, $0.values.joined(separator: ","), "\($0.place), not for this role"] }
        let widths = (0..<2).map { column in rows.map { $0[column].count }.max() ?? 0 }
        for row in rows {
            let cells = zip(row, widths).map { $0.padding(toLength: $1, withPad: " ", startingAt: 0) }
            try Console.print((cells + [row[2]]).joined(separator: "  "))
        }
    }

    /// The value in force; `nil` where there is none.
    private static func value(_ setting: ServerSettings.Setting, _ role: ServerConfiguration.Role) -> String? {
        guard setting.values.isEmpty else { return setting.values.joined(separator: ",") }
        // The one default that depends on the role.
        if setting.option.name == "listen" {
            return ServerConfiguration(role: role, dataDirectory: "").endpoints.map(\.description).joined(separator: ",")
        }
        return setting.option.defaultText
    }

    private static func words(_ source: ServerSettings.Source) -> (source: String, place: String?) {
        switch source {
        case .commandLine: ("command line", nil)
        case .environment(let name): ("environment", name)
        case .file(let place): ("file", place)
        case .absent: ("default", nil)
        }
    }
}
