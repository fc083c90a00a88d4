import Engine
import FeatureModel
import Log
import OfflineStore
import StorageIO
import TestDisks
import TestSupport
import Wire

/// The offline service as an actor: following, flushes and compactions, each step an event of its own.
final class OfflineService {
    unowned let world: World
    private(set) var process: Process?
    private(set) var engine: OfflineEngine?
    private(set) var life = 0
    var gate = PositionWaiters<UInt64>()
    var parked: [UInt64: ParkedRead] = [:]
    var nextParked: UInt64 = 0
    private var source: LogRecordSource?
    /// The connection to the online service where that is on another machine.
    private var caller: Caller?
    private enum FileJob {
        case flush(FlushJob)
        case compaction(CompactionJob)
    }
    private var fileJob: FileJob?
    private var lastFlush: Microseconds = 0
    /// With this much more in memory than a flush takes, the log waits.
    private static let memoryFactor = 4

    init(_ world: World) { self.world = world }

    var isUp: Bool { engine != nil }

    // MARK: Life and death

    /// Opens the engine; the caller tries again later where the log cannot be known yet.
    func start(in process: Process) throws(HeadwaterError) {
        let engine = try OfflineEngine(
            storage: process.storage, dataDirectory: Workload.directory, logID: try logID(process),
            options: world.scenario.offline)
        self.process = process
        self.engine = engine
        life += 1
        lastFlush = world.now
        world.note("offline up", [engine.store.appliedPosition])
        if world.scenario.mode == .follow {
            caller = Caller(world, to: .online, name: "follower")
            follow()
        } else {
            source = LogRecordSource(world.log(process.storage), logID: engine.store.logID)
            every(20_000) { $0.pull() }
        }
        every(500_000) { $0.housekeep() }
        every(10_000) { $0.expire() }
    }

    /// The log that a new history is of; `nil` where there is a history already.
    private func logID(_ process: Process) throws(HeadwaterError) -> [UInt8]? {
        if process.storage.exists(StoragePath.join(Workload.directory, "offline/manifest")) { return nil }
        if world.scenario.mode == .follow {
            guard world.online.isUp, let known = world.online.logID else {
                throw HeadwaterError(.unavailable, "nobody to follow yet")
            }
            return known
        }
        do throws(HeadwaterError) {
            return try world.log(process.storage).openReader().logID.bytes
        } catch  where error.code == .notFound {
            throw HeadwaterError(.unavailable, "there is no log yet")
        }
    }

    func die() {
        engine = nil
        process = nil
        source = nil
        caller?.abandon()
        caller = nil
        fileJob = nil
        parked = [:]
        gate = PositionWaiters()
    }

    /// Ends as a clean stop does: what is in memory is flushed.
    func close() throws(HeadwaterError) {
        guard let engine else { return }
        defer { die() }
        if fileJob == nil { try engine.flush() }
        engine.close()
    }

    private func every(_ interval: Microseconds, _ body: @escaping (OfflineService) -> Void) {
        let mine = life
        world.schedule("timer", at: world.now + interval) { [weak self] in
            guard let self, life == mine, isUp else { return }
            body(self)
            if isUp { every(interval, body) }
        }
    }

    private func later(_ name: StaticString, _ delay: ClosedRange<Int>, _ body: @escaping (OfflineService, OfflineEngine) -> Void)
    {
        let mine = life
        world.schedule(name, at: world.now + Microseconds(world.random.int(delay))) { [weak self] in
            guard let self, life == mine, let engine else { return }
            body(self, engine)
        }
    }

    @discardableResult
    private func survives() -> Bool {
        guard let process, let engine else { return false }
        if process.hasCrashed {
            world.crashed(process)
            return false
        }
        if let failure = engine.state.failure ?? engine.store.status().failure {
            if engine.state.failure != nil, !world.hasDamage { world.violate("P4", "the log cannot be applied: \(failure)") }
            world.failed("the offline store", failure, in: process)
            world.operatorRestarts(process)
        }
        return true
    }

    // MARK: Following

    /// Takes in a piece of what is durable in the log's files.
    func pull() {
        guard let engine, let source, engine.state.failure == nil, !isFull(engine) else { return }
        let records = source.pull(after: engine.store.appliedPosition, limitBytes: 8 << 10)
        guard survives() else { return }
        if let failure = source.failure { sourceFailed(failure) }
        if apply(records, engine), !records.isEmpty { later("pull", 10...500) { service, _ in service.pull() } }
    }

    private func sourceFailed(_ failure: HeadwaterError) {
        world.note("source failed", [], failure.description)
        if failure.code == .outOfRange, !world.hasDamage {
            world.violate("P4", "the log let go of what the follower has not read: \(failure)")
        }
        // A page from before a power cut says less than the history holds until the owner has recovered: that is waiting.
        if failure.code == .dataLoss, world.online.isUp, !world.hasDamage, !failure.message.contains("waits for its owner") {
            world.violate("P4", "the follower cannot read the log: \(failure)")
        }
    }

    private func isFull(_ engine: OfflineEngine) -> Bool {
        engine.store.memoryBytes > Self.memoryFactor * engine.options.flushMemoryBytes
    }

    /// - Returns: whether the service goes on.
    private func apply(_ records: [Record], _ engine: OfflineEngine) -> Bool {
        guard !records.isEmpty else { return true }
        do { try engine.apply(records) } catch {
            if survives() { world.failed("the fold of the log", error, in: process) }
            return false
        }
        world.note("followed", [engine.store.appliedPosition])
        for token in gate.wake(applied: engine.store.appliedPosition) { parked.removeValue(forKey: token)?.resume() }
        if engine.isFlushDue { beginFlush(engine) }
        return survives()
    }

