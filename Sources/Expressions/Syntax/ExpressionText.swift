import FeatureModel

/// The text of an expression, and errors that point into it.
struct ExpressionText: Sendable {
    let bytes: [UInt8]

    /// - Throws: `.invalidArgument` for a text that is longer than `Limits.expressionBytesMax`.
    init(_ text: String) throws(HeadwaterError) {
        guard text.utf8.count <= Limits.expressionBytesMax else {
            throw HeadwaterError(
                .invalidArgument,
                "an expression may be \(Limits.expressionBytesMax) bytes long, this one has \(text.utf8.count): split it into several features"
            )
        }
        bytes = Array(text.utf8)
    }

    /// Bytes of the line that an error shows on each side of the place.
    private static let shownBytes = 60

    /// An error at a place: line and column, and below it the line with a caret.
    func error(_ message: String, at offset: Int) -> HeadwaterError {
        let place = min(max(offset, 0), bytes.count)
        let lineStart = bytes[..<place].lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        let lineEnd = bytes[place...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
        let line = bytes[..<place].count { $0 == UInt8(ascii: "\n") } + 1
        let column = String(decoding: bytes[lineStart..<place], as: UTF8.self).unicodeScalars.count + 1
        let (first, end) = (max(lineStart, place - Self.shownBytes), min(lineEnd, place + Self.shownBytes))
        let (before, behind) = (Self.plain(bytes[first..<place]), Self.plain(bytes[place..<end]))
        let (front, back) = (first > lineStart ? "…" : "", end < lineEnd ? "…" : "")
        let spaces = String(repeating: " ", count: (front + before).unicodeScalars.count)
        let location = line > 1 ? "line \(line), column \(column)" : "column \(column)"
        return HeadwaterError(.invalidArgument, "\(location): \(message)\n  \(front)\(before)\(behind)\(back)\n  \(spaces)^")
    }

    /// Tabs would move the caret, and other controls the screen.
    private static func plain(_ bytes: ArraySlice<UInt8>) -> String {
        let scalars = String(decoding: bytes, as: UTF8.self).unicodeScalars
        return String(String.UnicodeScalarView(scalars.map { PlainText.quoted(String($0)) == String($0) ? $0 : " " }))
    }

    /// A name or a text out of an expression, as a message may hold it.
    static func shown(_ name: String) -> String {
        let start = name.unicodeScalars.prefix(shownBytes)
        return PlainText.quoted(String(start)) + (start.endIndex < name.endIndex ? "…" : "")
    }
}
