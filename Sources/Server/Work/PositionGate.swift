import Engine
import FeatureModel
import Synchronization

/// Holds reads back until a store has applied the position that they ask for (promise P6).
final class PositionGate: Sendable {
    typealias Resume = @Sendable (Result<Void, HeadwaterError>) -> Void

    private struct State {
        var applied: Position = 0
        var waiters = PositionWaiters<Resume>()
        var closed = false
    }

    private let state = Mutex(State())

    var applied: Position { state.withLock { $0.applied } }

    /// Calls `resume` once `position` is applied, at once if it is; or with DEADLINE_EXCEEDED at `deadline`.
    func wait(for position: Position, deadline: Microseconds, _ resume: @escaping Resume) {
        let isReady = state.withLock { state in
            if state.applied >= position { return true }
            if !state.closed { state.waiters.park(resume, until: position, deadline: deadline) }
            return false
        }
        if isReady { return resume(.success(())) }
        if state.withLock({ $0.closed }) { resume(.failure(Self.draining)) }
    }

    func advance(to position: Position) {
        let due = state.withLock { state in
            state.applied = max(state.applied, position)
            return state.waiters.wake(applied: state.applied)
        }
        for resume in due { resume(.success(())) }
    }

    /// Fails the reads whose deadline has passed; called by a timer.
    func expire(now: Microseconds) {
        let (due, applied) = state.withLock { ($0.waiters.expire(now: now), $0.applied) }
        for resume in due {
            resume(
                .failure(
                    HeadwaterError(.deadlineExceeded, "the deadline came before the position was applied; applied is \(applied)"))
            )
        }
    }

    /// Fails every waiting read and all that come: the server is going down.
    func close() {
        let due = state.withLock { state in
            state.closed = true
            return state.waiters.expire(now: .max)
        }
        for resume in due { resume(.failure(Self.draining)) }
    }

    private static let draining = HeadwaterError(.unavailable, "the server is shutting down: connect again later")
}