    private func follow() {
        guard let engine, let caller else { return }
        let request = FollowRequest.with {
            $0.fromPosition = engine.store.appliedPosition + 1
            $0.durablePosition = engine.store.durablePosition
            $0.follower = "follower"
            $0.logID = engine.store.logID
        }
        let mine = life
        let give: (Frame) -> Void = { [weak self] frame in
            guard let self, life == mine, let engine = self.engine else { return }
            guard let records = try? LogRecords.decode(frame.body), !records.isEmpty else {
                return world.violate("protocol", "records for the follower cannot be read, or are none")
            }
            _ = apply(records, engine)
        }
        caller.call(.follow, request, timeout: 3_000_000, data: give) { [weak self] result in
            guard let self, life == mine, let engine = self.engine else { return }
            if case .failure(let error) = result, error.code == .notFound {
                // New there: from here on the log waits for what this history does not hold durably.
                acknowledge(engine, register: true)
            } else if case .failure(let error) = result, error.code == .dataLoss || error.code == .outOfRange, !world.hasDamage,
                world.online.isUp
            {
                world.violate("P4", "the follower is refused the log: \(error)")
            }
            later("follow again", 1_000...100_000) { service, _ in
                service.caller?.abandon()
                service.follow()
            }
        }
    }

    // MARK: Files

    private func housekeep() {
        guard let engine else { return }
        if world.now - lastFlush >= 2_000_000 { beginFlush(engine) }
        guard isUp else { return }
        if world.scenario.mode != .follow, source?.failure == nil, fileJob == nil { beginFileJob(engine) }
    }

    private func beginFileJob(_ engine: OfflineEngine) {
        if engine.isFlushDue { beginFlush(engine) } else { beginCompaction(engine) }
    }

    private func beginFlush(_ engine: OfflineEngine) {
        guard fileJob == nil else { return }
        let begun = Result { () throws(HeadwaterError) in try engine.beginFlush() }
        if case .failure(let error) = begun, survives() { world.failed("the begin of a flush", error, in: process) }
        guard let job = try? begun.get() else { return }
        fileJob = .flush(job)
        later("flush runs", 100...30_000) { service, _ in
            guard case .flush(let job) = service.fileJob else { return }
            job.run()
            guard service.survives() else { return }
            service.later("flush ends", 50...5_000) { service, engine in service.finishFlush(engine) }
        }
    }

    private func finishFlush(_ engine: OfflineEngine) {
        guard case .flush(let job) = fileJob else { return }
        do {
            try engine.store.finishFlush(job)
            guard survives() else { return }
            world.figures.flushes += 1
            lastFlush = world.now
            world.note("flushed", [engine.store.durablePosition])
            later("checkpoint", 10...3_000) { service, engine in service.acknowledge(engine) }
        } catch {
            guard survives() else { return }
            world.failed("a flush", error, in: process)
        }
        fileJob = nil
        beginFileJob(engine)
    }

    /// Tells the log how far chunks have come.
    private func acknowledge(_ engine: OfflineEngine, register: Bool = false) {
        guard let process else { return }
        let position = engine.store.durablePosition
        if let caller {
            let request = AcknowledgeRequest.with {
                $0.follower = "follower"
                $0.position = position
                $0.register = register
                $0.logID = engine.store.logID
            }
            caller.call(.acknowledge, request, timeout: 1_000_000) { _ in }
        } else {
            let saved = Result { () throws(HeadwaterError) in try save(position, of: engine.store.logID, process.storage) }
            guard survives(), case .failure(let error) = saved, world.online.isUp else { return }
            world.failed("the follower's checkpoint", error, in: process)
        }
    }

    /// The checkpoint of the follower in the log's own directory, as a server writes it.
    private func save(_ position: Position, of logID: [UInt8], _ storage: any Storage) throws(HeadwaterError) {
        let log = world.log(storage)
        let reader = try log.openReader()
        guard reader.logID.bytes == logID else { return }
        try log.register(
            FollowerCheckpoint(
                logID: reader.logID, id: OnlineEngine.localFollowerID, name: OnlineEngine.localFollowerName, position: position,
                writerEpoch: reader.writerEpoch))
    }

    private func beginCompaction(_ engine: OfflineEngine) {
        guard fileJob == nil else { return }
        let begun = Result { () throws(HeadwaterError) in try engine.store.beginCompaction() }
        if case .failure(let error) = begun, survives() { world.failed("the begin of a compaction", error, in: process) }
        guard let job = try? begun.get() else { return }
        fileJob = .compaction(job)
        later("compaction runs", 100...50_000) { service, _ in
            guard case .compaction(let job) = service.fileJob else { return }
            job.run()
            guard service.survives() else { return }
            service.later("compaction ends", 50...10_000) { service, engine in service.finishCompaction(engine) }
        }
    }

    private func finishCompaction(_ engine: OfflineEngine) {
        guard case .compaction(let job) = fileJob else { return }
        let done = Result { () throws(HeadwaterError) in try engine.store.finishCompaction(job) }
        guard survives() else { return }
        fileJob = nil
        world.note("compacted", [UInt64(job.groupID)])
        if case .failure(let error) = done { return world.failed("a compaction", error, in: process) }
        world.figures.compactions += 1
        beginFileJob(engine)
    }
}
