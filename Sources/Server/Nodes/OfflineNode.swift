import Engine
import FeatureModel
import Log
import Logging
import OfflineStore
import StorageIO
import Synchronization
import Transport

/// The offline service inside a process: the engine on its follower thread, flushes and compactions on threads beside it.
///
/// Records come from a source: the log's files, or another server. Whatever the source, they enter by `apply` in order.
final class OfflineNode: Sendable {
    let store: OfflineStore
    let state: OfflineState
    let logID: [UInt8]
    let gate: PositionGate
    let engine: Confined<OfflineEngine>
    let logger: Logger
    /// Reads that name no position of their own wait until this one is applied; 0 where any will do.
    let readFloor: Position
    /// Told the position that chunks hold durably, from the follower thread: it becomes the log's checkpoint.
    private let onDurable: @Sendable (Position) -> Void
    /// A flush does not wait for a compaction, which may take minutes.
    private let flushes = FileJobs()
    private let compactions = FileJobs()
    /// Encodes what flushes and compactions write.
    private let executor: ParallelExecutor
    /// The log that is pulled from: tried again where it could not be read, and gone on with when a
    /// flush has freed the memory that it may have waited for.
    private let source = Mutex<Confined<LogRecordSource>?>(nil)
    private let isPullPending = Atomic<Bool>(false)
    private let isClosing = Atomic<Bool>(false)
    /// When a flush is given up; `nil` while the service goes on.
    private let stopBy = Mutex<Microseconds?>(nil)
    /// Memory may grow to this many times the size at which a flush begins, before the log waits.
    private static let memoryFactor = 4
    private static let pullBytes = 8 << 20
    /// Tries of one compaction that others come in the way of.
    private static let attemptsMax = 10
    /// Flushes at least this often, so that the log is not kept for a handful of rows.
    private let flushInterval: Microseconds = 30_000_000
    private let lastFlush: Mutex<Microseconds>
    /// What the source last said of itself.
    let sourceFailure = Mutex<HeadwaterError?>(nil)
    let sourcePosition = Mutex<Position?>(nil)
    /// Where in the log's files the store stands, or stood a moment ago.
    let logPlace = Mutex<LogPlace?>(nil)
    /// Why chunks could not be written the last time, while that is so: rows then wait in memory, and at last in the log.
    let writingFailure = Mutex<HeadwaterError?>(nil)
    /// Of the last record applied since the start.
    let lastIngestTime = Mutex<Microseconds?>(nil)

    init(
        _ engine: sending OfflineEngine, executor: ParallelExecutor, logger: Logger, ticker: Ticker = Ticker(),
        readFloor: Position = 0,
        onDurable: @escaping @Sendable (Position) -> Void
    ) {
        store = engine.store
        state = engine.state
        logID = engine.store.logID
        self.executor = executor
        self.logger = logger
        self.readFloor = readFloor
        self.onDurable = onDurable
        lastFlush = Mutex(Monotonic.now())
        gate = PositionGate(applied: engine.store.appliedPosition, onWait: ticker.arm)
        self.engine = Confined(engine, to: SerialWorker())
        ticker.add { [weak self] in
            self?.tick()
        } isNeeded: { [weak self] in
            self?.gate.hasWaiters ?? false
        }
    }

    /// Changes when a flush is due, and what flushes and compactions may take.
    func setLimits(of configuration: ServerConfiguration) {
        engine.run { engine in
            var options = engine.options
            configuration.setLimits(of: &options)
            engine.setLimits(of: options)
            // The log may have waited for memory that there is now.
            self.pullAgain()
            if engine.isFlushDue { self.startFlush(engine) }
        }
    }

    /// Applies records on the follower thread and returns when reads see them: the source's back-pressure.
    func apply(_ records: [Record]) async throws {
        let memoryBytesMax = try await engine.call { engine in
            try self.apply(records, engine)
            return Self.memoryFactor * engine.options.flushMemoryBytes
        }
        try await flushes.ended.wait { store.memoryBytes <= memoryBytesMax }
    }

    /// On the follower thread.
    func apply(_ records: [Record], _ engine: OfflineEngine) throws(HeadwaterError) {
        defer { gate.advance(to: store.appliedPosition) }
        if let last = records.last { lastIngestTime.withLock { $0 = last.ingestTime } }
        do throws(HeadwaterError) {
            try engine.apply(records) {
                let advice = $0.code == .dataLoss ? ": 'headwater status' shows what else the scrub finds" : ""
                logger.error("a delete cannot be compared with newer rows\(advice)", metadata: ["error": "\($0)"])
            }
        } catch {
            logger.critical("the log cannot be applied; history stays at its position", metadata: ["error": "\(error)"])
            gate.end(error)
            throw error
        }
        if engine.isFlushDue { startFlush(engine) }
    }

