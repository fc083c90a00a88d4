import Engine
import FeatureModel
import Log
import Logging
import NIOCore
import NIOPosix
import OnlineStore
import StorageIO
import Synchronization
import Transport

/// The online service inside a process: the engine on its writer thread, snapshots on a thread beside it.
final class OnlineNode: Sendable {
    typealias Reply = @Sendable (OnlineOutcome) -> Void

    private struct Queue {
        var commands: [(command: OnlineCommand, reply: Reply)] = []
        var isDrainScheduled = false
    }

    let store: OnlineStore
    let state: OnlineState
    let logID: LogID
    /// Lets reads wait for a position.
    let gate: PositionGate
    let options: OnlineOptions
    let engine: Confined<OnlineEngine>
    let clock: any WallClock
    let logger: Logger
    private let queue = Mutex(Queue())
    private let onDurable: @Sendable () -> Void
    // Gives way: a snapshot that takes longer costs memory, one that takes the processor from gets costs their callers.
    private let snapshotWorker = SerialWorker(.nice(5), takesTurns: true)
    private let isSnapshotRunning = Atomic<Bool>(false)
    private let isTickPending = Atomic<Bool>(false)
    /// A snapshot that fails leaves its frozen map in memory, so the next attempt waits, longer each time.
    private let nextSnapshot = Mutex((attempt: Microseconds(0), pause: OnlineNode.snapshotPause))
    private static let snapshotPause: Microseconds = 5_000_000
    private static let snapshotPauseMax: Microseconds = 300_000_000
    private let lastCutoffs = Mutex<[GroupID: Microseconds]>([:])
    private let clockWatch = Mutex(ClockWatch())

    /// Whether a registered follower has not been heard of for so long that the log need not wait for it.
    let isAbsent = Mutexed<@Sendable (String) -> Bool>({ _ in false })
    private let ticker: Ticker
    /// Whether what was acknowledged waits for its sync.
    private let isSyncAwaited = Atomic<Bool>(false)

    /// - Parameters:
    ///   - ticker: tells the time to what waits here.
    ///   - onDurable: called when the log has grown, from the writer thread.
    init(
        _ engine: sending OnlineEngine, clock: any WallClock, logger: Logger, ticker: Ticker = Ticker(),
        onDurable: @escaping @Sendable () -> Void
    ) {
        self.ticker = ticker
        store = engine.store
        state = engine.state
        logID = engine.logID
        options = engine.options
        self.clock = clock
        self.logger = logger
        self.onDurable = onDurable
        gate = PositionGate(applied: engine.store.appliedPosition, onWait: ticker.arm)
        store.betweenRows = Turns.give
        self.engine = Confined(engine, to: SerialWorker(takesTurns: true))
        ticker.add { [weak self] in
            self?.tick()
        } isNeeded: { [weak self] in
            self?.needsTicks ?? false
        }
    }

    private var needsTicks: Bool { gate.hasWaiters || isSyncAwaited.load(ordering: .relaxed) }

    /// Queues a command; commands that come while a group is being synced form the next group.
    func submit(_ command: OnlineCommand, _ reply: @escaping Reply) {
        let mustSchedule = queue.withLock { queue in
            queue.commands.append((command, reply))
            defer { queue.isDrainScheduled = true }
            return !queue.isDrainScheduled
        }
        guard mustSchedule else { return }
        let schedule: @Sendable () -> Void = { self.engine.run { self.drain($0) } }
        // What else the event loop has read in this turn joins the group: it runs such tasks when all that is ready is read.
        if let loop = ServerLoop.current { loop.execute(schedule) } else { schedule() }
    }

    /// On the writer thread: what is queued now, in groups. What comes meanwhile is a job of its own, behind other jobs of the thread.
    private func drain(_ engine: OnlineEngine) {
        let commands = queue.withLock { queue in
            defer { (queue.commands, queue.isDrainScheduled) = ([], false) }
            return queue.commands
        }
        for (token, item) in commands.enumerated() { engine.submit(item.command, token: Token(token)) }
        while engine.hasQueuedCommands {
            answer(engine.prepareGroup(now: clock.now()), commands)
            guard engine.hasPreparedGroup else { continue }
            let committed = engine.commitGroup()
            if case .success = committed { onDurable() }
            engine.completeGroup(committed, elapsed: Monotonic.now()) { completions in
                gate.advance(to: store.appliedPosition)
                answer(completions, commands)
            }
        }
        syncIfDue(engine)
        engine.prepareAhead()
        if engine.isSnapshotDue, Monotonic.now() >= nextSnapshot.withLock({ $0.attempt }) { startSnapshot(engine) { _ in } }
    }

