internal import Dispatch
internal import NIOCore
internal import Synchronization
internal import Wire

/// The data frames that follow a request, in order. One thread reads; taking an item gives its credit back to the client.
public final class InboundStream: Sendable {
    /// The result of `next`.
    public enum Item: Sendable {
        /// The body of one data frame.
        case data(ArraySlice<UInt8>)
        /// The client has sent all.
        case end
        /// The client cancelled or is gone.
        case closed
        case timedOut
    }

    private struct State {
        var frames: [Frame] = []
        var isEnded = false
        var isClosed = false
        var waiters = 0
        var onReadable: (@Sendable () -> Void)?
    }

    private let exchange: ServerExchange
    private let state: Mutex<State>
    private let changed = DispatchSemaphore(value: 0)

    init(_ exchange: ServerExchange, isEnded: Bool) {
        self.exchange = exchange
        state = Mutex(State(isEnded: isEnded))
    }

    /// The next item, or `nil` where none has come yet.
    public func tryNext() -> Item? {
        let frame: Frame? = state.withLock { $0.isClosed || $0.frames.isEmpty ? nil : $0.frames.removeFirst() }
        guard let frame else {
            return state.withLock { state in
                if state.isClosed { return .closed }
                return state.isEnded && state.frames.isEmpty ? .end : nil
            }
        }
        exchange.mailbox.post(.consumed(requestID: exchange.requestID, bytes: frame.header.payloadBytes))
        return .data(frame.body)
    }

    /// Blocks this thread until there is an item. Never call it on an event loop.
    public func next(timeout: Duration = .seconds(60)) -> Item {
        precondition(!exchange.mailbox.eventLoop.inEventLoop, "an event loop must not block")
        let deadline = DispatchTime.now() + .nanoseconds(timeout.nanoseconds)
        while true {
            if let item = tryNext() { return item }
            let mustWait = state.withLock { state in
                guard state.frames.isEmpty, !state.isEnded, !state.isClosed else { return false }
                state.waiters += 1
                return true
            }
            if mustWait, changed.wait(timeout: deadline) == .timedOut {
                state.withLock { $0.waiters = max(0, $0.waiters - 1) }
                return tryNext() ?? .timedOut
            }
        }
    }

    /// Calls back once, from any thread, when `tryNext` has an item.
    public func whenReadable(_ callback: @escaping @Sendable () -> Void) {
        let isReady = state.withLock { state in
            let isReady = !state.frames.isEmpty || state.isEnded || state.isClosed
            if !isReady { state.onReadable = callback }
            return isReady
        }
        if isReady { callback() }
    }

    /// Says where the request's time goes from now on.
    func enter(_ wait: RequestWait) { exchange.enter(wait) }

    /// Called on the event loop with each data frame; an empty last one is only the end.
    func receive(_ frame: Frame) {
        change { state in
            if frame.header.payloadBytes > 0 { state.frames.append(frame) }
            if frame.header.isEnd { state.isEnded = true }
        }
    }

    /// Whether nobody will read it any more.
    var isClosed: Bool { state.withLock { $0.isClosed } }

    /// Called on the event loop when the client cancelled or is gone.
    func close() {
        change { state in
            state.isClosed = true
            state.frames = []
        }
    }

    private func change(_ body: (inout State) -> Void) {
        let (waiters, callback) = state.withLock { state -> (Int, (@Sendable () -> Void)?) in
            body(&state)
            defer { (state.waiters, state.onReadable) = (0, nil) }
            return (state.waiters, state.onReadable)
        }
        for _ in 0..<waiters { changed.signal() }
        callback?()
    }
}
