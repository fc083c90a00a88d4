import Catalog
public import FeatureModel
public import Log
public import OnlineStore
import StorageIO

/// Settings of the online engine. Sizes in bytes, times in microseconds.
public struct OnlineOptions: Sendable {
    public var durability = Durability.sync
    public var log = LogOptions()
    /// The log never grows over this for the sake of a follower that does not come: writes are refused instead.
    public var logBytesMax = 64 << 30
    /// Rows in memory after which a snapshot is due.
    public var snapshotMemoryBytes = 256 << 20
    /// Bytes that rows may take in memory, the mapped snapshot counted; beyond it writes are refused. `nil`: no cap.
    public var memoryBytesMax: Int?
    /// Bytes of bodies in the log after which a snapshot is due, however little memory they take: what a restart replays at most.
    public var snapshotLogBytes = 1 << 30
    /// Bytes of bodies that one group commit takes.
    public var groupBytesMax = 64 << 20

    public init() {}
}

/// The write path: owns log, catalog, producer window and online store, and applies every record to them in order.
///
/// A plain single-threaded state machine. Commands enter by `submit`; `prepareGroup` checks and stages them; `commitGroup` is
/// the one step that waits for the disk; `completeGroup` applies what is durable and hands back what became of each command.
/// Reads go straight to `store` and `state`, from any thread.
public final class OnlineEngine {
    let storage: any Storage
    let directory: String
    public let options: OnlineOptions
    /// The log as those see it who do not write it: its followers, and what is kept beside it.
    let recordLog: any RecordLog
    let log: any LogWriting
    let replica: Replica<OnlineStore>
    public let state: OnlineState

    /// Bytes of bodies that are applied between two rounds of answers.
    private static let answeredBytes = 128 << 10

    private var queue: [(token: Token, command: OnlineCommand)] = []
    /// Commands of the group under way, by rising position.
    var staged: [StagedCommand] = []
    /// Written and acknowledged, but not synced: only in `interval` mode.
    private var unsyncedSince: Microseconds?
    var failure: HeadwaterError?
    /// Bytes of bodies logged since the last snapshot was begun.
    var bytesSinceSnapshot = 0
    /// What the rows of the group under way may take in memory.
    var stagedMemoryBytes = 0
    /// What the log keeps, measured now and then rather than at each write.
    var retention: LogRetention?
    /// Trusted time as it was at the open; `nil` where no boot clock was given. From then on the edge keeps it.
    public internal(set) var clockAtOpen: TrustedClock?
    /// What is kept of the clock beside the log.
    var savedClock: ClockMark?

    struct StagedCommand {
        let token: Token
        let command: OnlineCommand
        let position: Position
        /// The content of its record.
        let body: DecodedRecord
        /// The plan behind definitions.
        let plan: Plan?
    }

    init(
        storage: any Storage, directory: String, options: OnlineOptions, recordLog: any RecordLog, log: any LogWriting,
        replica: Replica<OnlineStore>
    ) {
        self.storage = storage
        self.directory = directory
        self.options = Sabotage.acknowledgeBeforeSync.isPlanted ? options.acknowledgingEarly : options
        self.recordLog = recordLog
        self.log = log
        self.replica = replica
        state = OnlineState()
        publish()
    }

    public var logID: LogID { log.logID }
    /// Whether the owner of the log before this one ended cleanly; `nil` for a new log, which had none.
    public var endedCleanly: Bool? { log.writerEpoch == 1 ? nil : log.wasClosed }

    public var store: OnlineStore { replica.store }
    var catalog: Catalog { replica.state.catalog }
    // The window is yielded and not copied: destroying a copy would cost as much as the window holds.
    var sessions: ProducerWindow { _read { yield replica.state.sessions } }

    public var hasQueuedCommands: Bool { !queue.isEmpty }

    /// Queues a command for the next group.
    public func submit(_ command: OnlineCommand, token: Token) { queue.append((token, command)) }

    /// Stages queued commands for one group commit, and answers those that need no commit: refusals and retries.
    ///
    /// Definitions are a group of their own, so that every write is checked against a catalog that is in force.
    public func prepareGroup(now: Microseconds) -> [OnlineCompletion] {
        precondition(staged.isEmpty, "one group at a time")
        var completions: [OnlineCompletion] = []
        var stamps: Set<ProducerStamp> = []
        var bytes = 0
        var taken = 0
        for (token, command) in queue {
            if command.changesDefinitions, taken > 0 { break }
            if case .write(let write) = command {
                // A retry that meets its first attempt inside one group waits for that one's answer.
                if write.stamp != .none && !stamps.insert(write.stamp).inserted { break }
                bytes += write.body.count
                if bytes > options.groupBytesMax && taken > 0 { break }
            }
            taken += 1
            do {
                if let answer = try stage(command, token: token, now: now) {
                    completions.append(OnlineCompletion(token: token, outcome: answer))
                }
            } catch {
                completions.append(OnlineCompletion(token: token, outcome: .failed(error)))
            }
            if command.changesDefinitions { break }
        }
        queue.removeFirst(taken)
        // Positions count as given out before anybody can have seen one.
        if !staged.isEmpty { publish() }
        return completions
    }