    private func answer(_ completions: [OnlineCompletion], _ commands: [(command: OnlineCommand, reply: Reply)]) {
        if completions.isEmpty { return }
        WakeRound.together {
            for completion in completions { commands[Int(completion.token)].reply(completion.outcome) }
        }
    }

    // MARK: Snapshots

    /// Takes a snapshot and lets go of the log behind it.
    func snapshot(_ done: @escaping @Sendable (Result<WrittenSnapshot, HeadwaterError>) -> Void) {
        engine.run { self.startSnapshot($0, done) }
    }

    private func startSnapshot(
        _ engine: OnlineEngine, _ done: @escaping @Sendable (Result<WrittenSnapshot, HeadwaterError>) -> Void
    ) {
        guard !isSnapshotRunning.exchange(true, ordering: .acquiringAndReleasing) else {
            return done(.failure(HeadwaterError(.aborted, "a snapshot is being taken already: try again when it is done")))
        }
        let job: SnapshotJob
        do { job = try engine.beginSnapshot() } catch {
            isSnapshotRunning.store(false, ordering: .releasing)
            return done(.failure(error))
        }
        onDurable()
        snapshotWorker.submit {
            let written = Result { () throws(HeadwaterError) in try job.run() }
            self.engine.run { engine in
                let result = written.flatMap { written in
                    Result { () throws(HeadwaterError) in
                        try engine.finishSnapshot(written)
                        return written
                    }
                }
                self.isSnapshotRunning.store(false, ordering: .releasing)
                self.scheduleNextSnapshot(after: result)
                done(result)
                self.snapshotWorker.submit { self.store.returnFreedMemory() }
            }
        }
    }

    private func scheduleNextSnapshot(after result: Result<WrittenSnapshot, HeadwaterError>) {
        guard case .failure(let error) = result else {
            return nextSnapshot.withLock { $0 = (0, Self.snapshotPause) }
        }
        let pause = nextSnapshot.withLock { next in
            defer { next.pause = min(next.pause * 2, Self.snapshotPauseMax) }
            next.attempt = Monotonic.now() + next.pause
            return next.pause
        }
        logger.error("snapshot failed", metadata: ["error": "\(error)", "next attempt in": "\(pause / 1_000_000) s"])
    }

    // MARK: Timers

    /// Called often while something waits: syncs what `interval` durability has left, and wakes reads whose deadline has come.
    func tick() {
        gate.expire(now: Monotonic.now())
        guard case .interval = options.durability, !isTickPending.exchange(true, ordering: .acquiringAndReleasing) else { return }
        engine.run { engine in
            self.isTickPending.store(false, ordering: .releasing)
            self.syncIfDue(engine)
        }
    }

    private func syncIfDue(_ engine: OnlineEngine) {
        let due = engine.syncDue
        isSyncAwaited.store(due != nil, ordering: .relaxed)
        guard let due else { return }
        guard due <= Monotonic.now() else { return ticker.arm() }
        engine.sync()
        isSyncAwaited.store(engine.syncDue != nil, ordering: .relaxed)
        onDurable()
    }

    /// Called once a second: retention cutoffs, and log segments that nobody needs any more.
    func housekeep() {
        engine.run { engine in
            self.forgive(engine)
            do { try engine.trimLog() } catch { self.logger.warning("trimming the log failed", metadata: ["error": "\(error)"]) }
            let now = self.clock.now()
            guard self.clockWatch.withLock({ $0.look(wall: now, elapsed: Monotonic.now()) }) else { return }
            for cutoff in engine.dueCutoffs(now: now, last: self.lastCutoffs.withLock { $0 }) {
                self.lastCutoffs.withLock { $0[cutoff.groupID] = cutoff.cutoff }
                self.submit(.cutoff(cutoff)) { _ in }
            }
        }
    }

    /// Lets the log go on without followers that are gone.
    private func forgive(_ engine: OnlineEngine) {
        guard let all = try? engine.followers() else { return }
        let isAbsent = isAbsent.value
        let absent = all.map(\.name).filter { $0 != OnlineEngine.localFollowerName && isAbsent($0.description) }
        engine.setAbsentFollowers(Set(absent))
    }

    /// Ends the service: answers what is queued, syncs, gives up the locks.
    func close() async {
        gate.close()
        await snapshotWorker.shutdown()
        do { try await engine.call { try $0.close() } } catch {
            logger.error("closing the log failed", metadata: ["error": "\(error)"])
        }
        await engine.worker.shutdown()
    }
}
