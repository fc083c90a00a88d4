import Engine
import FeatureModel
import Synchronization

/// Holds reads back until a store has applied the position that they ask for (promise P6).
///
/// A read is resumed just once: applied, expired, failed, or removed because nobody waits any more.
final class PositionGate: Sendable {
    typealias Resume = @Sendable (Result<Void, HeadwaterError>) -> Void

    /// Reads that may wait at once: each holds its request in memory.
    static let waitersMax = 10_000

    /// Names a parked read.
    struct Ticket: Hashable, Sendable {
        fileprivate let number: UInt64
    }

    private struct State {
        var applied: Position
        var waiters = PositionWaiters<Ticket>()
        var resumes: [Ticket: Resume] = [:]
        var nextNumber: UInt64 = 0
        /// Why nothing more will be applied.
        var end: HeadwaterError?
        /// Why nothing is applied for now.
        var stall: HeadwaterError?

        mutating func take(_ tickets: [Ticket]) -> [Resume] { tickets.compactMap { resumes.removeValue(forKey: $0) } }
    }

    private let state: Mutex<State>
    /// Called when a read begins to wait: from then on somebody has to look at the time.
    private let onWait: @Sendable () -> Void

    init(applied: Position, onWait: @escaping @Sendable () -> Void = {}) {
        state = Mutex(State(applied: applied))
        self.onWait = onWait
    }

    /// Whether a read waits.
    var hasWaiters: Bool { state.withLock { !$0.resumes.isEmpty } }

    var applied: Position { state.withLock { $0.applied } }

    /// Calls `resume` once `position` is applied, at once if it is; or with DEADLINE_EXCEEDED at `deadline`, by `Monotonic`.
    ///
    /// - Returns: the ticket of a parked read, `nil` where `resume` was called already.
    @discardableResult
    func wait(for position: Position, deadline: Microseconds, _ resume: @escaping Resume) -> Ticket? {
        let (answer, ticket) = state.withLock { state -> (Result<Void, HeadwaterError>?, Ticket?) in
            if state.applied >= position { return (.success(()), nil) }
            if let end = state.end { return (.failure(end), nil) }
            guard state.resumes.count < Self.waitersMax else {
                return (
                    .failure(HeadwaterError(.resourceExhausted, "\(Self.waitersMax) reads wait for a position: try again later")),
                    nil
                )
            }
            state.nextNumber += 1
            let ticket = Ticket(number: state.nextNumber)
            state.resumes[ticket] = resume
            state.waiters.park(ticket, until: position, deadline: deadline)
            return (nil, ticket)
        }
        if let answer { resume(answer) } else { onWait() }
        return ticket
    }

    /// Forgets a parked read that nobody waits for any more.
    func remove(_ ticket: Ticket) {
        _ = state.withLock { state in
            state.waiters.remove(ticket)
            return state.resumes.removeValue(forKey: ticket)
        }
    }

    func advance(to position: Position) {
        let due = state.withLock { state in
            state.applied = max(state.applied, position)
            return state.take(state.waiters.wake(applied: state.applied))
        }
        for resume in due { resume(.success(())) }
    }

    /// Says why reads wait, until it is told `nil`: whoever waits in vain hears it.
    func stall(_ reason: HeadwaterError?) { state.withLock { $0.stall = reason } }

    /// Fails the reads whose deadline has passed; called by a timer.
    func expire(now: Microseconds) {
        let (due, applied, stall) = state.withLock { state in
            (state.take(state.waiters.expire(now: now)), state.applied, state.stall)
        }
        guard !due.isEmpty else { return }
        let reason = stall.map { ", and it does not go on: \($0)" } ?? ""
        let error = HeadwaterError(
            .deadlineExceeded, "the deadline came before the position was applied; applied is \(applied)\(reason)")
        for resume in due { resume(.failure(error)) }
    }

    /// Fails every waiting read and all that come and would wait: nothing more will be applied.
    func end(_ error: HeadwaterError) {
        let due = state.withLock { state in
            state.end = error
            return state.take(state.waiters.expire(now: .max))
        }
        for resume in due { resume(.failure(error)) }
    }

    func close() { end(HeadwaterError(.unavailable, "the server is shutting down: connect again later")) }
}
