/// A promise that was not kept.
public struct Violation: Sendable, Hashable {
    public let seed: UInt64
    /// The promise: P1 to P8 of the README; or `liveness`, `codes` (a refusal without a reason), `protocol`.
    public let property: String
    public let message: String

    /// The command that shows it again, step by step.
    public var replay: String { "make simulate SEEDS=\(seed)-\(seed) TRACE=1" }
}

/// What became of one seed.
public struct SeedResult: Sendable {
    public let seed: UInt64
    /// How the two services ran: `serve`, `apart` or `follow`.
    public let mode: String
    let figures: Figures
    public let violations: [Violation]
    /// Folds all that happened: the same seed gives the same one.
    public let traceHash: UInt64
}

/// The deterministic simulation.
public enum Simulation {
    /// Runs one seed to its end.
    ///
    /// - Parameter print: called with each line of the trace.
    public static func run(seed: UInt64, print: ((String) -> Void)? = nil) -> SeedResult {
        World(seed: seed, print: print).live()
    }
}
