package import FeatureModel
internal import Synchronization

/// What comparisons of the stores have come to since the start: those that clients asked for, and the scrubs'.
package final class AuditRecord: Sendable {
    package struct Counts: Sendable {
        package var finished: UInt64 = 0
        package var failed: UInt64 = 0
        /// Of the last one that went through: when it ended, at which position it compared, how long it took, what it found.
        package var lastFinishedAt: Microseconds?
        package var lastPosition: Position = 0
        package var lastMilliseconds = 0
        package var lastDifferences = 0
    }

    private let state = Mutex(Counts())

    package var counts: Counts { state.withLock { $0 } }

    func finished(position: Position, milliseconds: Int, differences: Int, at now: Microseconds) {
        state.withLock { counts in
            counts.finished += 1
            (counts.lastFinishedAt, counts.lastPosition) = (now, position)
            (counts.lastMilliseconds, counts.lastDifferences) = (milliseconds, differences)
        }
    }

    func failed() { state.withLock { $0.failed += 1 } }
}
