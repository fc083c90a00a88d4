internal import Synchronization
package import Transport

/// What flushes, or compactions, of an offline service have done since the start.
package final class FileJobFigures: Sendable {
    package struct Counts: Sendable {
        /// The time of each job that went through.
        package var durations = DurationHistogram.Counts()
        package var failed: UInt64 = 0

        package init() {}
    }

    private let durations = DurationHistogram()
    private let failed = Atomic<UInt64>(0)

    func ended(microseconds: Int64) { durations.add(nanoseconds: microseconds * 1_000) }
    func failedOnce() { failed.add(1, ordering: .relaxed) }

    package var counts: Counts {
        var counts = Counts()
        (counts.durations, counts.failed) = (durations.counts, failed.load(ordering: .relaxed))
        return counts
    }
}
