import Catalog
import FeatureModel
import Log
import OnlineStore

extension OnlineEngine {
    /// Gives a command its place in the log.
    ///
    /// - Returns: the answer of a command that needs no record; `nil` where it was staged.
    func stage(_ command: OnlineCommand, token: Token, now: Microseconds) throws(HeadwaterError) -> OnlineOutcome? {
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
        var entries = write.entries
        if write.stamp != .none {
            let verdict = try sessions.judge(
                write.stamp, bodyChecksum: CRC32C.checksum(write.body), bodyBytes: write.body.count)
            if case .duplicate(let answer) = verdict { return Self.written(answer, isDuplicate: true) }
        }
        if write.catalogPosition != catalog.position {
            entries = try CheckedWrite(body: write.body, stamp: write.stamp, catalog: catalog, now: now).entries
        }
        try checkLogSize()
        try reserveMemory(entries)
        try stage(.rows(entries), stamp: write.stamp, body: write.body, command, token: token, now: now)
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

    /// Refuses writes whose rows may not fit under the cap: here, as a fold refuses nothing.
    ///
    /// Reckons with every row as new. Deletes make room at the next snapshot, so they may go an eighth beyond.
    private func reserveMemory(_ entries: [AppliedEntry]) throws(HeadwaterError) {
        guard let most = options.memoryBytesMax else { return }
        let isDelete = entries.allSatisfy { $0.operation == .delete }
        let wanted = entries.reduce(0) { $0 + OnlineStore.memoryBytesMax(of: $1) }
        let taken = store.residentBytes + stagedMemoryBytes
        guard taken + wanted <= (isDelete ? most + most / 8 : most) else {
            throw HeadwaterError(
                .resourceExhausted,
                "rows take \(taken) bytes of memory and this write up to \(wanted) more, over the cap of \(most): "
                    + "raise --memory-bytes-max, delete rows, or give groups a retention")
        }
        stagedMemoryBytes += wanted
    }

    /// Refuses writes while the log is over its limit, and says for whom it is kept.
    private func checkLogSize() throws(HeadwaterError) {
        guard let retention, retention.retainedBytes > options.logBytesMax else { return }
        let reason: String
        if let follower = retention.slowestFollower, follower.position <= store.snapshotPosition {
            reason =
                "follower '\(follower.name)' has only read up to \(follower.position): start it, or let it go with "
                + "'headwater log forget \(follower.name)'"
        } else {
            reason =
                "the last snapshot is at \(store.snapshotPosition): run 'headwater snapshot', and see that the disk has room for it"
        }
        throw HeadwaterError(
            .resourceExhausted,
            "the log holds \(retention.retainedBytes) bytes, over its limit of \(options.logBytesMax); \(reason)")
    }

    /// Applies one record of a committed group and says what became of its command.
    func apply(_ record: Record, _ staged: StagedCommand) -> OnlineOutcome {
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
}
