import FeatureModel

/// What is wrong with a command line that the parser refused, where a name in it is unknown: that is said before what is missing,
/// as the one is most often the other misspelt.
enum CommandLineAdvice {
    /// - Parameter arguments: without the program's name.
    static func problem(with arguments: [String]) -> String? {
        guard var command = CommandDescription(of: Headwater.self) else { return nil }
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

    /// What is said of an unknown name: the known one that it most likely means, or else all of them.
    static func unknown(_ kind: String, _ shown: String, _ name: String, _ names: [String]) -> String {
        let known = names.filter { $0 != "help" && $0 != "--help" && $0 != "--version" }
        if let near = Suggestion.near(name, in: known) { return "unknown \(kind) '\(shown)': did you mean '\(near)'?" }
        if known.isEmpty { return "unknown \(kind) '\(shown)'" }
        return "unknown \(kind) '\(shown)'; there are \(known.joined(separator: ", "))"
    }
}
