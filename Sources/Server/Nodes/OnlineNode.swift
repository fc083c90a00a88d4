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
    typealias SnapshotReply = @Sendable (Result<WrittenSnapshot, HeadwaterError>) -> Void

    private struct Queue {
        var commands: [(command: OnlineCommand, reply: Reply)] = []
        var isDrainScheduled = false
    }

    /// The snapshot that is being taken, and who waits.
    private struct SnapshotTurn {
        /// `nil` where none is being taken.
        var cut: Position?
        /// Answered with it.
        var joined: [SnapshotReply] = []
        /// Asked when records had come since its cut, so that only the next one shows what they wrote.
        var waiting: [SnapshotReply] = []
    }

    let store: OnlineStore
    let state: OnlineState
    let logID: LogID
    /// Whether the owner of the log before this one ended cleanly; `nil` for a new log.
    let endedCleanly: Bool?
    /// Lets reads wait for a position.
    let gate: PositionGate
    private let currentOptions: Mutexed<OnlineOptions>
    let engine: Confined<OnlineEngine>
    let clock: TrustedTime
    let logger: Logger
    private let queue = Mutex(Queue())
    /// Told when the log has grown: by a group, by a sync, by a snapshot's record. From the writer thread.
    let logGrew = ChangeSignal()
    // Gives way: a snapshot that takes longer costs memory, one that takes the processor from gets costs their callers.
    private let snapshotWorker = SerialWorker(.nice(5), takesTurns: true)
    /// Writes the zeros of the log's next segment.
    private let roomWorker = SerialWorker()
    private let isRoomPending = Atomic<Bool>(false)
    private let snapshots = Mutex(SnapshotTurn())
    private let isFailureTold = Atomic<Bool>(false)
    private let isTickPending = Atomic<Bool>(false)
    private let pace = Mutex(SnapshotPace())
    /// A stop writes a snapshot where the next start would replay for longer than this.
    private static let replayLeast: Microseconds = 1_000_000
    /// About how long a restart would replay the log behind the last snapshot, in microseconds: as long as applying it took.
    private let replayTime: Atomic<Int>
    let figures = WriterFigures()
    /// When a snapshot is given up; `nil` while the service goes on.
    private let stopBy = Mutex<Microseconds?>(nil)
    /// When cutoffs are tried again after one was refused, and when a refused write is logged again.
    private let nextCutoffs = Mutex<Microseconds>(0)
    private let nextRefusalTold = Mutex<Microseconds>(0)
    private static let refusalPause: Microseconds = 60_000_000

    /// Whether a registered follower has not been heard of for so long that the log need not wait for it.
    let isAbsent = Mutexed<@Sendable (String) -> Bool>({ _ in false })
    private let ticker: Ticker
    /// Whether what was acknowledged waits for its sync.
    private let isSyncAwaited = Atomic<Bool>(false)

    /// - Parameters:
    ///   - clock: the machine's; what it shows is trusted as far as the engine found at its open.
    ///   - ticker: tells the time to what waits here.
    ///   - replayed: how long it took to apply the log behind the snapshot at the open, in microseconds.
    init(
        _ engine: sending OnlineEngine, clock: any WallClock, logger: Logger, ticker: Ticker = Ticker(),
        replayed: Microseconds = 0
    ) {
        self.ticker = ticker
        replayTime = Atomic(Int(replayed))
        store = engine.store
        state = engine.state
        logID = engine.logID
        endedCleanly = engine.endedCleanly
        currentOptions = Mutexed(engine.options)
        self.clock = TrustedTime(engine.clockAtOpen, machine: clock)
        self.logger = logger
        gate = PositionGate(applied: engine.store.appliedPosition, onWait: ticker.arm)
        store.betweenRows = Scheduling.yield
        self.engine = Confined(engine, to: SerialWorker(takesTurns: true))
        ticker.add { [weak self] in
            self?.tick()
        } isNeeded: { [weak self] in
            self?.needsTicks ?? false
        }
    }

    var options: OnlineOptions { currentOptions.value }

    /// Changes the bounds of log and memory, from the next write on.
    func setLimits(of configuration: ServerConfiguration) {
        var options = options
        configuration.setLimits(of: &options)
        currentOptions.value = options
        engine.run { [options] in $0.setLimits(of: options) }
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

    /// On the writer thread: what is queued now, in groups. What comes
    /// meanwhile is a job of its own, behind other jobs of the thread.
    private func drain(_ engine: OnlineEngine) {
        let commands = queue.withLock { queue in
            defer { (queue.commands, queue.isDrainScheduled) = ([], false) }
            return queue.commands
        }
        for (token, item) in commands.enumerated() { engine.submit(item.command, token: Token(token)) }
        runQueue(engine) { answer($0, commands) }
        // A retention that has just been defined is in force before the next write.
        if commands.contains(where: { if case .define = $0.command { true } else { false } }) { cutOffDue(engine) }
        syncIfDue(engine)
        prepareAhead(engine)
        if engine.isSnapshotDue, Monotonic.now() >= pace.withLock({ $0.nextAttempt }) { startSnapshot(engine, for: []) }
    }

    /// Has the log's next segment prepared beside the writer, which must not wait for its zeros.
    private func prepareAhead(_ engine: OnlineEngine) {
        engine.reserveAhead()
        tellFailure()
        guard let room = engine.roomAhead, !isRoomPending.exchange(true, ordering: .acquiringAndReleasing) else { return }
        roomWorker.submit(orNot: { isActive in
            defer { self.isRoomPending.store(false, ordering: .releasing) }
            guard isActive else { return }
            // A full disk shows itself to the append that needs the room; any other failure is the log's, and its owner looks.
            do throws(HeadwaterError) {
                repeat { try room.step() } while room.isDue
            } catch {
                self.engine.run { engine in
                    engine.reserveAhead()
                    self.tellFailure()
                }
            }
        })
    }

    /// Logs, once, what has ended the engine's writes: a group, a sync between groups, or the log's room. On the writer thread.
    private func tellFailure() {
        guard let error = state.current.failure, !isFailureTold.exchange(true, ordering: .relaxed) else { return }
        logger.critical("no write is taken any more", metadata: ["error": "\(error)"])
    }

    /// Logs that there is no room for writes, on the disk or below a cap: not each time, as clients try again.
    private func tellRefusal(_ completions: [OnlineCompletion]) {
        for case .failed(let error) in completions.map(\.outcome) where error.code == .resourceExhausted {
            let now = Monotonic.now()
            guard nextRefusalTold.withLock({ $0 <= now }) else { return }
            nextRefusalTold.withLock { $0 = now + Self.refusalPause }
            logger.error("writes are refused", metadata: ["error": "\(error)"])
        }
    }

    private func runQueue(_ engine: OnlineEngine, _ answer: ([OnlineCompletion]) -> Void) {
        while engine.hasQueuedCommands {
            let unprepared = engine.prepareGroup(now: clock.ingestTime())
            tellRefusal(unprepared)
            answer(unprepared)
            guard engine.hasPreparedGroup else { continue }
            let (commandCount, begun) = (engine.preparedCount, Monotonic.now())
            var written: Microseconds?
            let committed = engine.commitGroup { written = Monotonic.now() }
            let started = Monotonic.now()
            if case .success = committed { logGrew.tell() }
            figures.committed(commandCount, isWhole: (try? committed.get()) != nil, microseconds: started - begun)
            if let written { figures.syncs.add(nanoseconds: (started - written) * 1_000) }
            engine.completeGroup(committed, elapsed: started) { completions in
                gate.advance(to: store.appliedPosition)
                answer(completions)
            }
            tellFailure()
            let elapsed = Monotonic.now() - started
            figures.applies.add(nanoseconds: elapsed * 1_000)
            replayTime.add(Int(elapsed), ordering: .relaxed)
        }
    }

    private func answer(_ completions: [OnlineCompletion], _ commands: [(command: OnlineCommand, reply: Reply)]) {
        if completions.isEmpty { return }
        WakeRound.together {
            for completion in completions { commands[Int(completion.token)].reply(completion.outcome) }
        }
    }

    // MARK: Snapshots

    /// Takes a snapshot and lets go of the log behind it. Joins the one that is being taken, where nothing was written since its
    /// cut; else the next one follows it at once, for all who wait.
    func snapshot(_ done: @escaping SnapshotReply) { engine.run { self.startSnapshot($0, for: [done]) } }

    /// On the writer thread.
    private func startSnapshot(_ engine: OnlineEngine, for callers: [SnapshotReply]) {
        let isTaken = snapshots.withLock { turn in
            guard let cut = turn.cut else { return false }
            if cut >= store.appliedPosition { turn.joined += callers } else { turn.waiting += callers }
            return true
        }
        guard !isTaken else { return }
        let job: SnapshotJob
        do { job = try engine.beginSnapshot() } catch { return callers.forEach { $0(.failure(error)) } }
        snapshots.withLock { $0 = SnapshotTurn(cut: job.cut.position, joined: callers) }
        logGrew.tell()
        let replayed = replayTime.exchange(0, ordering: .relaxed)
        let started = Monotonic.now()
        snapshotWorker.submit(orNot: { isActive in
            let written = Result { () throws(HeadwaterError) in
                guard isActive else { throw HeadwaterError(.unavailable, "the server is shutting down: connect again later") }
                return try job.run { self.mustStop }
            }
            self.engine.run { self.finishSnapshot(written, started: started, replayed: replayed, $0) }
        })
    }

    /// On the writer thread.
    ///
    /// - Parameter replayed: what the last start took to replay: it is behind the snapshot, if that was written.
    private func finishSnapshot(
        _ written: Result<WrittenSnapshot, HeadwaterError>, started: Microseconds, replayed: Int, _ engine: OnlineEngine
    ) {
        let result = written.flatMap { written in
            Result { () throws(HeadwaterError) in
                try engine.finishSnapshot(written)
                return written
            }
        }
        let turn = snapshots.withLock { turn in
            defer { turn = SnapshotTurn() }
            return turn
        }
        switch result {
        case .success:
            let elapsed = Monotonic.now() - started
            pace.withLock { $0.written(store.snapshotBytes, in: elapsed) }
            figures.snapshots.add(nanoseconds: elapsed * 1_000)
        case .failure(let error):
            replayTime.add(replayed, ordering: .relaxed)
            figures.snapshotFailed()
            tellSnapshotFailure(error)
        }
        for done in turn.joined { done(result) }
        snapshotWorker.submit { self.store.returnFreedMemory() }
        if !turn.waiting.isEmpty { startSnapshot(engine, for: turn.waiting) }
    }

    /// Writes a snapshot where the next start would else replay for long, and where it is expected to end in time.
    private func snapshotBeforeStop(within limit: Duration) async {
        guard limit > .zero, replayTime.load(ordering: .relaxed) > Self.replayLeast, state.current.failure == nil else { return }
        let expected = pace.withLock { $0.expectedTime(of: store.residentBytes) }
        guard expected <= limit.microseconds else {
            return logger.notice(
                "no snapshot is written, for it would take longer than --stop-within: the next start replays the log",
                metadata: ["expected": "\(expected / 1_000_000) s"])
        }
        logger.notice("writing a snapshot, so that the next start is fast", metadata: ["expected": "\(expected / 1_000_000) s"])
        await withCheckedContinuation { continuation in snapshot { _ in continuation.resume() } }
    }

    /// Says what failed, and when it is tried again.
    private func tellSnapshotFailure(_ error: HeadwaterError) {
        if error.code == .cancelled {
            return logger.notice("a snapshot was given up, for it took longer than --stop-within: the next start replays the log")
        }
        let pause = pace.withLock { $0.failed(at: Monotonic.now()) }
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
        let begun = Monotonic.now()
        engine.sync()
        tellFailure()
        figures.syncs.add(nanoseconds: (Monotonic.now() - begun) * 1_000)
        isSyncAwaited.store(engine.syncDue != nil, ordering: .relaxed)
        logGrew.tell()
    }

    /// Called once a second: the clock, retention cutoffs, and log segments that nobody needs any more.
    func housekeep() {
        engine.run { engine in
            self.forgive(engine)
            do { try engine.trimLog() } catch { self.logger.warning("trimming the log failed", metadata: ["error": "\(error)"]) }
            self.watchClock(engine)
            self.cutOffDue(engine)
        }
    }

    /// Appends the retention cutoffs that are due, on the writer thread.
    private func cutOffDue(_ engine: OnlineEngine) {
        guard Monotonic.now() >= nextCutoffs.withLock({ $0 }) else { return }
        for cutoff in engine.dueCutoffs(now: clock.now()) { engine.submit(.cutoff(cutoff), token: 0) }
        runQueue(engine) { completions in
            for completion in completions {
                guard case .failed(let error) = completion.outcome else { continue }
                nextCutoffs.withLock { $0 = Monotonic.now() + Self.refusalPause }
                logger.warning("a retention cutoff was not taken", metadata: ["error": "\(error)"])
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

    // MARK: Clock

    /// Keeps the clock beside the log, and says when the wall clock is not followed, and when it is again.
    private func watchClock(_ engine: OnlineEngine) {
        if let clock = clock.look() { engine.keep(clock) { self.logger.warning("\($0)") } }
        switch clock.turn() {
        case nil: break
        case .returned: logger.notice("the wall clock is followed again")
        case .strayed(let ahead):
            logger.warning(
                "the wall clock jumped and is not followed: set it right, or run 'headwater clock accept' if it is right",
                metadata: ["ahead by": "\(Self.seconds(ahead))", "trusted time": "\(TimeText.format(clock.ingestTime()))"])
        }
    }

    private static func seconds(_ time: Microseconds) -> String { TimeText.formatDuration(time / 1_000_000 * 1_000_000) }

    /// Follows the wall clock, wherever it is, and keeps that.
    ///
    /// - Parameter done: told how far it was ahead of trusted time, and the trusted time now.
    func acceptClock(_ done: @escaping @Sendable (_ ahead: Microseconds, _ now: Microseconds) -> Void) {
        engine.run { engine in
            guard let (ahead, accepted) = self.clock.accept() else { return done(0, self.clock.now()) }
            engine.keep(accepted) { self.logger.warning("\($0)") }
            self.logger.notice("the wall clock was accepted", metadata: ["ahead by": "\(Self.seconds(ahead))"])
            _ = self.clock.turn()
            done(ahead, self.clock.ingestTime())
        }
    }

    /// Whether the service ends and has taken its time for it.
    private var mustStop: Bool { stopBy.withLock { $0.map { Monotonic.now() >= $0 } ?? false } }

    /// Ends the service: answers what is queued, syncs, gives up the locks.
    ///
    /// - Parameter limit: how long snapshots may take, the one that makes
    ///   the next start fast and one that runs already; zero: none is begun.
    func close(within limit: Duration = .zero) async {
        gate.close()
        stopBy.withLock { $0 = Monotonic.now() + limit.microseconds }
        await snapshotBeforeStop(within: limit)
        await snapshotWorker.shutdown()
        await roomWorker.shutdown()
        do {
            try await engine.call { engine in
                if let clock = self.clock.look() { engine.keep(clock, atEnd: true) { self.logger.warning("\($0)") } }
                try engine.close()
            }
        } catch {
            logger.error("closing the log failed", metadata: ["error": "\(error)"])
        }
        await engine.worker.shutdown()
    }
}
