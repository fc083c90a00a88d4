internal import Catalog
public import FeatureModel

/// A store and all that the log says beside its rows, folded record by record: the one text of "every state is a fold of one log"
/// (promise P4).
///
/// The owner of the log folds what it has just written, and at its start what stands behind its
/// snapshot; the offline service folds what it follows; a reader of a directory where no server runs
/// folds the log's end in memory. All by `apply`, so that all say the same of the same records. A fold
/// never refuses: what can be refused is refused before it is logged, and what fails here is damage.
///
/// Belongs to one thread; others read the store, and what its owner publishes of `state`.
public final class Replica<Store: ReplicaStore> {
    public let store: Store
    public internal(set) var state: ReplicaState
    private var holds = RetentionHolds()
    private let plans = SingleRowPlans()
    private var open = OpenQuestions()
    /// Told of a new state before the store shows the record that it comes from: so who sees the record's position in the history
    /// finds its definitions. The owner of the log publishes by itself, and tells positions only then.
    private let stateChanged: (ReplicaState) -> Void

    /// - Parameters:
    ///   - kept: the state that was kept beside the store, at the store's position.
    ///   - stateChanged: told where definitions or gaps changed.
    /// - Throws: as `ReplicaState.init(decoding:)`.
    public init(
        _ store: Store, kept: [UInt8], stateChanged: @escaping (ReplicaState) -> Void = { _ in }
    ) throws(HeadwaterError) {
        self.store = store
        self.stateChanged = stateChanged
        state = try ReplicaState(decoding: kept[...])
        holdRows()
    }

    public var appliedPosition: Position { store.appliedPosition }

    /// Folds a record of the log; one that has been folded already is passed over.
    ///
    /// - Parameter notice: told of damage in the store that the record met; it is folded all the same.
    /// - Throws: `.dataLoss` naming the position, where records before it are missing, the log has lost what the store holds, or
    ///   the record cannot be read. Nothing is changed then.
    public func apply(_ record: Record, notice: (HeadwaterError) -> Void = { _ in }) throws(HeadwaterError) {
        defer { settle(notice) }
        try fold(record, notice)
    }

    /// Folds records of the log, as one by one. What many of them ask of the store it is asked together.
    public func apply(_ records: [Record], notice: (HeadwaterError) -> Void = { _ in }) throws(HeadwaterError) {
        defer { settle(notice) }
        for record in records { try fold(record, notice) }
    }

    private func fold(_ record: Record, _ notice: (HeadwaterError) -> Void) throws(HeadwaterError) {
        guard record.position > appliedPosition else { return }
        // The position is checked before the body is read: behind a hole the body may need definitions that are missing.
        if record.kind != .gap { try checkFollows(record, from: record.position) }
        let body = try DecodedRecord(record, catalog: state.catalog, plans: plans)
        if case .gap(let first) = body { try checkFollows(record, from: first) }
        let isAnswered = Store.hasRows && state.sessions.has(record.stamp.producer)
        apply(record, body, isAnswered: isAnswered, isSettled: !Store.answersTogether, notice)
    }

    /// Folds all records behind the store's position, up to `end`.
    ///
    /// - Parameter read: gives records behind a position, at least one.
    public func catchUp(
        to end: Position, read: (Position) throws(HeadwaterError) -> [Record], notice: (HeadwaterError) -> Void = { _ in }
    ) throws(HeadwaterError) {
        while appliedPosition < end {
            try apply(try read(appliedPosition), notice: notice)
        }
    }

    /// Folds the next record, whose body was read before.
    ///
    /// - Parameters:
    ///   - isAnswered: whether somebody wants to know what the record's
    ///     rows met: its writer, or a session that keeps it for retries.
    ///   - isSettled: whether that is looked up at once; else `settle` is called before the state is read.
    /// - Returns: what the writer of rows is answered.
    @discardableResult
    func apply(
        _ record: Record, _ body: DecodedRecord, isAnswered: Bool, isSettled: Bool = true, _ notice: (HeadwaterError) -> Void
    ) -> WriteAnswer? {
        let applied = AppliedRecord(record, body)
        if open.isFull || open.areTouched(by: applied) { settle(notice) }
        switch body {
        case .definitions(let changes):
            state.catalog.apply(changes, position: record.position)
            stateChanged(state)
            holdRows()
        case .gap(let first):
            state.gaps.append(first...record.position)
            stateChanged(state)
        case .session: state.sessions.open(at: record.position)
        case .rows, .row, .cutoff: break
        }
        store.apply(applied)
        state.noteDeletes(of: applied)
        guard body.kind == .data else { return nil }
        let asked = isAnswered ? question(of: applied) : EffectsQuestion()
        let isOpen = !isSettled && !asked.keys.isEmpty
        let answer = WriteAnswer(
            position: record.position, ingestTime: record.ingestTime, isOpen ? asked.known : effects(asked, notice))
        state.sessions.fold(record.stamp, body: record.body, answer: answer)
        if isOpen { open.add(OpenQuestions.Question(position: record.position, stamp: record.stamp, asked: asked)) }
        return answer
    }

    /// Checks that a record, which takes the positions from `first` on, goes on where the store stands.
    private func checkFollows(_ record: Record, from first: Position) throws(HeadwaterError) {
        let applied = appliedPosition
        guard first > applied else {
            throw HeadwaterError(
                .dataLoss,
                "the log has lost positions \(first) to \(applied), which this store holds: was it restored from an older copy?",
                at: "log position \(record.position)")
        }
        guard first == applied + 1 else {
            throw HeadwaterError(
                .dataLoss, "records \(applied + 1) to \(first - 1) are missing: the log no longer holds them",
                at: "log position \(record.position)")
        }
    }

    /// What is to be looked up for the effects of a record's rows.
    private func question(of record: AppliedRecord) -> EffectsQuestion {
        EffectsQuestion(record, tombstones: state.tombstones, cutoff: { store.cutoff(of: $0, at: record.position) })
    }

    /// The effects of a record's rows as the store stands: a compaction may later drop what a later cutoff hides.
    ///
    /// - Returns: `nil` where damage keeps it from being known; `notice` is told.
    private func effects(_ question: EffectsQuestion, _ notice: (HeadwaterError) -> Void) -> WriteEffects? {
        do throws(HeadwaterError) {
            return try question.effects { (schema, keys, count) throws(HeadwaterError) in
                try store.haveRows(schema, keys: keys, rowCount: count, at: store.appliedPosition)
            }
        } catch {
            notice(error)
            return nil
        }
    }

    /// Looks up, all at once, what the effects of records that were applied are still to be known by.
    private func settle(_ notice: (HeadwaterError) -> Void) {
        if open.isEmpty { return }
        // Most have left their session's window by now, and nobody can ask for them.
        let questions = open.takeAll().filter { state.sessions.keeps($0.stamp, at: $0.position) }
        let together = try? OpenQuestions.effects(of: questions) { (schema, keys, count) throws(HeadwaterError) in
            try store.haveRows(schema, keys: keys, rowCount: count, at: store.appliedPosition)
        }
        for (number, question) in questions.enumerated() {
            // Damage that one of them meets is no other's.
            let found = if let together { together[number] } else { effects(question.asked, notice) }
            state.sessions.settle(question.stamp, at: question.position, found)
        }
    }

    private func holdRows() {
        guard Store.keepsHistory else { return }
        holds.update(state.catalog)
        store.hold(holds)
    }
}
