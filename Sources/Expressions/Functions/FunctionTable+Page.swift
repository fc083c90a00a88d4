extension FunctionTable {
    /// The functions of a group as a table of `docs/expressions.md`.
    package static func pageTable(of group: Function.Group) -> String {
        func cell(_ text: String) -> String {
            text.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
        }
        var lines = ["| function | gives | example |", "| --- | --- | --- |"]
        for function in all where function.group == group {
            let example =
                function.exampleResult.isEmpty ? "`\(function.example)`" : "`\(function.example)` is `\(function.exampleResult)`"
            lines.append("| `\(function.name)\(cell(function.signature))` | \(cell(function.rule)) | \(cell(example)) |")
        }
        return lines.joined(separator: "\n")
    }
}
