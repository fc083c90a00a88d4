public import Catalog
public import FeatureModel
public import OfflineStore
public import StorageIO
internal import Synchronization

/// Settings of the offline engine.
public struct OfflineEngineOptions: Sendable {
    public var store = OfflineOptions()
    /// Bytes of rows in memory after which they go to chunks.
    public var flushMemoryBytes = 128 << 20

    public init() {}
}

/// What other threads may know of the offline engine.
public final class OfflineState: Sendable {
    private let state = Mutex((folded: EngineState(), failure: HeadwaterError?.none))

    public var catalog: Catalog { state.withLock { $0.folded.catalog } }
    /// Positions that recoveries of the log skipped.
    public var gaps: [ClosedRange<Position>] { state.withLock { $0.folded.gaps } }
    /// Why nothing more is applied; `nil` while all is well.
    public var failure: HeadwaterError? { state.withLock { $0.failure } }

    func publish(_ folded: EngineState, failure: HeadwaterError?) { state.withLock { $0 = (folded, failure) } }
}

/// The follower that keeps history: folds log records into catalog and offline store, wherever they come from.
///
/// A plain single-threaded state machine; reads go to `store.view()` and `state` from any thread. It never holds a record
/// that is not durable in the log: its sources give none.
public final class OfflineEngine {
    public let store: OfflineStore
    public let options: OfflineEngineOptions
    public let state: OfflineState
    private var folded: EngineState
    private var promises = DatasetPromises()
    private var failure: HeadwaterError?

    /// Opens the offline store of `dataDirectory` as its owner.
    ///
    /// - Parameter logID: the log it follows; `nil`: the one it has followed so far, which must then exist.
    /// - Throws: `.failedPrecondition` where another process owns it or it belongs to another log, `.dataLoss` for damage.
    public init(
        storage: any Storage, dataDirectory: String, logID: [UInt8]?, options: OfflineEngineOptions
    ) throws(HeadwaterError) {
        store = try OfflineStore(dataDirectory: dataDirectory, logID: logID, storage: storage, options: options.store)
        self.options = options
        do { folded = try EngineState(decoding: store.extra[...]) } catch {
            store.close()
            throw error
        }
        state = OfflineState()
        state.publish(folded, failure: nil)
        keepPromises()
    }

    private func keepPromises() {
        promises.update(folded.catalog)
        store.keepRows(asOf: promises.positions)
    }

    /// Applies records in order; those already applied are passed over.
    ///
    /// - Parameter notice: told of damage in the history that a record met; the record is applied all the same.
    /// - Throws: `.dataLoss` for a hole in the positions or a record that cannot be read; nothing more is applied then.
    public func apply(_ records: [Record], notice: (HeadwaterError) -> Void = { _ in }) throws(HeadwaterError) {
        if let failure { throw failure }
        do {
            for record in records where record.position > store.appliedPosition { try apply(record, notice) }
        } catch {
            failure = error
            state.publish(folded, failure: error)
            throw error
        }
    }

    private func apply(_ record: Record, _ notice: (HeadwaterError) -> Void) throws(HeadwaterError) {
        var first = record.position
        if record.kind == .gap, record.body.count == 8 { first = record.body.littleEndian(at: 0) }
        guard first <= store.appliedPosition + 1 else {
            throw HeadwaterError(
                .dataLoss, "records \(store.appliedPosition + 1) to \(first - 1) are missing: the log no longer holds them",
                at: "log position \(record.position)")
        }
        try folded.fold(record, applied: store.appliedPosition)
        if record.kind == .definitions || record.kind == .gap { state.publish(folded, failure: nil) }
        if record.kind == .definitions { keepPromises() }
        let applied = try Fold.applied(record, catalog: folded.catalog)
        store.apply(applied)
        folded.noteDeletes(applied)
        folded.foldSession(record) { effects(of: applied, $0, notice) }
    }

    /// What the rows of a record met, now that it is applied: what the online store answered.
    ///
    /// Asked at once and not at the flush: a compaction may by then have dropped what a cutoff behind the record hides.
    private func effects(
        of record: AppliedRecord, _ tombstones: NewestTombstones, _ notice: (HeadwaterError) -> Void
    ) -> WriteEffects? {
        do throws(HeadwaterError) {
            return try WriteEffects(
                record, tombstones: tombstones, cutoff: { store.cutoff(of: $0, asOf: record.position) },
                exists: { (schema, keys, count) throws(HeadwaterError) in
                    try OfflineReads.exist(schema, keys: keys, rowCount: count, in: store.view(), asOf: record.position)
                })
        } catch {
            notice(error)
            return nil
        }
    }

    public var isFlushDue: Bool { failure == nil && store.memoryBytes >= options.flushMemoryBytes }

    /// Freezes memory for a flush, with the catalog of that position.
    public func beginFlush() throws(HeadwaterError) -> FlushJob? { try store.beginFlush(extra: folded.encode()) }

    /// Flushes in one go, on this thread.
    ///
    /// - Throws: what the disk says; `.cancelled` where `isCancelled` said so.
    public func flush(
        crew: WorkCrew = .alone, isCancelled: () -> Bool = { false }
    ) throws(HeadwaterError) { try store.flush(extra: folded.encode(), crew: crew, isCancelled: isCancelled) }

    public func close() { store.close() }
}
