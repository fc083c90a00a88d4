public import FeatureModel

/// Reads that wait for a position: parked here, woken when the position is applied or their deadline has come.
///
/// Not thread safe; whoever owns it keeps it behind its own lock.
public struct PositionWaiters<Token: Hashable & Sendable>: Sendable {
    private struct Waiter: Sendable {
        let position: Position
        let deadline: Microseconds
        let token: Token
    }

    private var waiters: [Waiter] = []

    public init() {}

    public var isEmpty: Bool { waiters.isEmpty }

    /// Parks a read until `position` is applied, or until `deadline` on the clock that `expire` is told.
    public mutating func park(_ token: Token, until position: Position, deadline: Microseconds) {
        waiters.append(Waiter(position: position, deadline: deadline, token: token))
    }

    /// Takes out the reads whose position is applied now.
    public mutating func wake(applied: Position) -> [Token] { take { $0.position <= applied } }

    /// Takes out the reads whose deadline has passed: each is answered DEADLINE_EXCEEDED with the applied position.
    public mutating func expire(now: Microseconds) -> [Token] { take { $0.deadline <= now } }

    /// Forgets a read that nobody waits for any more.
    public mutating func remove(_ token: Token) { waiters.removeAll { $0.token == token } }

    private mutating func take(where isDue: (Waiter) -> Bool) -> [Token] {
        guard waiters.contains(where: isDue) else { return [] }
        let due = waiters.filter(isDue)
        waiters.removeAll(where: isDue)
        return due.map(\.token)
    }
}
