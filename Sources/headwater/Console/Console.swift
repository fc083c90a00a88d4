import FeatureModel
import Foundation

/// Standard output for results, standard error for everything else.
enum Console {
    /// Whether a person sees standard error.
    static let errorIsTerminal = isatty(2) == 1

    /// Each line behind `headwater: `, as every error is told.
    static func errorLines(_ text: String) {
        let lines = text.split(whereSeparator: \.isNewline).map { "headwater: \(PlainText.quoted($0))\n" }
        note(lines.joined())
    }

    /// A line on standard error that is no error: a remark beside results that go to a pipe.
    static func remark(_ text: String) { note(PlainText.quoted(text, keepsLines: true) + "\n") }

    static func note(_ text: String) { try? FileHandle.standardError.write(contentsOf: Data(text.utf8)) }

    /// Writes to standard output, as it is.
    ///
    /// - Throws: where nobody reads it any more.
    static func write(_ bytes: some Sequence<UInt8>) throws { try FileHandle.standardOutput.write(contentsOf: Data(bytes)) }

    /// Lines for people; what others gave them cannot command the terminal.
    static func print(_ text: String) throws { try write("\(PlainText.quoted(text, keepsLines: true))\n".utf8) }

    /// Prints a value as one JSON document, keys sorted.
    static func printJSON(_ value: some Encodable) throws { try write(try json(value)) }

    /// Writes a value to standard error as one JSON document on a line.
    static func noteJSON(_ value: some Encodable) {
        if let bytes = try? json(value) { note(String(decoding: bytes, as: UTF8.self)) }
    }

    private static func json(_ value: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        return try encoder.encode(value) + Data("\n".utf8)
    }
}
