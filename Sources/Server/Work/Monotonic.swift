import FeatureModel

/// Microseconds since the process started, by a clock that nobody sets: for intervals and deadlines.
///
/// Times that users see, event times and ingest times, come from the wall clock instead.
enum Monotonic {
    private static let start = ContinuousClock.now

    static func now() -> Microseconds { (ContinuousClock.now - start).microseconds }
}

extension Duration {
    /// Whole microseconds.
    var microseconds: Microseconds { components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000 }
}