    /// Takes in what is durable in the log's files, a piece at a time, so that other jobs of the thread get their turn.
    func pull(from box: Confined<LogRecordSource>) {
        guard !isPullPending.exchange(true, ordering: .acquiringAndReleasing) else { return }
        source.withLock { $0 = box }
        engine.run(with: box) { engine, source in
            // Cleared first: a call that comes while this runs is not lost.
            self.isPullPending.store(false, ordering: .releasing)
            // With too much in memory the log waits: it is on disk already.
            guard engine.state.failure == nil, self.store.memoryBytes <= Self.memoryFactor * engine.options.flushMemoryBytes
            else { return }
            let records = source.pull(after: self.store.appliedPosition, limitBytes: Self.pullBytes)
            self.sourceFailure.withLock { $0 = source.failure }
            self.sourcePosition.withLock { $0 = source.durablePosition }
            // A failure is logged, and kept in the state, where it happens.
            guard !records.isEmpty, (try? self.apply(records, engine)) != nil else { return }
            self.logPlace.withLock { $0 = source.place }
            self.pull(from: box)
        }
    }

    private func pullAgain() {
        if let source = source.withLock({ $0 }) { pull(from: source) }
    }

    // MARK: Flush and compaction

    var flushCounts: FileJobFigures.Counts { flushes.figures.counts }
    var compactionCounts: FileJobFigures.Counts { compactions.figures.counts }

    // Both begin and end on the follower thread, which alone changes what the store consists of, and do their work beside it.

    private func startFlush(_ engine: OfflineEngine) {
        start(flushes) {
            try engine.beginFlush()
        } run: { job in
            job.run(executor: self.executor, isCancelled: { self.mustStop })
        } finish: { job, engine in
            try self.finish(job, engine)
            if engine.isFlushDue { self.startFlush(engine) }
            self.startCompaction(engine)
        }
    }

    private func finish(_ job: FlushJob, _ engine: OfflineEngine) throws {
        try engine.store.finishFlush(job)
        lastFlush.withLock { $0 = Monotonic.now() }
        writingFailure.withLock { $0 = nil }
        gate.stall(nil)
        flushes.ended.tell()
        pullAgain()
        onDurable(store.durablePosition)
    }

    private func startCompaction(_ engine: OfflineEngine) {
        start(compactions) {
            try engine.store.beginCompaction()
        } run: { job in
            job.run(executor: self.executor, isCancelled: { self.isClosing.load(ordering: .relaxed) })
        } finish: { job, engine in
            try engine.store.finishCompaction(job)
            self.startCompaction(engine)
        }
    }

    /// On the follower thread: starts a job, if there is one to do, unless one of its kind runs or the service ends.
    ///
    /// - Parameter finish: called on the follower thread when the next job may start.
    private func start<Job: Sendable>(
        _ jobs: FileJobs, _ begin: () throws -> Job?, run: @escaping @Sendable (Job) -> Void,
        finish: @escaping @Sendable (Job, OfflineEngine) throws -> Void
    ) {
        guard !isClosing.load(ordering: .acquiring), jobs.take() else { return }
        do {
            guard let job = try begin() else { return jobs.leave() }
            let begun = Monotonic.now()
            jobs.worker.submit {
                run(job)
                self.engine.run { engine in
                    jobs.leave()
                    do {
                        try finish(job, engine)
                        jobs.figures.ended(microseconds: Monotonic.now() - begun)
                    } catch { self.report(error, of: jobs) }
                }
            }
        } catch {
            jobs.leave()
            report(error, of: jobs)
        }
    }

    private func report(_ error: any Error, of jobs: FileJobs) {
        guard let error = error as? HeadwaterError, error.code != .cancelled else { return }
        jobs.figures.failedOnce()
        // History falls behind without flushes; without compactions it only takes more room.
        if jobs === flushes {
            writingFailure.withLock { $0 = error }
            gate.stall(error)
        }
        logger.error("writing chunks failed; nothing is lost, it is tried again", metadata: ["error": "\(error)"])
    }

    /// Flushes everything: what is applied by now is durable then.
    ///
    /// - Throws: what the disk says; `CancellationError` when the task is cancelled, or the service ends.
    func flush() async throws { try await flush { Task.isCancelled } }

    private func flush(_ isCancelled: @Sendable () -> Bool) async throws {
        try await wait(for: flushes, isCancelled)
        defer { flushes.leave() }
        guard let job = try await engine.call({ try $0.beginFlush() }) else { return }
        try await complete(flushes) {
            job.run(executor: self.executor)
        } finish: {
            try self.finish(job, $0)
        }
    }

    /// Flushes everything and merges a group, or for `nil` every group, to one run, for the `compact` command.
    ///
    /// - Throws: what the disk says, and of damage once the other groups are done;
    ///   `.cancelled` when nobody waits for it any more, or the service ends.
    func compact(_ group: GroupID?, isCancelled: @escaping @Sendable () -> Bool) async throws {
        try await wait(for: compactions, isCancelled)
        defer { compactions.leave() }
        try await flush(isCancelled)
        var damage: HeadwaterError?
        for group in group.map({ [$0] }) ?? store.status().groups.map(\.groupID) {
            do { try await compactWhole(group, isCancelled) } catch let error as HeadwaterError where error.code == .dataLoss {
                damage = damage ?? error
            }
        }
        if let damage { throw damage }
    }

