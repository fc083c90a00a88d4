internal import NIOCore
internal import Synchronization

/// Wakes handlers of many connections together: one call of each event loop, when all answers of a round are there.
///
/// Without it the first answer of many would start its loop, which then takes the core from the thread that gives the others.
public final class WakeRound: Sendable {
    @TaskLocal static var current: WakeRound?

    private struct Loop: Sendable {
        let loop: any EventLoop
        var wakes: [@Sendable () -> Void]
    }

    /// `nil` once the round is over: a task that an answer started may carry it on.
    private let loops = Mutex<[ObjectIdentifier: Loop]?>([:])

    private init() {}

    /// Runs `body`; connections that it answers are woken at its end.
    public static func together(_ body: () -> Void) {
        let round = WakeRound()
        $current.withValue(round) { body() }
        let loops = round.loops.withLock { loops in
            defer { loops = nil }
            return loops ?? [:]
        }
        for loop in loops.values {
            loop.loop.execute { for wake in loop.wakes { wake() } }
        }
    }

    /// - Returns: `false` where the round is over, and nobody will wake.
    func add(_ wake: @escaping @Sendable () -> Void, on loop: any EventLoop) -> Bool {
        loops.withLock { loops in
            loops?[ObjectIdentifier(loop), default: Loop(loop: loop, wakes: [])].wakes.append(wake) != nil
        }
    }
}
