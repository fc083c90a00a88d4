import Catalog
public import FeatureModel
public import Log
public import OnlineStore

/// The write path: owns log, catalog, producer window and online store, and applies every record to them in order.
///
/// 1. Commands enter by `submit`.
/// 2. `prepareGroup` checks them and gives each its position in the log; those that need no record are answered at once.
/// 3. `commitGroup` is the one step that waits for the disk.
/// 4. `completeGroup` applies what is durable, shows it to readers, and hands back what became of each command.
///
/// A plain single-threaded state machine. Reads go straight to `store` and `state`, from any thread.
public final class OnlineEngine {
    public private(set) var options: OnlineOptions
    public let state = OnlineState()
    /// Trusted time as it was at the open; `nil` where no boot clock was given. From then on the edge keeps it.
    public let clockAtOpen: TrustedClock?
    /// The log as those see it who do not write it: its followers, and what is kept beside it.
    let recordLog: any RecordLog
    let log: any LogWriting
    let replica: Replica<OnlineStore>

    private(set) var failure: HeadwaterError?
    private var queue: [(token: Token, command: OnlineCommand)] = []
    /// Commands of the group under way, by rising position.
    private var staged: [StagedCommand] = []
    /// Written and acknowledged, but not synced: only in `interval` mode.
    private var unsyncedSince: Microseconds?
    private var limits: WriteLimits
    private var keptClock: KeptClock

    /// Bytes of bodies that are applied between two rounds of answers.
    private static let answeredBytes = 128 << 10

    /// Goes on where an open has brought everything to the log's end.
    init(
        _ options: OnlineOptions, recordLog: any RecordLog, log: any LogWriting, replica: Replica<OnlineStore>,
        replayedBytes: Int, keptClock: KeptClock, clockAtOpen: TrustedClock?
    ) throws(HeadwaterError) {
        self.options = Sabotage.acknowledgeBeforeSync.isPlanted ? options.acknowledgingEarly : options
        self.recordLog = recordLog
        self.log = log
        self.replica = replica
        self.keptClock = keptClock
        self.clockAtOpen = clockAtOpen
        limits = WriteLimits(options, replica.store, try log.retention(), bytesSinceSnapshot: replayedBytes)
        publish()
    }

    /// Changes what rows and log may take, and when a snapshot is due; all else stays as it was at the open.
    public func setLimits(of new: OnlineOptions) {
        options.logBytesMax = new.logBytesMax
        options.memoryBytesMax = new.memoryBytesMax
        options.snapshotMemoryBytes = new.snapshotMemoryBytes
        limits.change(to: options)
    }

    public var logID: LogID { log.logID }
    /// Whether the owner of the log before this one ended cleanly; `nil` for a new log, which had none.
    public var endedCleanly: Bool? { log.writerEpoch == 1 ? nil : log.wasClosed }

    public var store: OnlineStore { replica.store }
    var catalog: Catalog { replica.state.catalog }
    // The window is yielded and not copied: destroying a copy would cost as much as the window holds.
    private var sessions: ProducerWindow { _read { yield replica.state.sessions } }

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
        stamps.reserveCapacity(queue.count)
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
    /// Commands in the prepared group.
    public var preparedCount: Int { staged.count }