    /// A request that may wait for its turn to compact is not wanted any more.
    func noticeCancellation() {
        for jobs in [flushes, compactions] { jobs.ended.tell() }
    }

    private func compactWhole(_ group: GroupID, _ isCancelled: @escaping @Sendable () -> Bool) async throws {
        var attempt = 1
        while let job = try await engine.call({ try $0.store.beginWholeCompaction(group) }) {
            do {
                let isWhole = try await complete(compactions) {
                    job.run(executor: self.executor, isCancelled: { isCancelled() || self.isClosing.load(ordering: .relaxed) })
                } finish: {
                    try $0.store.finishCompaction(job)
                }
                if isWhole { return }
            } catch let error as HeadwaterError where error.code == .aborted && attempt < Self.attemptsMax {
                // A training set was saved meanwhile that reads rows which this left out: the next one keeps them.
                attempt += 1
            }
        }
    }

    /// Runs a job that has begun. Its end is handed to the follower thread before
    /// the job's own thread lets go of it, and so comes before the store is closed.
    ///
    /// - Throws: what `finish` does, `CancellationError` where the service has ended.
    private func complete<Result: Sendable>(
        _ jobs: FileJobs, _ run: @escaping @Sendable () -> Void, finish: @escaping @Sendable (OfflineEngine) throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            jobs.worker.submit(orNot: { isActive in
                guard isActive else { return continuation.resume(throwing: CancellationError()) }
                let begun = Monotonic.now()
                run()
                self.engine.run { engine in
                    let result = Swift.Result { try finish(engine) }
                    if case .success = result { jobs.figures.ended(microseconds: Monotonic.now() - begun) }
                    continuation.resume(with: result)
                }
            })
        }
    }

    private func wait(for jobs: FileJobs, _ isCancelled: @Sendable () -> Bool) async throws {
        var mustEnd = false
        try await jobs.ended.wait {
            mustEnd = isClosing.load(ordering: .acquiring) || isCancelled()
            return mustEnd || jobs.take()
        }
        if mustEnd { throw CancellationError() }
    }

    // MARK: Timers

    func tick() { gate.expire(now: Monotonic.now()) }

    /// Called once a second: a log that could not be read, and a flush that is due by time, or that
    /// failed while memory is so full that the log waits for it.
    func housekeep() {
        if sourceFailure.withLock({ $0 }) != nil { pullAgain() }
        engine.run { engine in
            let isOld = Monotonic.now() - self.lastFlush.withLock { $0 } >= self.flushInterval
            if isOld || engine.isFlushDue, self.store.appliedPosition > self.store.durablePosition { self.startFlush(engine) }
        }
    }

    /// Whether the service ends and has taken its time for it.
    private var mustStop: Bool { stopBy.withLock { $0.map { Monotonic.now() >= $0 } ?? false } }

    /// Ends the service; what is in memory is flushed, so that the next start need not read the log again.
    ///
    /// - Parameters:
    ///   - limit: a flush that takes longer is given up: the log holds its rows, and the next start goes on with them.
    ///   - isReplaced: its history is given up for another one, so nothing is flushed.
    func close(within limit: Duration = .seconds(30), isReplaced: Bool = false) async {
        gate.close()
        stopBy.withLock { $0 = Monotonic.now() + limit.microseconds }
        isClosing.store(true, ordering: .releasing)
        noticeCancellation()
        // The running jobs end first: a compaction gives up, a flush finishes.
        for jobs in [flushes, compactions] { await jobs.worker.shutdown() }
        do {
            try await engine.call { engine in
                defer { engine.close() }
                if engine.state.failure == nil, !isReplaced {
                    try engine.flush(executor: self.executor, isCancelled: { self.mustStop })
                    self.onDurable(self.store.durablePosition)
                }
            }
        } catch let error as HeadwaterError where error.code == .cancelled {
            logger.notice(
                "the last rows of the history are not in chunks yet: the log has them, and the next start goes on with them")
        } catch { logger.error("the last flush failed; the log still holds its rows", metadata: ["error": "\(error)"]) }
        await engine.worker.shutdown()
    }
}

/// Jobs of one kind that write chunks, one at a time, on a thread of their own.
private final class FileJobs: Sendable {
    let worker = SerialWorker(.background)
    /// Told when one has ended.
    let ended = ChangeSignal()
    let figures = FileJobFigures()
    private let isRunning = Atomic<Bool>(false)

    /// - Returns: whether the next job may begin; then `leave` is to be called when it is over.
    func take() -> Bool { !isRunning.exchange(true, ordering: .acquiringAndReleasing) }

    func leave() {
        isRunning.store(false, ordering: .releasing)
        ended.tell()
    }
}
