internal import CLinux
internal import Glibc

/// How threads that share a core take turns, so that a loop which has something to do waits for none of them long.
///
/// The kernel looks at a thread that has more to do only at its ticks, milliseconds apart. So a loop asks for the core at each wake-up, and
/// long work gives it away by itself.
public enum Turns {
    /// Short beside what a small answer takes on its way.
    private static let sliceNanoseconds: UInt = 100_000

    /// Lets this thread have its core soon when it has something to do, and not for long.
    public static func runInShortSlices() { linux_run_in_short_slices(sliceNanoseconds) }

    /// Lets this thread have its core when nobody else wants it.
    public static func runWhenIdle() { linux_run_when_idle() }

    /// Lets others have the core, of whom a loop may be one. What is left of a thread's slice is lost, so that those who call this run in short ones.
    @Sendable public static func give() { _ = sched_yield() }
}
