import Catalog
import Engine
import FeatureModel
import Log
import OnlineStore
import StorageIO
import TestSupport

/// The online service as an actor: the engine's steps as separate events, so that anything may happen between two of them.
final class OnlineService {
    unowned let world: World
    private(set) var process: Process?
    private(set) var engine: OnlineEngine?
    /// How often the service was opened with success.
    private(set) var life = 0
    private(set) var logID: [UInt8]?
    /// When the engine met the failure that ended its writes.
    private(set) var failedAt: Microseconds?
    /// Commands under way and where their outcomes go.
    var replies: [Token: (OnlineOutcome) -> Void] = [:]
    var nextToken: Token = 0
    /// Feature lists that connections prepared.
    let handles = HandleTable()
    var gate = PositionWaiters<UInt64>()
    var parked: [UInt64: ParkedRead] = [:]
    var nextParked: UInt64 = 0
    /// The writer thread: one job after another, and none while a group is being committed.
    private var jobs: [(OnlineEngine) -> Void] = []
    private var isBusy = false
    private var isDrainScheduled = false
    private var snapshot: (job: SnapshotJob, written: WrittenSnapshot?)?
    private var isSnapshotRunning = false
    private var nextSnapshot: Microseconds = 0
    private var clock: TrustedClock?

    init(_ world: World) { self.world = world }

    var isUp: Bool { engine != nil }
    private var injector: FaultInjector? { process?.injector }

    // MARK: Life and death

    /// Opens the engine as a process does when it starts.
    ///
    /// - Returns: whether it could; the caller tries again later.
    func start(in process: Process) throws(HeadwaterError) {
        let machine = process.machine
        let boot = machine.bootTime(world.now)
        if !hasMark(of: boot, on: machine) { machine.believesWall(world.now) }
        let engine = try OnlineEngine.open(
            storage: process.storage, dataDirectory: Workload.directory, log: world.log(process.storage),
            options: world.scenario.online,
            newLogID: LogID((0..<16).map { _ in UInt8(truncatingIfNeeded: world.random.next()) }), seed: world.random.next(),
            now: machine.wall(world.now), boot: boot)
        clock = engine.clockAtOpen
        _ = engine.cutOffDue(now: clock!.last, ageTime: clock!.ageTime)
        if process.hasCrashed { throw HeadwaterError(.unavailable, "an I/O call killed the service at its first cutoff") }
        self.process = process
        self.engine = engine
        life += 1
        logID = engine.logID.bytes
        failedAt = nil
        nextSnapshot = world.now
        world.note("online up", [engine.store.appliedPosition, engine.state.current.durablePosition])
        every(1_000_000) { $0.housekeep() }
        every(10_000) { $0.expire() }
    }

    /// The process is gone, with all that it had in memory.
    func die() {
        engine = nil
        process = nil
        snapshot = nil
        isSnapshotRunning = false
        isBusy = false
        isDrainScheduled = false
        jobs = []
        replies = [:]
        parked = [:]
        gate = PositionWaiters()
        clock = nil
    }

    /// Ends as a clean stop does.
    func close() throws(HeadwaterError) {
        guard let engine else { return }
        defer { die() }
        try engine.close()
    }

    // MARK: Time

    /// What the log takes now is stamped with.
    func trustedTime(_ process: Process) -> Microseconds {
        let machine = process.machine
        return clock?.now(wall: machine.wall(world.now), elapsed: machine.bootTime(world.now).elapsed) ?? machine.wall(world.now)
    }

    private func hasMark(of boot: BootTime, on machine: Machine) -> Bool {
        guard let logID, let mark = try? world.log(machine.disk).clockMark(of: LogID(logID)) else {
            return false
        }
        return mark.wall(at: boot) != nil
    }

    /// Repeats something for as long as this life lasts.
    private func every(_ interval: Microseconds, _ body: @escaping (OnlineService) -> Void) {
        let mine = life
        world.schedule("timer", at: world.now + interval) { [weak self] in
            guard let self, life == mine, isUp else { return }
            body(self)
            if isUp { every(interval, body) }
        }
    }

    /// Schedules a step of this life.
    private func later(_ name: StaticString, _ delay: ClosedRange<Int>, _ body: @escaping (OnlineService, OnlineEngine) -> Void) {
        let mine = life
        world.schedule(name, at: world.now + Microseconds(world.random.int(delay))) { [weak self] in
            guard let self, life == mine, let engine else { return }
            body(self, engine)
        }
    }

    /// Ends the process where an I/O call has killed it.
    ///
    /// - Returns: whether the process still lives.
    @discardableResult
    private func survives() -> Bool {
        guard let process else { return false }
        if process.hasCrashed {
            world.crashed(process)
            return false
        }
        if let engine, failedAt == nil, engine.state.current.failure != nil {
            failedAt = world.now
            if let failure = engine.state.current.failure { world.failed("the log", failure, in: process) }
            world.operatorRestarts(process)
        }
        return true
    }

    // MARK: The writer thread

    func onWriter(_ job: @escaping (OnlineEngine) -> Void) {
        jobs.append(job)
        later("writer", 5...200) { service, _ in service.pump() }
    }

    private func pump() {
        while !isBusy, !jobs.isEmpty, let engine {
            jobs.removeFirst()(engine)
            guard survives() else { return }
        }
    }

    func submit(_ command: OnlineCommand, _ reply: @escaping (OnlineOutcome) -> Void) {
        guard let engine else { return }
        nextToken += 1
        replies[nextToken] = reply
        engine.submit(command, token: nextToken)
        guard !isDrainScheduled else { return }
        isDrainScheduled = true
        onWriter { [unowned self] _ in
            isDrainScheduled = false
            drain()
        }
    }

