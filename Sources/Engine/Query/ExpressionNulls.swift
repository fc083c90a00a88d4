internal import Expressions
internal import Synchronization

/// How many nulls expressions made where none came in, by reason, since the process started. Any thread may use it.
public final class ExpressionNulls: Sendable {
    private let counts = Mutex(NullCounts())

    public init() {}

    /// By the word for the reason, such as `division_by_zero`.
    public var current: [(reason: String, count: Int)] {
        let counts = counts.withLock { $0 }
        return NullReason.allCases.map { ($0.name, counts[$0]) }
    }

    /// Adds what one evaluator counted since a moment.
    func add(_ now: NullCounts, since before: NullCounts) {
        if now == before { return }
        counts.withLock { $0.merge(now.subtracting(before)) }
    }
}
