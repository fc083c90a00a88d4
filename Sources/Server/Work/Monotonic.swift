import FeatureModel

/// Microseconds since the process started, by a clock that nobody sets: for intervals and deadlines.
///
/// Times that users see, event times and ingest times, come from the wall clock instead.
enum Monotonic {
    private static let start = ContinuousClock.now

    static func now() -> Microseconds {
        let (seconds, attoseconds) = (ContinuousClock.now - start).components
        return seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    }
}
