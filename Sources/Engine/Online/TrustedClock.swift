public import FeatureModel
public import Log

/// Time for what is never undone: ingest times and retention. The wall clock, held against a clock that nobody sets.
///
/// A machine that starts with a wrong date, or a time service that steps the clock, would otherwise put years
/// between two records for good. So trusted time goes on by the boot clock (`BootTime`), and follows the wall
/// clock where that gained no more than `gainMax` on it between two looks. A wall clock that fell behind is not
/// followed back: trusted time may be late, never earlier than the truth. A machine that was started anew cannot
/// tell how long it was off: there the wall clock is followed, unless it is more than `startAheadMax` ahead of all
/// that was ever recorded. What it does not follow waits until somebody says that the clock is right (`accept`).
public struct TrustedClock: Sendable {
    /// The most that the wall clock may gain on the boot clock between two readings and still be followed.
    public static let gainMax: Microseconds = 300_000_000
    /// How far a start may lie behind the last record where no boot clock tells how long it was: a year.
    public static let startAheadMax: Microseconds = 366 * 86_400_000_000
    /// A mark that is off by less, and no older than a day, need not be replaced.
    private static let markedWithin: Microseconds = 1_000_000
    private static let markedEvery: Microseconds = 86_400_000_000

    /// The last instant at which the wall clock was followed, or the start.
    public private(set) var mark: ClockMark
    /// The wall clock at the last look, less trusted time: above `gainMax` it is not followed.
    public private(set) var wallAhead: Microseconds
    /// The last instant given out.
    public private(set) var last: Microseconds

    /// Begins at a start of the owner of a log.
    ///
    /// - Parameters:
    ///   - kept: what the log's last owner left; `nil` where there is none that can be read.
    ///   - lastIngestTime: of the log's last record; `nil` before the first.
    public init(wall: Microseconds, boot: BootTime, kept: ClockMark?, lastIngestTime: Microseconds?) {
        let known = [kept?.wall, lastIngestTime].compactMap { $0 }.max()
        if let kept, let expected = kept.wall(at: boot) {
            mark = ClockMark(wall: expected, boot: boot)
        } else if let known {
            mark = ClockMark(wall: max(known, wall - known > Self.startAheadMax ? known : wall), boot: boot)
        } else {
            mark = ClockMark(wall: wall, boot: boot)
        }
        wallAhead = wall - mark.wall
        last = mark.wall
        _ = now(wall: wall, elapsed: boot.elapsed)
    }

    /// Looks at both clocks.
    ///
    /// - Parameter elapsed: the boot clock of the start of the machine that `init` was told.
    /// - Returns: trusted time, which never falls.
    public mutating func now(wall: Microseconds, elapsed: Microseconds) -> Microseconds {
        // Two threads may look in another order than they read the clocks.
        let elapsed = max(elapsed, mark.boot.elapsed)
        let expected = mark.wall + (elapsed - mark.boot.elapsed)
        wallAhead = wall - expected
        if wallAhead > 0, wallAhead <= Self.gainMax {
            mark = ClockMark(wall: wall, boot: BootTime(boot: mark.boot.boot, elapsed: elapsed))
            last = max(last, wall)
            wallAhead = 0
        } else {
            last = max(last, expected)
        }
        return last
    }

    /// Whether the wall clock was followed at the last look: not where
    /// it is far ahead, nor, while time goes on, where it is far behind.
    public var isFollowing: Bool { abs(wallAhead) <= Self.gainMax }

    /// The instant that ages are counted from, for retention and max_age: the earlier of trusted time and the wall clock, so that
    /// neither of them hides rows by being ahead.
    public var ageTime: Microseconds { min(last, last + wallAhead) }

    /// Follows the wall clock, wherever it is: its owner says that it is
    /// right. Where it is behind, times stand until it has caught up.
    public mutating func accept(wall: Microseconds, elapsed: Microseconds) {
        mark = ClockMark(wall: wall, boot: BootTime(boot: mark.boot.boot, elapsed: max(elapsed, mark.boot.elapsed)))
        wallAhead = 0
        last = wall
    }

    /// Whether a mark that was saved says so little of this clock that it should be replaced.
    public func hasMoved(from saved: ClockMark?) -> Bool {
        guard let saved, let shown = saved.wall(at: mark.boot) else { return true }
        return abs(mark.wall - shown) > Self.markedWithin || mark.boot.elapsed - saved.boot.elapsed > Self.markedEvery
    }
}
