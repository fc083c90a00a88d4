internal import NIOCore
internal import Synchronization

/// Messages from any thread to a handler on its event loop: many of them cost one wake-up.
final class Mailbox<Message: Sendable>: Sendable {
    private struct State {
        var messages: [Message] = []
        var isScheduled = false
        /// Runs on the event loop; `nil` once the handler is gone.
        var wake: (@Sendable () -> Void)?
    }

    let eventLoop: any EventLoop
    private let state = Mutex(State())
    /// Whether there are messages; so that the handler may look often.
    private let hasMessages = Atomic<Bool>(false)

    init(eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    func open(_ wake: @escaping @Sendable () -> Void) { state.withLock { $0.wake = wake } }

    /// Takes a message; `false` where the handler is gone.
    @discardableResult
    func post(_ message: Message) -> Bool {
        let (isOpen, wake) = state.withLock { state -> (Bool, (@Sendable () -> Void)?) in
            guard let wake = state.wake else { return (false, nil) }
            state.messages.append(message)
            hasMessages.store(true, ordering: .releasing)
            defer { state.isScheduled = true }
            return (true, state.isScheduled ? nil : wake)
        }
        if let wake {
            if let round = WakeRound.current, round.add(wake, on: eventLoop) {
                // Woken at the round's end.
            } else if eventLoop.inEventLoop {
                wake()
            } else {
                eventLoop.execute(wake)
            }
        }
        return isOpen
    }

    /// All messages since the last call.
    func take() -> [Message] {
        guard hasMessages.load(ordering: .acquiring) else { return [] }
        return state.withLock { state in
            state.isScheduled = false
            hasMessages.store(false, ordering: .relaxed)
            defer { state.messages = [] }
            return state.messages
        }
    }

    /// Takes no more messages, and lets go of the handler.
    func close() -> [Message] {
        state.withLock { state in
            state.wake = nil
            defer { state.messages = [] }
            return state.messages
        }
    }
}
