import ArgumentParser
import Catalog
import Foundation

/// What is wrong with a command line that the parser refused, where a name in it is unknown: that is said before what is missing,
/// as the one is most often the other misspelt.
enum CommandLineAdvice {
    /// The part of the parser's own description of a command that is needed here.
    private struct Command: Decodable {
        struct Argument: Decodable {
            struct Name: Decodable {
                let kind: String
                let name: String

                var spelling: String { kind == "long" ? "--\(name)" : "-\(name)" }
            }

            let kind: String
            let names: [Name]?
        }

        let commandName: String
        let subcommands: [Command]?
        let arguments: [Argument]?

        func takesValue(_ option: String) -> Bool? {
            arguments?.first { $0.names?.contains { $0.spelling == option } ?? false }.map { $0.kind == "option" }
        }

        var options: [String] { arguments?.flatMap { $0.names ?? [] }.map(\.spelling).filter { $0.hasPrefix("--") } ?? [] }
    }

    private struct Document: Decodable {
        let command: Command
    }

    /// - Parameter arguments: without the program's name.
    static func problem(with arguments: [String]) -> String? {
        guard let document = try? JSONDecoder().decode(Document.self, from: Data(Headwater._dumpHelp().utf8)) else { return nil }
        var command = document.command
        var path = "headwater"
        var rest = arguments[...]
        while let argument = rest.popFirst(), argument != "--" {
            guard argument.hasPrefix("--") else {
                if argument.hasPrefix("-") || command.subcommands?.isEmpty ?? true { continue }
                guard let next = command.subcommands!.first(where: { $0.commandName == argument }) else {
                    return unknown("command", "\(path) \(argument)", argument, command.subcommands!.map(\.commandName))
                }
                command = next
                path += " \(argument)"
                continue
            }
            let option = String(argument.prefix { $0 != "=" })
            if option == "--help" || option == "--version" { continue }
            guard let takesValue = command.takesValue(option) else {
                return unknown("option", option, option, command.options)
            }
            if takesValue, !argument.contains("="), let value = rest.popFirst(), value.dropFirst().first?.isNumber == true,
                value.hasPrefix("-")
            {
                return
                    "'\(value)' behind \(option) is taken for an option: it takes no negative number, and other text that begins with '-' is "
                    + "written '\(option)=TEXT'"
            }
        }
        return nil
    }

    private static func unknown(_ kind: String, _ shown: String, _ name: String, _ names: [String]) -> String {
        let known = names.filter { $0 != "help" && $0 != "--help" && $0 != "--version" }
        if let near = Names.suggestion(for: name, in: known) { return "unknown \(kind) '\(shown)': did you mean '\(near)'?" }
        if known.isEmpty { return "unknown \(kind) '\(shown)'" }
        return "unknown \(kind) '\(shown)'; there are \(known.joined(separator: ", "))"
    }
}