    /// Whether a prepared group waits to be committed.
    public var hasPreparedGroup: Bool { !staged.isEmpty }

    /// Writes the prepared group to the log and, in `sync` durability, waits until it is on the disk.
    ///
    /// - Returns: what was written, for `completeGroup`. A failure is final for the engine's writes.
    public func commitGroup() -> Result<[Record], HeadwaterError> {
        Result { () throws(HeadwaterError) in
            if Sabotage.unansweredAppendCounts.isPlanted { return writeThatCounts() }
            let records = try log.write()
            if case .sync = options.durability { _ = try log.sync() }
            return records
        }
    }

    /// Applies a committed group, publishes it, and answers its commands.
    ///
    /// - Parameters:
    ///   - elapsed: a clock that nobody sets: what `syncDue` is told by.
    ///   - answer: takes completions as they come, some at a time: who wrote much need not wait for all the others' rows.
    public func completeGroup(
        _ result: Result<[Record], HeadwaterError>, elapsed: Microseconds, answer: ([OnlineCompletion]) -> Void
    ) {
        defer { (staged, stagedMemoryBytes) = ([], 0) }
        switch result {
        case .failure(let error):
            failure = error
            publish()
            if Sabotage.followersToldOK.isPlanted { return answer(answersThatLie(error)) }
            answer(staged.map { OnlineCompletion(token: $0.token, outcome: .failed(error)) })
        case .success(let records):
            precondition(records.map(\.position) == staged.map(\.position), "the log gives back what was staged")
            unsyncedSince = log.durablePosition < log.lastPosition ? unsyncedSince ?? elapsed : nil
            var completions: [OnlineCompletion] = []
            var bytes = 0
            for (record, command) in zip(records, staged) {
                completions.append(OnlineCompletion(token: command.token, outcome: apply(record, command)))
                bytes += record.body.count
                bytesSinceSnapshot += record.body.count
                guard bytes >= Self.answeredBytes else { continue }
                publish()
                answer(completions)
                (completions, bytes) = ([], 0)
            }
            publish()
            if !completions.isEmpty { answer(completions) }
        }
    }

    /// The same, with all completions together.
    public func completeGroup(_ result: Result<[Record], HeadwaterError>, elapsed: Microseconds) -> [OnlineCompletion] {
        var completions: [OnlineCompletion] = []
        completeGroup(result, elapsed: elapsed) { completions += $0 }
        return completions
    }

    /// Submits nothing, waits for nothing: runs queued commands to their end. What a thread that may block calls.
    public func runQueue(now: () -> Microseconds) -> [OnlineCompletion] {
        var completions: [OnlineCompletion] = []
        while hasQueuedCommands {
            completions += prepareGroup(now: now())
            if hasPreparedGroup { completions += completeGroup(commitGroup(), elapsed: now()) }
        }
        return completions
    }

    /// When the next sync is due in `interval` durability, on the clock of `completeGroup`; `nil` where nothing waits for one.
    public var syncDue: Microseconds? {
        guard case .interval(let interval) = options.durability, let since = unsyncedSince else { return nil }
        return since + interval
    }

    /// Makes durable what was acknowledged before its sync. A failure ends the engine's writes for good.
    public func sync() {
        guard failure == nil else { return }
        do {
            if log.durablePosition < log.lastPosition { _ = try log.sync() }
            unsyncedSince = nil
        } catch {
            failure = error
        }
        publish()
    }

    /// Takes over a failure that the log met by itself, so that status tells it.
    func noteLogFailure() {
        guard failure == nil, let error = log.failure else { return }
        failure = error
        publish()
    }

    func publish() {
        var snapshot = OnlineState.Snapshot()
        snapshot.catalog = catalog
        snapshot.durablePosition = log.durablePosition
        snapshot.lastPosition = log.lastPosition
        snapshot.failure = failure
        snapshot.producerSessions = sessions.sessions.count
        snapshot.gaps = replica.state.gaps
        state.publish(snapshot)
    }

    /// Syncs, gives up the locks and ends; a clean end needs no recovery.
    public func close() throws(HeadwaterError) {
        defer { store.close() }
        try log.close(clean: failure == nil)
    }
}
