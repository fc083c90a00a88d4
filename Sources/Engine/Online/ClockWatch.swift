public import FeatureModel

/// Tells whether the wall clock can be trusted with removing rows for good: it must have kept step with a clock that nobody sets.
///
/// A machine that starts with a wrong date, or a time service that steps the clock, would otherwise turn one false reading into
/// a retention cutoff, which nothing undoes. Retention is in no hurry, so it waits until the clock has been steady for a while.
public struct ClockWatch: Sendable {
    /// How long the clocks must have kept step.
    public static let steadyTime: Microseconds = 600_000_000
    /// A difference between two looks that is a step of the wall clock and no drift.
    public static let stepLeast: Microseconds = 10_000_000

    private var last: (wall: Microseconds, elapsed: Microseconds)?
    private var steadySince: Microseconds = 0

    public init() {}

    /// Looks at both clocks; call it every few seconds.
    ///
    /// - Returns: whether the wall clock has been steady for `steadyTime`.
    public mutating func look(wall: Microseconds, elapsed: Microseconds) -> Bool {
        let isStep = last.map { abs((wall - $0.wall) - (elapsed - $0.elapsed)) >= Self.stepLeast } ?? true
        if isStep { steadySince = elapsed }
        last = (wall, elapsed)
        return elapsed - steadySince >= Self.steadyTime
    }
}
