internal import Dispatch
internal import FeatureModel
internal import Synchronization
internal import Wire

/// What a server connection's handler is told by other threads.
enum ServerMessage: Sendable {
    case frame(EncodedFrame)
    /// Data of the request's inbound stream was taken.
    case consumed(requestID: UInt64, bytes: Int)
    case drain
    case close
}

/// One request's state, shared by the event loop and the thread that works on it.
final class ServerExchange: Sendable {
    private struct State {
        /// Bytes of data that may be sent.
        var window: Int
        var isCancelled = false
        var isAnswered = false
        var isDraining = false
        var waiters = 0
        var onCancel: [@Sendable () -> Void] = []
        var onWritable: (@Sendable () -> Void)?
    }

    let requestID: UInt64
    let method: Wire.Method
    /// Bytes of a frame that the client takes.
    let frameBytesMax: Int
    let mailbox: Mailbox<ServerMessage>
    private let state: Mutex<State>
    private let changed = DispatchSemaphore(value: 0)

    init(requestID: UInt64, method: Wire.Method, peer: WireLimits, mailbox: Mailbox<ServerMessage>) {
        self.requestID = requestID
        self.method = method
        self.mailbox = mailbox
        frameBytesMax = peer.frameBytesMax
        state = Mutex(State(window: peer.initialWindowBytes))
    }

    var isCancelled: Bool { state.withLock { $0.isCancelled } }
    var isDraining: Bool { state.withLock { $0.isDraining } }
    var window: Int { state.withLock { $0.window } }

    /// Marks the request as answered; `false` where it was before. Lets go of callbacks, which may hold the responder.
    func takeAnswer() -> Bool {
        // They are let go outside of the lock: the last one may free the responder, which comes back here.
        let (isFirst, callbacks) = state.withLock { state in
            defer { (state.isAnswered, state.onCancel, state.onWritable) = (true, [], nil) }
            return (!state.isAnswered, state.onCancel + [state.onWritable].compactMap { $0 })
        }
        return withExtendedLifetime(callbacks) { isFirst }
    }

    /// Takes `bytes` off the window; `false` where nobody wants data any more.
    func takeWindow(_ bytes: Int) -> Bool {
        state.withLock { state in
            guard !state.isCancelled, !state.isAnswered else { return false }
            state.window -= bytes
            return true
        }
    }

    /// Called on the event loop: the client has taken data.
    func grant(_ bytes: Int) {
        let (waiters, callback) = state.withLock { state -> (Int, (@Sendable () -> Void)?) in
            state.window += bytes
            guard state.window > 0 else { return (0, nil) }
            defer { (state.waiters, state.onWritable) = (0, nil) }
            return (state.waiters, state.onWritable)
        }
        for _ in 0..<waiters { changed.signal() }
        callback?()
    }

    /// Called on the event loop: nobody waits for the answer any more.
    func cancel() {
        let (waiters, callbacks) = state.withLock { state -> (Int, [@Sendable () -> Void]) in
            guard !state.isCancelled else { return (0, []) }
            state.isCancelled = true
            defer { (state.waiters, state.onWritable, state.onCancel) = (0, nil, []) }
            return (state.waiters, state.onCancel + [state.onWritable].compactMap { $0 })
        }
        for _ in 0..<waiters { changed.signal() }
        for callback in callbacks { callback() }
    }

    /// Called on the event loop: the server is going down, and a stream without an end of its own should end.
    func drain() {
        let callback = state.withLock { state -> (@Sendable () -> Void)? in
            state.isDraining = true
            defer { state.onWritable = nil }
            return state.onWritable
        }
        callback?()
    }

    func onCancel(_ callback: @escaping @Sendable () -> Void) {
        let isTooLate = state.withLock { state in
            if !state.isCancelled && !state.isAnswered { state.onCancel.append(callback) }
            return state.isCancelled && !state.isAnswered
        }
        if isTooLate { callback() }
    }

    func whenWritable(_ callback: @escaping @Sendable () -> Void) {
        let isReady = state.withLock { state in
            let isReady = state.isCancelled || state.isAnswered || state.isDraining || state.window > 0
            if !isReady { state.onWritable = callback }
            return isReady
        }
        if isReady { callback() }
    }

    /// Blocks the calling thread until the window is above zero.
    func waitForWindow(until deadline: DispatchTime) -> CreditOutcome {
        while true {
            let outcome = state.withLock { state -> CreditOutcome? in
                if state.isCancelled || state.isAnswered { return .closed }
                if state.window > 0 { return .ready }
                state.waiters += 1
                return nil
            }
            if let outcome { return outcome }
            if changed.wait(timeout: deadline) == .timedOut {
                // The signal may have been sent just now; then it is waited for by nobody, and the next wait looks again.
                return state.withLock { state in
                    state.waiters = max(0, state.waiters - 1)
                    return state.isCancelled || state.isAnswered ? .closed : state.window > 0 ? .ready : .timedOut
                }
            }
        }
    }
}

/// What came of waiting to send on a stream.
public enum CreditOutcome: Sendable {
    case ready
    /// The client cancelled, is gone, or was answered.
    case closed
    case timedOut
}
