internal import CLinux
internal import Glibc

/// Scheduling of threads that share a core, so that an event loop which has something to do waits for none of them long.
///
/// The kernel looks at a thread that has more to do only at its ticks, milliseconds apart. So a loop asks for the core at each
/// wake-up, and long work gives it away by itself.
public enum Scheduling {
    /// Short beside what a small answer takes on its way.
    private static let shortSliceNanoseconds: UInt = 100_000
    /// The longest that the kernel takes.
    private static let longSliceNanoseconds: UInt = 100_000_000

    /// Lets this thread have its core soon when it has something to do, and not for long.
    public static func runInShortSlices() { linux_run_in_slices(shortSliceNanoseconds) }

    /// Lets this thread have its core when nobody else wants it.
    ///
    /// The policy alone still owes it a share, 3 of 1,024, which it takes a tick of some milliseconds at a time. Among those that
    /// are owed time the kernel prefers the earlier end of a slice: a long one lets loops come first there too.
    public static func runWhenIdle() {
        // First, as the policy takes no wish for slices.
        linux_run_in_slices(longSliceNanoseconds)
        linux_run_when_idle()
    }

    /// Lets others have the core, of whom a loop may be one. What is left of a
    /// thread's slice is lost, so that those who call this run in short ones.
    @Sendable public static func yield() { _ = sched_yield() }
}
