import FeatureModel
import Testing

@Suite struct PlainTextTests {
    @Test(arguments: [
        ("plain", "plain"), ("größe_温度", "größe_温度"), ("a\u{1B}[31mb", "a\\u{1B}[31mb"), ("a\nb\tc", "a\\u{A}b\\u{9}c"),
        ("\u{9B}2J", "\\u{9B}2J"), ("a\u{202E}b", "a\\u{202E}b"), ("\r\u{7}", "\\u{D}\\u{7}"), ("", ""),
    ])
    func nothingThatATerminalObeysGetsThrough(text: String, quoted: String) {
        #expect(PlainText.quoted(text) == quoted)
    }

    @Test func linesStayWhereTheyAreWanted() {
        #expect(PlainText.quoted("a\n\tb\u{1B}", keepsLines: true) == "a\n\tb\\u{1B}")
        #expect(PlainText.quoted("a\r\nb", keepsLines: true) == "a\\u{D}\nb")
    }
}
