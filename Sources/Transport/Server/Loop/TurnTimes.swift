internal import Glibc
internal import Synchronization

/// The longest iterations of an event loop, by the wall clock and by its thread's processor time.
///
/// The difference is not the loop's own work: the kernel gave the core
/// to other threads, or a lock was held by a thread that had no core.
final class TurnTimes: Sendable {
    /// The processor's clock costs as much as a small answer does: it is read once in so much time of turns. What ran before a
    /// turn and since the last reading counts as the turn's.
    private static let readingNanoseconds: Int64 = 300_000

    private let longestRun = Atomic<Int64>(0)
    private let longest = Atomic<Int64>(0)
    // These belong to the loop's thread.
    private let sinceReading = Atomic<Int64>(0)
    private let lastReading = Atomic<Int64>(0)

    /// The longest that the thread ran in one turn, in nanoseconds. For any thread.
    var longestRunNanoseconds: Int64 { longestRun.load(ordering: .relaxed) }
    /// The longest turn by the clock. For any thread.
    var longestNanoseconds: Int64 { longest.load(ordering: .relaxed) }

    /// Called on the loop's thread, first of all.
    func begin() { lastReading.store(Self.processorNanoseconds(), ordering: .relaxed) }

    /// Called on the loop's thread at the end of each turn.
    func add(_ nanoseconds: Int64) {
        if nanoseconds > longestNanoseconds { longest.store(nanoseconds, ordering: .relaxed) }
        let since = sinceReading.load(ordering: .relaxed) + nanoseconds
        guard since > Self.readingNanoseconds else { return sinceReading.store(since, ordering: .relaxed) }
        let now = Self.processorNanoseconds()
        let ran = min(now - lastReading.load(ordering: .relaxed), nanoseconds)
        if ran > longestRunNanoseconds { longestRun.store(ran, ordering: .relaxed) }
        lastReading.store(now, ordering: .relaxed)
        sinceReading.store(0, ordering: .relaxed)
    }

    private static func processorNanoseconds() -> Int64 {
        var time = timespec()
        guard unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0 else { return 0 }
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
