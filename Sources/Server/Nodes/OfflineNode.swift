import Engine
import FeatureModel
import Log
import Logging
import OfflineStore
import StorageIO
import Synchronization

/// The offline service inside a process: the engine on its follower thread, flushes and compactions on a thread beside it.
///
/// Records come from a source: the log's files, or another server. Whatever the source, they enter by `apply` in order.
final class OfflineNode: Sendable {
    let store: OfflineStore
    let state: OfflineState
    let logID: [UInt8]
    let gate: PositionGate
    let engine: Confined<OfflineEngine>
    let logger: Logger
    /// Told the position that chunks hold durably, from the follower thread: it becomes the log's checkpoint.
    private let onDurable: @Sendable (Position) -> Void
    private let fileWorker = SerialWorker(.background)
    /// Encodes what flushes and compactions write.
    private let crew: WorkCrew
    private let isFileJobRunning = Atomic<Bool>(false)
    private let isPullPending = Atomic<Bool>(false)
    private let isClosing = Atomic<Bool>(false)
    /// Memory may grow to this many times the size at which a flush begins, before the log waits.
    private static let memoryFactor = 4
    private static let pullBytes = 8 << 20
    /// Flushes at least this often, so that the log is not kept for a handful of rows.
    private let flushInterval: Microseconds = 30_000_000
    private let lastFlush: Mutex<Microseconds>
    /// What the source last said of itself.
    let sourceFailure = Mutex<HeadwaterError?>(nil)
    let sourcePosition = Mutex<Position?>(nil)
    /// Of the last record applied since the start.
    let lastIngestTime = Mutex<Microseconds?>(nil)

    init(
        _ engine: sending OfflineEngine, crew: WorkCrew, logger: Logger, onDurable: @escaping @Sendable (Position) -> Void
    ) {
        store = engine.store
        state = engine.state
        logID = engine.store.logID
        self.crew = crew
        self.logger = logger
        self.onDurable = onDurable
        lastFlush = Mutex(Monotonic.now())
        gate = PositionGate(applied: engine.store.appliedPosition)
        self.engine = Confined(engine, to: SerialWorker())
    }

    /// Applies records on the follower thread and returns when reads see them: the source's back-pressure.
    func apply(_ records: [Record]) async throws {
        let memoryBytesMax = try await engine.call { engine in
            try self.apply(records, engine)
            return Self.memoryFactor * engine.options.flushMemoryBytes
        }
        while store.memoryBytes > memoryBytesMax { try await Task.sleep(for: .milliseconds(20)) }
    }

