import ArgumentParser
import Foundation

/// The part of the parser's own description of a command that advice and settings need: options are declared once.
struct CommandDescription: Decodable {
    struct Argument: Decodable {
        struct Name: Decodable {
            let kind: String
            let name: String

            var spelling: String { kind == "long" ? "--\(name)" : "-\(name)" }
        }

        let kind: String
        let names: [Name]?
        let isRepeating: Bool
        let abstract: String?

        /// Of an option or a flag, without the dashes.
        var name: String { names?.first { $0.kind == "long" }?.name ?? "" }
        var isFlag: Bool { kind == "flag" }

        /// What holds where nothing is given, as the help says it; `nil` where nothing does.
        var defaultText: String? {
            if isFlag { return "false" }
            guard let abstract, let start = abstract.firstRange(of: "Default: ")?.upperBound else { return nil }
            let sentence = abstract[start...]
            return String(
                sentence[..<(sentence.firstRange(of: ". ")?.lowerBound ?? sentence.endIndex)].trimmingSuffix { $0 == "." })
        }
    }

    let commandName: String
    let subcommands: [CommandDescription]?
    let arguments: [Argument]?

    func takesValue(_ option: String) -> Bool? {
        arguments?.first { $0.names?.contains { $0.spelling == option } ?? false }.map { $0.kind == "option" }
    }

    var options: [String] { arguments?.flatMap { $0.names ?? [] }.map(\.spelling).filter { $0.hasPrefix("--") } ?? [] }

    private struct Document: Decodable {
        let command: CommandDescription
    }

    /// - Returns: `nil` where the parser says something else of the command than is known here.
    init?(of command: any ParsableCommand.Type) {
        let document = try? JSONDecoder().decode(Document.self, from: Data(command._dumpHelp().utf8))
        guard let document else { return nil }
        self = document.command
    }
}

extension Substring {
    fileprivate func trimmingSuffix(while isTrimmed: (Character) -> Bool) -> Substring {
        var text = self
        while let last = text.last, isTrimmed(last) { text.removeLast() }
        return text
    }
}