    private func drain() {
        guard let engine, let process else { return }
        guard engine.hasQueuedCommands else { return idle(engine) }
        let refused = engine.prepareGroup(now: trustedTime(process))
        guard survives() else { return }
        answer(refused, areCommitted: false)
        guard engine.hasPreparedGroup else { return drain() }
        isBusy = true
        later("commit", 10...1_500) { service, engine in
            let result = engine.commitGroup()
            guard service.survivesCommit(result) else { return }
            service.later("complete", 1...300) { service, engine in service.complete(result, engine) }
        }
    }

    private func survivesCommit(_ result: Result<[Record], HeadwaterError>) -> Bool {
        guard let process else { return false }
        if process.hasCrashed { return survives() }
        if case .success(let records) = result { world.checker.committed(records) }
        return true
    }

    private func complete(_ result: Result<[Record], HeadwaterError>, _ engine: OnlineEngine) {
        let completions = engine.completeGroup(result, elapsed: world.now)
        world.figures.commits += 1
        isBusy = false
        wake(engine)
        answer(completions, areCommitted: true)
        guard survives() else { return }
        scheduleSync(engine)
        drain()
        pump()
    }

    /// - Parameter areCommitted: whether a success means that the log took something just now.
    private func answer(_ completions: [OnlineCompletion], areCommitted: Bool) {
        for completion in completions {
            if areCommitted, injector?.hasLogSyncFailed == true, completion.outcome.isSuccess {
                world.violate("P7", "after a failed sync of the log this was acknowledged: \(completion.outcome)")
            }
            replies.removeValue(forKey: completion.token)?(completion.outcome)
        }
    }

    /// What the writer does while nobody waits.
    private func idle(_ engine: OnlineEngine) {
        syncIfDue(engine)
        guard survives() else { return }
        engine.prepareAhead()
        guard survives() else { return }
        if engine.isSnapshotDue, world.now >= nextSnapshot { beginSnapshot(engine) }
    }

    private func scheduleSync(_ engine: OnlineEngine) {
        guard let due = engine.syncDue else { return }
        let mine = life
        world.schedule("sync", at: max(due, world.now)) { [weak self] in
            guard let self, life == mine else { return }
            onWriter { [unowned self] in syncIfDue($0) }
        }
    }

    private func syncIfDue(_ engine: OnlineEngine) {
        if let due = engine.syncDue, due <= world.now { engine.sync() }
    }

    // MARK: Snapshots

    /// Takes a snapshot because somebody asks for one.
    func takeSnapshot() {
        onWriter { [unowned self] engine in
            // Nobody follows in the log's own directory where the follower is elsewhere. Until that one is registered the
            // local one holds the log for it: there is no other history that it could fetch.
            if world.scenario.mode == .follow, (try? engine.follower("follower")) != nil {
                _ = try? engine.forgetFollower(named: OnlineEngine.localFollowerName)
            }
            if survives() { beginSnapshot(engine) }
        }
    }

    private func beginSnapshot(_ engine: OnlineEngine) {
        guard !isSnapshotRunning else { return }
        let job: SnapshotJob
        do { job = try engine.beginSnapshot() } catch {
            if survives() { world.failed("the begin of a snapshot", error, in: process) }
            return
        }
        guard survives() else { return }
        isSnapshotRunning = true
        snapshot = (job, nil)
        later("snapshot runs", 100...40_000) { service, _ in service.runSnapshot() }
    }

    private func runSnapshot() {
        guard let job = snapshot?.job else { return }
        let result = Result { () throws(HeadwaterError) in try job.run() }
        guard survives() else { return }
        switch result {
        case .success(let written):
            snapshot?.written = written
            later("snapshot ends", 100...5_000) { service, _ in
                service.onWriter { [unowned service] in service.finishSnapshot($0) }
            }
        case .failure(let error):
            world.failed("a snapshot", error, in: process)
            endSnapshot(failed: true)
        }
    }

    private func finishSnapshot(_ engine: OnlineEngine) {
        guard let written = snapshot?.written else { return }
        let before = engine.logRetention.segmentCount
        let failure = Self.failure { () throws(HeadwaterError) in try engine.finishSnapshot(written) }
        guard survives() else { return }
        if let failure {
            world.failed("the end of a snapshot", failure, in: process)
        } else {
            world.figures.snapshots += 1
            world.figures.segmentsRemoved += max(0, before - engine.logRetention.segmentCount)
        }
        world.note("snapshot", [written.position, failure == nil ? 0 : 1])
        endSnapshot(failed: failure != nil)
    }

    private static func failure(of body: () throws(HeadwaterError) -> Void) -> HeadwaterError? {
        do throws(HeadwaterError) {
            try body()
            return nil
        } catch {
            return error
        }
    }

    private func endSnapshot(failed: Bool) {
        snapshot = nil
        isSnapshotRunning = false
        if failed { nextSnapshot = world.now + 200_000 }
    }

    // MARK: Timers

    private func housekeep() {
        onWriter { [unowned self] engine in
            let before = engine.logRetention.segmentCount
            let failure = Self.failure { () throws(HeadwaterError) in try engine.trimLog() }
            guard survives(), let process else { return }
            if let failure { world.failed("the trimming of the log", failure, in: process) }
            world.figures.segmentsRemoved += max(0, before - engine.logRetention.segmentCount)
            _ = trustedTime(process)
            if let clock {
                engine.keep(clock) { _ in }
                guard survives() else { return }
                for cutoff in engine.dueCutoffs(now: clock.ageTime) { submit(.cutoff(cutoff)) { _ in } }
            }
            idle(engine)
        }
    }
}

extension OnlineOutcome {
    fileprivate var isSuccess: Bool { if case .failed = self { false } else { true } }
}