    /// On the follower thread.
    func apply(_ records: [Record], _ engine: OfflineEngine) throws(HeadwaterError) {
        defer { gate.advance(to: store.appliedPosition) }
        if let last = records.last { lastIngestTime.withLock { $0 = last.ingestTime } }
        do throws(HeadwaterError) {
            try engine.apply(records) {
                let advice = $0.code == .dataLoss ? ": the history is damaged, run 'headwater scrub'" : ""
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
    func pull(from box: Confined<LocalRecordSource>) {
        guard !isPullPending.exchange(true, ordering: .acquiringAndReleasing) else { return }
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
            if !records.isEmpty, (try? self.apply(records, engine)) != nil { self.pull(from: box) }
        }
    }

    // MARK: Flush and compaction

    /// On the follower thread: starts a flush, else a compaction that is due, unless a file job runs or the service ends.
    private func startFileJob(_ engine: OfflineEngine) {
        if engine.isFlushDue { startFlush(engine) } else { startCompaction(engine) }
    }

    /// - Returns: whether this job may go on.
    private func takeFileJob() -> Bool {
        !isClosing.load(ordering: .acquiring) && !isFileJobRunning.exchange(true, ordering: .acquiringAndReleasing)
    }

    private func startFlush(_ engine: OfflineEngine) {
        guard takeFileJob() else { return }
        do {
            guard let job = try engine.beginFlush() else { return endFileJob() }
            fileWorker.submit {
                job.run(crew: self.crew)
                self.engine.run { self.finishFlush(job, $0) }
            }
        } catch {
            endFileJob(error)
        }
    }

    private func finishFlush(_ job: FlushJob, _ engine: OfflineEngine) {
        do {
            try engine.store.finishFlush(job)
            lastFlush.withLock { $0 = Monotonic.now() }
            onDurable(store.durablePosition)
            endFileJob()
            startFileJob(engine)
        } catch {
            endFileJob(error)
        }
    }

    private func startCompaction(_ engine: OfflineEngine) {
        guard takeFileJob() else { return }
        do {
            guard let job = try engine.store.beginCompaction() else { return endFileJob() }
            fileWorker.submit {
                job.run(crew: self.crew, isCancelled: { self.isClosing.load(ordering: .relaxed) })
                self.engine.run { engine in
                    do throws(HeadwaterError) {
                        try engine.store.finishCompaction(job)
                        self.endFileJob()
                        self.startFileJob(engine)
                    } catch { self.endFileJob(error) }
                }
            }
        } catch {
            endFileJob(error)
        }
    }

    private func endFileJob(_ error: HeadwaterError? = nil) {
        isFileJobRunning.store(false, ordering: .releasing)
        if let error, error.code != .cancelled {
            logger.error("writing chunks failed; nothing is lost, it is tried again", metadata: ["error": "\(error)"])
        }
    }

    /// Flushes everything: what is applied is durable then.
    ///
    /// - Throws: what the disk says; `CancellationError` when the task is cancelled, or the service ends.
    func flush() async throws {
        try await waitForFileJob { Task.isCancelled }
        defer { endFileJob() }
        try await flushAll()
    }

    private func waitForFileJob(_ isCancelled: @Sendable () -> Bool) async throws {
        while !takeFileJob() {
            guard !isClosing.load(ordering: .acquiring), !isCancelled() else { throw CancellationError() }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    private func flushAll() async throws {
        try await engine.call { engine in
            try engine.flush(crew: self.crew)
            self.onDurable(self.store.durablePosition)
        }
    }

    /// Flushes everything and merges a group, or for `nil` every group, to one run, for the `compact` command.
    ///
    /// - Throws: what the disk says; `.cancelled` when nobody waits for it any more, or the service ends.
    func compact(_ group: GroupID?, isCancelled: @escaping @Sendable () -> Bool) async throws {
        try await waitForFileJob(isCancelled)
        defer { endFileJob() }
        try await flushAll()
        // Following goes on meanwhile: only this job begins and finishes compactions now.
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            fileWorker.submit(orNot: { isActive in
                guard isActive else { return continuation.resume(throwing: CancellationError()) }
                continuation.resume(
                    with: Result {
                        try self.store.compact(
                            group, crew: self.crew, isCancelled: { isCancelled() || self.isClosing.load(ordering: .relaxed) })
                    })
            })
        }
    }

    // MARK: Timers

    func tick() { gate.expire(now: Monotonic.now()) }

    /// Called once a second: a flush that is due by time, or that failed while memory is so full that the log waits for it.
    func housekeep() {
        engine.run { engine in
            let isOld = Monotonic.now() - self.lastFlush.withLock { $0 } >= self.flushInterval
            if isOld || engine.isFlushDue, self.store.appliedPosition > self.store.durablePosition { self.startFlush(engine) }
        }
    }

    /// Ends the service; what is in memory is flushed, so that the next start need not read the log again.
    ///
    /// - Parameter isReplaced: its history is given up for another one, so nothing is flushed.
    func close(isReplaced: Bool = false) async {
        gate.close()
        isClosing.store(true, ordering: .releasing)
        // The running file job ends first: a compaction gives up, a flush finishes.
        await fileWorker.shutdown()
        do {
            try await engine.call { engine in
                defer { engine.close() }
                if engine.state.failure == nil, !isReplaced {
                    try engine.flush()
                    self.onDurable(self.store.durablePosition)
                }
            }
        } catch { logger.error("the last flush failed; the log still holds its rows", metadata: ["error": "\(error)"]) }
        await engine.worker.shutdown()
    }
}
