import ArgumentParser

/// A value of the command line that says what may stand there.
protocol ExplainedArgument: CustomStringConvertible {
    init?(argument: String)

    /// What is taken: the end of the sentence "write …".
    static var forms: String { get }
}

extension ExplainedArgument {
    /// Reads an option's value.
    ///
    /// - Throws: `ValidationError` that names the good ones.
    static func read(_ text: String) throws -> Self {
        guard let value = Self(argument: text) else { throw ValidationError("write \(forms)") }
        return value
    }
}
