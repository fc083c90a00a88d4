import Engine
import FeatureModel
import Synchronization

/// The clocks of a process that owns a log, as one: any thread reads it, the writer thread keeps it beside the log.
///
/// Its `now` is the instant that ages are counted from, for `max_age` and for retention.
final class TrustedTime: WallClock {
    /// A step of the wall clock that nobody follows, to be told once.
    enum Turn {
        case strayed(by: Microseconds)
        case returned
    }

    private struct State {
        /// `nil` where the machine has no boot clock: the wall clock is believed then.
        var clock: TrustedClock?
        var hasStrayed = false
    }

    private let machine: any WallClock
    private let state: Mutex<State>

    init(_ clock: TrustedClock?, machine: any WallClock) {
        self.machine = machine
        state = Mutex(State(clock: clock))
    }

    func bootTime() -> BootTime? { machine.bootTime() }

    func now() -> Microseconds { look()?.ageTime ?? machine.now() }

    /// What the log takes now was taken at this instant.
    func ingestTime() -> Microseconds { look()?.last ?? machine.now() }

    /// How far the wall clock is ahead of trusted time where that is too much to be followed, and below 0 where it is behind.
    var strayed: Microseconds? { look().flatMap { $0.isFollowing ? nil : $0.wallAhead } }

    /// The clock after a look at the machine's; `nil` without a boot clock.
    func look() -> TrustedClock? {
        guard let boot = machine.bootTime() else { return nil }
        let wall = machine.now()
        return state.withLock { state in
            _ = state.clock?.now(wall: wall, elapsed: boot.elapsed)
            return state.clock
        }
    }

    /// - Returns: what has changed since it was last asked.
    func turn() -> Turn? {
        guard let clock = look() else { return nil }
        return state.withLock { state in
            if clock.isFollowing == !state.hasStrayed { return nil }
            state.hasStrayed = !clock.isFollowing
            return state.hasStrayed ? .strayed(by: clock.wallAhead) : .returned
        }
    }

    /// Follows the wall clock, wherever it is.
    ///
    /// - Returns: how far it was ahead of trusted time, and the clock;
    ///   `nil` without a boot clock: there nothing else is followed.
    func accept() -> (ahead: Microseconds, clock: TrustedClock)? {
        guard let boot = machine.bootTime() else { return nil }
        let wall = machine.now()
        return state.withLock { state in
            guard var clock = state.clock else { return nil }
            _ = clock.now(wall: wall, elapsed: boot.elapsed)
            let ahead = clock.wallAhead
            clock.accept(wall: wall, elapsed: boot.elapsed)
            state.clock = clock
            return (ahead, clock)
        }
    }
}
