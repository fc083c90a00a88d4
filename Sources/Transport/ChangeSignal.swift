internal import Synchronization

/// Tells those who wait for a change inside this process that it has come, so that nobody looks for it again and again.
public final class ChangeSignal: Sendable {
    private struct State {
        var listeners: [UInt64: @Sendable () -> Void] = [:]
        var lastID: UInt64 = 0
    }

    private let state = Mutex(State())

    public init() {}

    /// Calls every listener, on this thread.
    public func tell() {
        for listener in state.withLock({ Array($0.listeners.values) }) { listener() }
    }

    /// Calls `body` at each change from now on, on the thread that makes it; it returns at once.
    ///
    /// - Returns: what `end` is to be called with.
    public func listen(_ body: @escaping @Sendable () -> Void) -> UInt64 {
        state.withLock { state in
            state.lastID += 1
            state.listeners[state.lastID] = body
            return state.lastID
        }
    }

    public func end(_ id: UInt64) { state.withLock { _ = $0.listeners.removeValue(forKey: id) } }

    /// Returns once `isTrue` says so, which is asked now and after each change.
    ///
    /// - Throws: `CancellationError` where the task is cancelled first.
    public func wait(until isTrue: () -> Bool) async throws {
        if isTrue() { return }
        let (changes, change) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let listener = listen { change.yield() }
        defer { end(listener) }
        var iterator = changes.makeAsyncIterator()
        // Asked once more before the first wait: the change may have come before the listener was there.
        while !isTrue() {
            await iterator.next()
            try Task.checkCancellation()
        }
    }
}
