import Glibc
import Synchronization

/// Standard error: lines, and where a person looks on, one line of progress.
enum Screen {
    private static let isTerminal = isatty(2) == 1
    private static let state = Mutex((shown: "", last: ContinuousClock.now))

    static func line(_ text: String) {
        state.withLock { state in
            write((state.shown.isEmpty ? "" : "\r\u{1B}[K") + text + "\n")
            state.shown = ""
        }
    }

    static func progress(_ text: @autoclosure () -> String) {
        guard isTerminal else { return }
        state.withLock { state in
            guard ContinuousClock.now - state.last > .milliseconds(200) else { return }
            state.last = .now
            state.shown = text()
            write("\r\u{1B}[K\(state.shown)")
        }
    }

    static func clear() {
        state.withLock { state in
            if !state.shown.isEmpty { write("\r\u{1B}[K") }
            state.shown = ""
        }
    }

    private static func write(_ text: String) {
        let bytes = Array(text.utf8)
        _ = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(2, $0.baseAddress!, $0.count) }
    }
}