    /// Writes the prepared group to the log and, in `sync` durability, waits until it is on the disk.
    ///
    /// - Parameter written: called between the two.
    /// - Returns: what was written, for `completeGroup`. A failure is final for the engine's writes.
    public func commitGroup(written: () -> Void = {}) -> Result<[Record], HeadwaterError> {
        Result { () throws(HeadwaterError) in
            if Sabotage.unansweredAppendCounts.isPlanted { return staged.writeThatCounts(log) }
            let records = try log.write()
            if case .sync = options.durability {
                written()
                _ = try log.sync()
            }
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
        defer {
            staged = []
            limits.groupEnds()
        }
        switch result {
        case .failure(let error):
            failure = error
            publish()
            if Sabotage.followersToldOK.isPlanted { return answer(staged.answersThatLie(error)) }
            answer(staged.map { OnlineCompletion(token: $0.token, outcome: .failed(error)) })
        case .success(let records):
            precondition(records.map(\.position) == staged.map(\.position), "the log gives back what was staged")
            unsyncedSince = log.durablePosition < log.lastPosition ? unsyncedSince ?? elapsed : nil
            var completions: [OnlineCompletion] = []
            var bytes = 0
            for (record, command) in zip(records, staged) {
                completions.append(OnlineCompletion(token: command.token, outcome: apply(record, command)))
                bytes += record.body.count
                limits.noteLogged(record.body.count)
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

    // MARK: Staging and applying a command

    /// Gives a command its place in the log.
    ///
    /// - Returns: the answer of a command that needs no record; `nil` where it was staged.
    private func stage(_ command: OnlineCommand, token: Token, now: Microseconds) throws(HeadwaterError) -> OnlineOutcome? {
        if let failure {
            throw HeadwaterError(
                .unavailable,
                "no write is taken since the log failed (\(failure.description)): restart the server when the disk is sound")
        }
        switch command {
        case .write(let write):
            return try stage(write, command, token: token, now: now)
        case .retry(let stamp, let bodyChecksum, let bodyBytes, let error):
            let verdict = try sessions.judge(stamp, bodyChecksum: bodyChecksum, bodyBytes: bodyBytes)
            guard case .duplicate(let answer) = verdict else { throw error }
            return Self.written(answer, isDuplicate: true)
        case .define(let definitions):
            try checkPositions(definitions.datasets)
            return try stage(try catalog.plan(definitions), command, token: token, now: now)
        case .promote(let promotion, let history):
            let plan = try catalog.plan(promotion, figures: store.figures(history: history))
            return try stage(plan, command, token: token, now: now)
        case .remove(let removal, let history):
            let plan = try catalog.plan(removal, figures: store.figures(history: history))
            return try stage(plan, command, token: token, now: now)
        case .openProducer:
            try stage(.session, body: [], command, token: token, now: now)
        case .cutoff(let cutoff):
            try stage(.cutoff(cutoff), body: cutoff.encode()[...], command, token: token, now: now)
        }
        return nil
    }

    /// Stages the changes of a plan, unless something in it is refused.
    private func stage(
        _ plan: Plan, _ command: OnlineCommand, token: Token, now: Microseconds
    ) throws(HeadwaterError) -> OnlineOutcome? {
        let changes = try plan.approved()
        if changes.isEmpty { return .defined(plan, position: catalog.position) }
        let body = CatalogRecordBody.encode(changes)
        try stage(.definitions(changes), body: body[...], command, token: token, now: now, plan: plan)
        return nil
    }

    private func stage(
        _ write: CheckedWrite, _ command: OnlineCommand, token: Token, now: Microseconds
    ) throws(HeadwaterError) -> OnlineOutcome? {
        var content = write.content
        if write.stamp != .none {
            let verdict = try sessions.judge(
                write.stamp, bodyChecksum: CRC32C.checksum(write.body), bodyBytes: write.body.count)
            if case .duplicate(let answer) = verdict { return Self.written(answer, isDuplicate: true) }
        }
        if write.catalogPosition != catalog.position {
            content = try CheckedWrite(
                body: write.body, stamp: write.stamp, catalog: catalog, now: now, plans: state.plans
            ).content
        }
        try limits.admit(content)
        try stage(content, stamp: write.stamp, body: write.body, command, token: token, now: now)
        return nil
    }

    private func stage(
        _ decoded: DecodedRecord, stamp: ProducerStamp = .none, body: ArraySlice<UInt8>,
        _ command: OnlineCommand, token: Token, now: Microseconds, plan: Plan? = nil
    ) throws(HeadwaterError) {
        defer { noteLogFailure() }
        let position = try log.stage(kind: decoded.kind, stamp: stamp, body: body, now: now)
        staged.append(StagedCommand(token: token, command: command, position: position, body: decoded, plan: plan))
    }

    /// Refuses datasets of a position that nobody can have read yet.
    private func checkPositions(_ datasets: [DatasetDefinition]) throws(HeadwaterError) {
        for dataset in datasets where dataset.query.asOf > log.durablePosition {
            throw HeadwaterError(
                .outOfRange,
                "dataset '\(dataset.name)' is as of position \(dataset.query.asOf), and the log ends at \(log.durablePosition)")
        }
    }

    /// Applies one record of a committed group and says what became of its command.
    private func apply(_ record: Record, _ staged: StagedCommand) -> OnlineOutcome {
        var damage: HeadwaterError?
        let answer = replica.apply(record, staged.body, isAnswered: true) { damage = $0 }
        switch staged.command {
        case .write: return Self.written(answer!, isDuplicate: false, damage)
        case .define, .promote, .remove: return .defined(staged.plan!, position: record.position)
        case .openProducer: return .openedProducer(record.position, epoch: 1)
        case .cutoff: return .cutOff(record.position)
        case .retry: preconditionFailure("a retry is never staged")
        }
    }

    /// The outcome of a write that stands in the log: an error where damage kept its answer from being known, at each attempt.
    private static func written(_ answer: WriteAnswer, isDuplicate: Bool, _ damage: HeadwaterError? = nil) -> OnlineOutcome {
        guard answer.newerKeyCount == nil else { return .written(answer, isDuplicate: isDuplicate) }
        return .failed(
            HeadwaterError(
                .dataLoss,
                "the write is taken, at position \(answer.position), but for which of its rows a newer one wins cannot be told: "
                    + (damage?.description ?? "damage or a failing disk kept it from being known when the log was applied")))
    }

    // MARK: Snapshots, and what the log keeps

    /// Whether enough gathered in memory, or in the log behind the last snapshot, that one should be taken.
    public var isSnapshotDue: Bool { failure == nil && limits.isSnapshotDue }

    /// Cuts a snapshot at the applied position, which is made durable first.
    ///
    /// - Throws: `.unavailable` where the log has failed.
    public func beginSnapshot() throws(HeadwaterError) -> SnapshotJob {
        sync()
        if let failure { throw failure }
        let cut = store.beginSnapshot()
        limits.snapshotBegins()
        return SnapshotJob(cut: cut, extra: replica.state.encode(), store: store)
    }

    /// Puts a written snapshot in force and lets go of the log behind it that no follower needs.
    public func finishSnapshot(_ written: WrittenSnapshot) throws(HeadwaterError) {
        try store.adopt(written)
        try trimLog()
    }

    /// Removes log segments that lie behind the snapshot and behind every follower, and measures what is kept.
    public func trimLog() throws(HeadwaterError) {
        guard failure == nil else { return }
        defer { noteLogFailure() }
        try log.removeSegments(keepingFrom: store.snapshotPosition + 1)
        limits.retention = try log.retention()
    }

    /// The bytes that the log keeps, and the follower that is furthest behind, as last measured.
    public var logRetention: LogRetention { limits.retention }

    /// Prepares the log's next segment, and reserves positions, while nobody waits.
    public func prepareAhead() {
        reserveAhead()
        // A full disk shows itself to the append that needs the room; an idle moment has nobody to tell.
        if failure == nil { try? log.roomAhead?.step() }
        noteLogFailure()
    }

    /// Reserves positions while nobody waits.
    public func reserveAhead() {
        if failure == nil { try? log.reserveAhead() }
        noteLogFailure()
    }

    /// The log's next segment, for a thread that prepares it beside the writer; `nil` where none of it is due.
    public var roomAhead: (any RoomAhead)? {
        guard failure == nil, let room = log.roomAhead, room.isDue else { return nil }
        return room
    }

    /// Puts the clock beside the log where it has moved since it was put there: in the order of writes, for this waits for
    /// the disk.
    ///
    /// - Parameters:
    ///   - atEnd: also where it has hardly moved: a store that is only read is in use too.
    ///   - notice: told why it could not be kept; the clock goes on, only a restart would know less, and it is tried again
    ///     when it has moved on.
    public func keep(_ clock: TrustedClock, atEnd: Bool = false, _ notice: (String) -> Void) {
        if failure == nil { keptClock.keep(clock, always: atEnd, notice) }
    }

    // MARK: Durability and the end

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
    private func noteLogFailure() {
        guard failure == nil, let error = log.failure else { return }
        failure = error
        publish()
    }

    private func publish() {
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
