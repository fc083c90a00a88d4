import Logging
import Synchronization

/// Log lines, kept for a test.
final class KeptLines: Sendable {
    private struct Handler: LogHandler {
        let kept: KeptLines
        var logLevel = Logger.Level.trace
        var metadata: Logger.Metadata = [:]

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            kept.state.withLock { $0.append((event.level, "\(event.message)", event.metadata ?? [:])) }
        }
    }

    private let state = Mutex<[(level: Logger.Level, message: String, metadata: Logger.Metadata)]>([])

    var lines: [(level: Logger.Level, message: String, metadata: Logger.Metadata)] { state.withLock { $0 } }
    var logger: Logger { Logger(label: "test") { _ in Handler(kept: self) } }
}
