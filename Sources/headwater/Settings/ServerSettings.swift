import FeatureModel
import Foundation
import Server

/// The options of a server, and where the value of each comes from.
///
/// 1. The command line is looked through for the options that stand there.
/// 2. Those that do not are taken from the environment, or else from the file that `--config` names.
/// 3. They become arguments in front of the command line's own, and the parser reads them all: options are declared
///    once, and their values are checked by one code, wherever they come from.
struct ServerSettings {
    enum Source {
        case commandLine
        case environment(String)
        /// The file and the line.
        case file(String)
        /// Nothing is given.
        case absent
    }

    struct Setting {
        let option: CommandDescription.Argument
        let values: [String]
        let source: Source

        /// The value in the form that the environment takes, or what holds where there is none.
        var text: String { values.isEmpty ? option.defaultText ?? "not set" : values.joined(separator: ",") }
    }

    let line: ServerCommandLine
    private(set) var settings: [Setting] = []
    /// The file that was read, if one is named.
    private(set) var file: SettingsFile?

    /// Gathers the options of a command line, and those of the environment and the file that it leaves open.
    ///
    /// - Throws: with all that is wrong with environment and file, a line each.
    init(_ line: ServerCommandLine) throws(HeadwaterError) {
        self.line = line
        // Most servers: nothing but the command line says anything.
        guard line.isQuestion || line.namesFile || !Self.variables.isEmpty else { return }
        let options = line.role.options
        let given = line.given(options)
        var problems: [String] = []
        let environment = Self.environment(of: line.role, &problems)
        // One without a name is for the parser to refuse.
        if let path = given["config"]?.last ?? environment["config"]?.last, !path.isEmpty {
            guard path != "-" else {
                throw HeadwaterError(
                    .invalidArgument, "--config: name a file: SIGHUP reads it again, which standard input does not allow")
            }
            let file = try SettingsFile(path)
            problems += file.problems
            self.file = file
        }
        guard problems.isEmpty else { throw HeadwaterError(.invalidArgument, problems.joined(separator: "\n")) }
        for option in options {
            if let values = given[option.name] {
                settings.append(Setting(option: option, values: values, source: .commandLine))
            } else if let values = environment[option.name] {
                settings.append(Setting(option: option, values: values, source: .environment(option.variable)))
            } else if let entry = file?.entry(of: option.name, for: line.role) {
                settings.append(Setting(option: option, values: entry.values, source: .file(entry.place)))
            } else {
                settings.append(Setting(option: option, values: [], source: .absent))
            }
        }
    }

    /// What the environment says to servers; an empty variable is none.
    private static var variables: [String: String] {
        ProcessInfo.processInfo.environment.filter {
            $0.key.hasPrefix(CommandDescription.Argument.variablePrefix) && !$0.value.isEmpty
        }
    }

    /// The options of the environment; those of other roles are passed over.
    private static func environment(of role: ServerConfiguration.Role, _ problems: inout [String]) -> [String: [String]] {
        var found: [String: [String]] = [:]
        let all = ServerConfiguration.Role.allOptions
        for (name, text) in variables.sorted(by: { $0.key < $1.key }) {
            guard all.contains(where: { $0.variable == name }) else {
                problems.append(CommandLineAdvice.unknown("variable", name, name.uppercased(), all.map(\.variable)))
                continue
            }
            guard let option = role.options.first(where: { $0.variable == name }) else { continue }
            let values =
                option.isRepeating ? text.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) } : [text]
            let problem =
                option.isFlag && !["true", "false"].contains(text)
                ? "write true or false, not '\(text)'" : role.problem(with: values, of: option)
            if let problem { problems.append("\(name): \(problem)") } else { found[option.name] = values }
        }
        return found
    }

    /// These settings with the named ones as in `new`: what holds in a server that cannot change all of them.
    func taking(_ new: ServerSettings, of names: Set<String>) -> ServerSettings {
        var taken = self
        taken.settings = zip(settings, new.settings).map { names.contains($0.option.name) ? $1 : $0 }
        return taken
    }

    /// The whole command line, with what environment and file add to it.
    var arguments: [String] { line.command + optionArguments }

    /// The same without the command's name.
    var optionArguments: [String] {
        var arguments: [String] = []
        for setting in settings {
            switch setting.source {
            case .environment, .file: arguments += setting.option.arguments(setting.values)
            // Who only asks need not say where the data is.
            case .absent where line.isQuestion && setting.option.name == "data": arguments.append("--data=.")
            case .commandLine, .absent: break
            }
        }
        return arguments + line.words
    }
}
