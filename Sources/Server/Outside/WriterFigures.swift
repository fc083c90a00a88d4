internal import Synchronization
package import Transport

/// What the writer thread of an online service has done since the start. Written by it, read by any thread.
package final class WriterFigures: Sendable {
    package struct Counts: Sendable {
        /// Groups of records that went to the log together, and the time of each: writing it, and syncing it where writes are
        /// acknowledged after the sync.
        package var commits = DurationHistogram.Counts()
        /// The time that each group's rows took to reach the online store.
        package var applies = DurationHistogram.Counts()
        /// The log's syncs: of each group, or with `--durability interval` between groups.
        package var syncs = DurationHistogram.Counts()
        /// Commands in those groups: writes, definitions, cutoffs.
        package var commands: UInt64 = 0
        package var failedCommits: UInt64 = 0
        /// Snapshots that were written, the time of each, and those that failed.
        package var snapshots = DurationHistogram.Counts()
        package var failedSnapshots: UInt64 = 0
    }

    let commits = DurationHistogram()
    let applies = DurationHistogram()
    let syncs = DurationHistogram()
    let snapshots = DurationHistogram()
    private let commands = Atomic<UInt64>(0)
    private let failedCommits = Atomic<UInt64>(0)
    private let failedSnapshots = Atomic<UInt64>(0)

    func committed(_ commandCount: Int, isWhole: Bool, microseconds: Int64) {
        commits.add(nanoseconds: microseconds * 1_000)
        if isWhole {
            commands.add(UInt64(commandCount), ordering: .relaxed)
        } else {
            failedCommits.add(1, ordering: .relaxed)
        }
    }

    func snapshotFailed() { failedSnapshots.add(1, ordering: .relaxed) }

    package var counts: Counts {
        Counts(
            commits: commits.counts, applies: applies.counts, syncs: syncs.counts,
            commands: commands.load(ordering: .relaxed), failedCommits: failedCommits.load(ordering: .relaxed),
            snapshots: snapshots.counts, failedSnapshots: failedSnapshots.load(ordering: .relaxed))
    }
}
