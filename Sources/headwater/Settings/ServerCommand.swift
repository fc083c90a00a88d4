import ArgumentParser
import FeatureModel
import Logging
import Server

/// A command whose options may also come from the environment and from a file.
protocol SettingsCommand: AsyncParsableCommand {
    /// Runs it, once the parser has read the options wherever they come from.
    func run(_ settings: ServerSettings) async throws
}

/// A command that runs a server.
protocol ServerCommand: SettingsCommand {
    var server: ServerOptionGroup { get }

    func serverConfiguration() -> ServerConfiguration
}

extension ServerCommand {
    func run(_ settings: ServerSettings) async throws { try await server.run(self, settings) }
}

extension ServerConfiguration.Role {
    var command: any ServerCommand.Type {
        switch self {
        case .serve: Serve.self
        case .online: Online.self
        case .offline: Offline.self
        }
    }

    /// The options of its command, as the parser knows them.
    var options: [CommandDescription.Argument] { Self.optionsByRole[self] ?? [] }

    private static let optionsByRole = Dictionary(
        uniqueKeysWithValues: allCases.map { role in
            let arguments = CommandDescription(of: role.command)?.arguments ?? []
            return (role, arguments.filter { !["", "help", "version"].contains($0.name) })
        })

    /// The options of all servers, each once.
    static var allOptions: [CommandDescription.Argument] {
        var names: Set<String> = []
        return allCases.flatMap(\.options).filter { names.insert($0.name).inserted }
    }

    /// What the parser has against values of one option; `nil` where that is nothing, or depends on other options.
    func problem(with values: [String], of option: CommandDescription.Argument) -> String? {
        let directory = option.name == "data" ? [] : ["--data=."]
        do {
            _ = try command.parse(directory + option.arguments(values))
            return nil
        } catch {
            let text = command.message(for: error)
            let others = Self.allOptions.map { "--\($0.name)" }.filter { $0 != "--\(option.name)" }
            if text.split(whereSeparator: { !($0.isLetter || $0.isNumber || $0 == "-") }).contains(where: {
                others.contains(String($0))
            }) {
                return nil
            }
            let isRefused = text.hasPrefix("The value '")
            guard isRefused, let head = text.firstRange(of: "' is invalid for '--\(option.name)") else { return text }
            let value = text[text.index(text.startIndex, offsetBy: "The value '".count)..<head.lowerBound]
            let reason = text[head.upperBound...].firstRange(of: "': ").map { text[$0.upperBound...] }
            return "'\(value)' is not taken\(reason.map { ": \($0)" } ?? "")"
        }
    }
}

extension CommandDescription.Argument {
    static let variablePrefix = "HEADWATER_SERVE_"

    /// The option in the environment.
    var variable: String { Self.variablePrefix + name.uppercased().replacing("-", with: "_") }

    /// The option with these values, as arguments.
    func arguments(_ values: [String]) -> [String] {
        if isFlag { return values.last == "true" ? ["--\(name)"] : [] }
        return values.map { "--\(name)=\($0)" }
    }
}

/// The words of a command line that starts a server, or asks what one would be started with.
struct ServerCommandLine {
    /// The command itself, such as `config show online`.
    let command: [String]
    let role: ServerConfiguration.Role
    /// What stands behind it.
    let words: [String]

    /// - Returns: `nil` for other commands, and where somebody asks for help.
    init?(_ arguments: [String]) {
        if arguments.contains(where: { ["-h", "--help", "--version"].contains($0) }) { return nil }
        var rest = arguments[...]
        let isQuestion = rest.starts(with: ["config", "show"])
        if isQuestion { rest = rest.dropFirst(2) }
        let named = rest.first.flatMap { ServerConfiguration.Role(rawValue: $0) }
        guard isQuestion || named != nil else { return nil }
        role = named ?? .serve
        command = (isQuestion ? ["config", "show"] : []) + [role.rawValue]
        words = Array(named == nil ? rest : rest.dropFirst())
    }

    /// Whether a configuration file is named there.
    var namesFile: Bool { words.contains { $0 == "--config" || $0.hasPrefix("--config=") } }

    /// Whether it only asks.
    var isQuestion: Bool { command.count > 1 }

    /// The options that stand there, with their values; the parser finds what is wrong with them.
    func given(_ options: [CommandDescription.Argument]) -> [String: [String]] {
        var given: [String: [String]] = [:]
        var rest = words[...]
        while let word = rest.popFirst(), word != "--" {
            let name = word.dropFirst(2).prefix { $0 != "=" }
            guard word.hasPrefix("--"), let option = options.first(where: { $0.name == name }) else { continue }
            let equals = word.firstIndex(of: "=").map { String(word[word.index(after: $0)...]) }
            let value = option.isFlag ? "true" : equals ?? rest.popFirst() ?? ""
            given[option.name] = (option.isRepeating ? given[option.name] ?? [] : []) + [value]
        }
        return given
    }
}
