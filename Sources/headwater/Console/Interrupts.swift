import Dispatch
import Foundation
import Synchronization

/// Ctrl-C: the first one cancels the work, so that it can tidy up; the second one ends the process.
enum Interrupts {
    private struct State {
        var count = 0
        var cancel: (@Sendable () -> Void)?
        /// Set while the work waits for input, which cancelling does not end.
        var leave: (@Sendable () -> Void)?
    }

    private static let state = Mutex(State())

    static var wasInterrupted: Bool { state.withLock { $0.count > 0 } }

    /// Writing to a pipe that nobody reads fails then, instead of killing the process.
    static func prepare() { signal(SIGPIPE, SIG_IGN) }

    /// Calls `cancel` at the first Ctrl-C. Servers do not use it: they have their own shutdown.
    static func whenInterrupted(_ cancel: @escaping @Sendable () -> Void) { state.withLock { $0.cancel = cancel } }

    /// Makes Ctrl-C cancel the work from now on.
    static func watch() {
        signal(SIGINT, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: SIGINT, queue: .global())
        // The handler keeps its source alive, for as long as the process lives.
        source.setEventHandler { withExtendedLifetime(source) { interrupted() } }
        source.resume()
    }

    private static func interrupted() {
        let (count, cancel, leave) = state.withLock { state in
            state.count += 1
            return (state.count, state.cancel, state.leave)
        }
        if count > 1 || leave != nil {
            leave?()
            Console.errorLines("interrupted")
            Foundation.exit(Failure.Code.interrupted)
        }
        cancel?()
    }

    /// Runs work that waits for input: Ctrl-C removes the file at `path` and ends the process at once.
    static func whileWaiting<Result, Failed: Error>(
        leaving path: String, _ body: () throws(Failed) -> Result
    ) throws(Failed) -> Result {
        state.withLock { $0.leave = { try? FileManager.default.removeItem(atPath: path) } }
        defer { state.withLock { $0.leave = nil } }
        return try body()
    }

    /// Between two steps of work that does not wait.
    ///
    /// - Throws: `CancellationError` after Ctrl-C.
    static func check() throws { try Task.checkCancellation() }
}
