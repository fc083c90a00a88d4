internal import FeatureModel

/// An expression's text as it was handed in, and errors that show where in it they lie.
struct SourceText: Sendable {
    let bytes: [UInt8]
    /// Characters of a line that an error shows.
    private static let shownMax = 100

    init(_ text: String) { bytes = Array(text.utf8) }

    /// An error whose message ends with the line and a caret below the place.
    func error(at offset: Int, _ message: String) -> HeadwaterError {
        let place = min(offset, bytes.count)
        let lineEnd = UInt8(ascii: "\n")
        let start = bytes[..<place].lastIndex(of: lineEnd).map { $0 + 1 } ?? 0
        let end = bytes[place...].firstIndex(of: lineEnd) ?? bytes.count
        let before = String(decoding: bytes[start..<place], as: UTF8.self)
        let behind = String(decoding: bytes[place..<end], as: UTF8.self)
        let column = before.unicodeScalars.count + 1
        let line = 1 + bytes[..<start].count { $0 == lineEnd }

        // A long line is cut on both sides of the place.
        let half = SourceText.shownMax / 2
        let left = before.unicodeScalars.count > half ? "…" + SourceText.text(before.unicodeScalars.suffix(half)) : before
        let right = behind.unicodeScalars.count > half ? SourceText.text(behind.unicodeScalars.prefix(half)) + "…" : behind
        let shownLeft = PlainText.quoted(left)
        let caret = String(repeating: " ", count: shownLeft.unicodeScalars.count) + "^"
        let location = bytes.contains(lineEnd) ? "line \(line), character \(column)" : "character \(column)"
        return HeadwaterError(
            .invalidArgument, "\(message)\n  \(shownLeft)\(PlainText.quoted(right))\n  \(caret)", at: location)
    }

    private static func text(_ scalars: some Sequence<Unicode.Scalar>) -> String {
        var text = ""
        text.unicodeScalars.append(contentsOf: scalars)
        return text
    }
}
