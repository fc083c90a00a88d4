import FeatureModel
import Foundation
import Logging
import Synchronization
import Transport

/// How a server's log is written: a line a message, the message before its fields, times in milliseconds.
///
/// As text: `2026-01-05T09:00:00.123Z info ready role=serve listen=127.0.0.1:7070`; a value that is not one plain word stands in
/// quotes, with its control characters as escapes. As JSON: an object a line with `time`, `level`, `message` and `fields`.
struct ServerLog: LogHandler {
    enum Format: String, ExplainedArgument {
        case text
        case json

        static let forms = "text or json"

        init?(argument: String) { self.init(rawValue: argument) }

        var description: String { rawValue }
    }

    /// The least level that is logged, for all loggers of the process together: it may change at any time.
    final class Level: Sendable {
        private let level: Mutex<Logger.Level>

        init(_ level: Logger.Level) { self.level = Mutex(level) }

        var value: Logger.Level {
            get { level.withLock { $0 } }
            set { level.withLock { $0 = newValue } }
        }
    }

    let format: Format
    private let level: Level
    var metadata: Logger.Metadata = [:]

    private struct Line: Encodable {
        let time: String
        let level: String
        let message: String
        let fields: [String: String]
    }

    init(_ format: Format, _ level: Level) {
        self.format = format
        self.level = level
    }

    var logLevel: Logger.Level {
        get { level.value }
        set { level.value = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        write(event.level, "\(event.message)", metadata.merging(event.metadata ?? [:]) { $1 })
    }

    func log(
        level: Logger.Level, message: Logger.Message, metadata more: Logger.Metadata?, source: String, file: String,
        function: String, line: UInt
    ) {
        write(level, "\(message)", metadata.merging(more ?? [:]) { $1 })
    }

    private func write(_ level: Logger.Level, _ message: String, _ fields: Logger.Metadata) {
        // The time is cut to whole milliseconds: three digits of the six.
        let time = TimeText.format(SystemClock().now()).dropLast(4) + "Z"
        switch format {
        case .json:
            Console.noteJSON(
                Line(time: String(time), level: level.rawValue, message: message, fields: fields.mapValues { "\($0)" }))
        case .text:
            let words = fields.sorted { $0.key < $1.key }.map { " \($0.key)=\(Self.word("\($0.value)"))" }
            Console.note("\(time) \(level.rawValue) \(PlainText.quoted(message))\(words.joined())\n")
        }
    }

    /// A value as it stands behind its name.
    private static func word(_ text: String) -> String {
        let isPlain = !text.isEmpty && text.unicodeScalars.allSatisfy { $0 > " " && $0 != "\"" && $0 != "=" && $0 != "\u{7F}" }
        return isPlain ? PlainText.quoted(text) : "\"\(PlainText.quoted(text).replacingOccurrences(of: "\"", with: "\\\""))\""
    }
}
