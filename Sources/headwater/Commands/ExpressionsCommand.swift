import ArgumentParser
import Expressions

struct ExpressionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "expressions",
        abstract: "List the functions of the expression language, with their rules and examples.",
        discussion: """
            Beside them there are + - * / % ||, comparisons, and, or, not, is null, in, between, case and cast: docs/expressions.md.

              headwater expressions
              headwater expressions --json
              headwater eval "greatest(1, 2)"

            \(listing)
            """)

    /// All functions, by subject.
    private static var listing: String {
        Function.Group.allCases.map { group in
            let functions = FunctionTable.all.filter { $0.group == group }.map { function in
                let result = function.exampleResult.isEmpty ? "" : "  =>  \(function.exampleResult)"
                return "  \(function.name)\(function.signature)\n      \(function.rule)\n      \(function.example)\(result)"
            }
            return "\(group.rawValue):\n" + functions.joined(separator: "\n")
        }.joined(separator: "\n\n")
    }

    @OptionGroup(title: "Output") var output: OutputOptions

    private struct Listed: Encodable {
        let name: String
        let group: String
        let signature: String
        let rule: String
        let example: String
        let result: String?
    }

    func run() throws {
        guard output.json else { return try Console.print(Self.listing) }
        try Console.printJSON(
            FunctionTable.all.map { function in
                Listed(
                    name: function.name, group: function.group.rawValue, signature: function.name + function.signature,
                    rule: function.rule, example: function.example,
                    result: function.exampleResult.isEmpty ? nil : function.exampleResult)
            })
    }
}
