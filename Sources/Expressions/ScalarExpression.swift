package import FeatureModel

/// A checked expression of the language (docs/expressions.md), ready to run.
///
/// It has a value for every row: what has none is null.
package struct ScalarExpression: Sendable {
    /// The version of the language: expressions keep the meaning that they had when they were written.
    package static let languageVersion = 1

    /// The one text of the expression, which is kept and compared.
    package let canonicalText: String
    /// The type of its values.
    package var type: FeatureType { program.resultType }
    /// What it reads, in the order in which evaluators take it. Constants that fold away are not read.
    package var inputs: [ExpressionInput] { program.inputs }
    let program: Program

    /// The steps of its program.
    package var stepCount: Int { program.instructions.count }
    /// Whether each step takes a time that no cell can make long: none reads texts, lists or vectors.
    package var isOfNumbersAlone: Bool {
        program.inputs.allSatisfy { $0.type.isNumberLike } && program.resultType.isNumberLike
            && program.instructions.allSatisfy { $0.operation.isOfNumbers }
    }

    /// - Complexity: O(bytes) and O(nodes).
    /// - Throws: `.invalidArgument` whose message shows the place, and says what is wrong there and what to do.
    package init(_ text: String, in environment: ExpressionEnvironment) throws(HeadwaterError) {
        let source = SourceText(text)
        let tree = try Parser.parse(source)
        program = try Compiler.compile(tree, source, in: environment)
        canonicalText = try ScalarExpression.checkedText(of: tree)
    }

    /// The canonical text alone, where it is not known yet what the columns are.
    ///
    /// - Throws: `.invalidArgument` for what does not parse.
    package static func canonicalText(of text: String) throws(HeadwaterError) -> String {
        try checkedText(of: try Parser.parse(SourceText(text)))
    }

    /// The canonical text, which has to be one that is parsed again.
    private static func checkedText(of tree: SyntaxTree) throws(HeadwaterError) -> String {
        let text = CanonicalText.of(tree)
        guard text.utf8.count <= Limits.expressionBytesMax else {
            throw HeadwaterError(
                .invalidArgument,
                "an expression of \(text.utf8.count) bytes in its canonical text: the limit is \(Limits.expressionBytesMax); "
                    + "make features of its parts")
        }
        return text
    }

    /// The names of the columns that it reads, each once, in the order in which they come first.
    ///
    /// - Throws: `.invalidArgument` for what does not parse.
    package static func columnNames(in text: String) throws(HeadwaterError) -> [String] {
        var names: [String] = []
        var seen: Set<ByteString> = []
        for node in try Parser.parse(SourceText(text)).nodes {
            if case .column(let name) = node.kind, seen.insert(ByteString(name)).inserted { names.append(name) }
        }
        return names
    }
}
