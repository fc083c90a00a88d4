/// Text from outside as terminals and logs may show it.
public enum PlainText {
    /// The text with every character that a terminal could obey, or that hides what
    /// it says, written as `\\u{1B}`; line ends and tabs stay where `keepsLines`.
    ///
    /// - Complexity: O(bytes); text without such characters is returned as it is.
    public static func quoted(_ text: some StringProtocol, keepsLines: Bool = false) -> String {
        guard text.unicodeScalars.contains(where: { isUnsafe($0, keepsLines) }) else { return String(text) }
        var quoted = ""
        for scalar in text.unicodeScalars {
            if isUnsafe(scalar, keepsLines) {
                quoted += "\\u{" + String(scalar.value, radix: 16, uppercase: true) + "}"
            } else {
                quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted
    }

    private static func isUnsafe(_ scalar: Unicode.Scalar, _ keepsLines: Bool) -> Bool {
        switch scalar.value {
        case 0x09, 0x0A: !keepsLines
        // Control characters, of which ESC and CSI begin commands to the terminal.
        case 0x00...0x1F, 0x7F...0x9F: true
        // What turns the direction of writing, breaks lines, or has no width.
        case 0xAD, 0x61C, 0x200B, 0x200E...0x200F, 0x2028...0x202E, 0x2060...0x2069, 0xFEFF, 0xE0000...0xE007F: true
        default: false
        }
    }
}
