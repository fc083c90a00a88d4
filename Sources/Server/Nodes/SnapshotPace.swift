internal import FeatureModel

/// When a snapshot may be tried again, and how long the next one is expected to take.
struct SnapshotPace {
    /// A snapshot that fails leaves its frozen map in memory, so the next attempt waits, longer each time.
    private static let pauseLeast: Microseconds = 5_000_000
    private static let pauseMost: Microseconds = 300_000_000
    /// What a snapshot is reckoned to write in a second, before one has been measured.
    private static let bytesPerSecond = 64 << 20

    /// From when on the next one may be tried, on the monotonic clock.
    private(set) var nextAttempt: Microseconds = 0
    private var pause = SnapshotPace.pauseLeast
    private var measured: (bytes: Int, elapsed: Microseconds)?

    mutating func written(_ bytes: Int, in elapsed: Microseconds) {
        measured = (bytes, elapsed)
        (nextAttempt, pause) = (0, Self.pauseLeast)
    }

    /// - Returns: how long the next attempt waits.
    mutating func failed(at now: Microseconds) -> Microseconds {
        defer { pause = min(pause * 2, Self.pauseMost) }
        nextAttempt = now + pause
        return pause
    }

    /// How long a snapshot of so many bytes takes.
    func expectedTime(of bytes: Int) -> Microseconds {
        var rate = Double(Self.bytesPerSecond) / 1e6
        // A small one says little about the next.
        if let measured, measured.bytes > Self.bytesPerSecond / 8 {
            rate = Double(measured.bytes) / Double(max(1, measured.elapsed))
        }
        return Microseconds(Double(bytes) / rate)
    }
}
