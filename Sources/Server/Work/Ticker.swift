import NIOCore
import NIOPosix
import Synchronization

/// Ticks every two milliseconds while something waits for the time, and sleeps otherwise.
final class Ticker: Sendable {
    /// Does what is due.
    typealias Body = @Sendable () -> Void

    private static let interval = TimeAmount.milliseconds(2)

    private let bodies = Mutex<[(tick: Body, isNeeded: @Sendable () -> Bool)]>([])
    private let isArmed = Atomic<Bool>(false)
    private let isOver = Atomic<Bool>(false)

    /// Ticks `body` from now on, as long as `isNeeded`; whoever begins to wait calls `arm`.
    func add(_ body: @escaping Body, isNeeded: @escaping @Sendable () -> Bool) {
        bodies.withLock { $0.append((body, isNeeded)) }
        arm()
    }

    /// Something waits from now on.
    func arm() {
        guard !isOver.load(ordering: .relaxed), !isArmed.exchange(true, ordering: .sequentiallyConsistent) else { return }
        schedule()
    }

    func stop() { isOver.store(true, ordering: .relaxed) }

    private func schedule() {
        NIOSingletons.posixEventLoopGroup.any().scheduleTask(in: Self.interval) { self.tick() }
    }

    private func tick() {
        if isOver.load(ordering: .relaxed) { return }
        let bodies = bodies.withLock { $0 }
        for body in bodies { body.tick() }
        if bodies.contains(where: { $0.isNeeded() }) { return schedule() }
        isArmed.store(false, ordering: .sequentiallyConsistent)
        // Somebody may have begun to wait since.
        if bodies.contains(where: { $0.isNeeded() }) { arm() }
    }
}
