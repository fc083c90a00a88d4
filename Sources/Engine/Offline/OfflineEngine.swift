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

/// The state of the offline engine that other threads may read.
public final class OfflineState: Sendable {
    private let state = Mutex((catalog: Catalog(), gaps: [ClosedRange<Position>](), failure: HeadwaterError?.none))

    public var catalog: Catalog { state.withLock { $0.catalog } }
    /// Positions that recoveries of the log skipped.
    public var gaps: [ClosedRange<Position>] { state.withLock { $0.gaps } }
    /// Why nothing more is applied; `nil` while all is well.
    public var failure: HeadwaterError? { state.withLock { $0.failure } }

    func publish(_ folded: ReplicaState) { state.withLock { ($0.catalog, $0.gaps) = (folded.catalog, folded.gaps) } }
    func publish(failure: HeadwaterError) { state.withLock { $0.failure = failure } }
}

/// The follower that keeps history: folds log records into catalog and offline store, wherever they come from.
///
/// A plain single-threaded state machine; reads go to `store.view()` and `state` from any thread. It never holds a record
/// that is not durable in the log: its sources give none.
public final class OfflineEngine {
    private let replica: Replica<OfflineStore>
    public private(set) var options: OfflineEngineOptions
    public let state: OfflineState
    private var failure: HeadwaterError?

    /// Opens the offline store of `dataDirectory` as its owner.
    ///
    /// - Parameter logID: the log it follows; `nil`: the one it has followed so far, which must then exist.
    /// - Throws: `.failedPrecondition` where another process owns it or it belongs to another log, `.dataLoss` for damage.
    public init(
        storage: any Storage, dataDirectory: String, logID: [UInt8]?, options: OfflineEngineOptions
    ) throws(HeadwaterError) {
        let store = try OfflineStore(dataDirectory: dataDirectory, logID: logID, storage: storage, options: options.store)
        let state = OfflineState()
        do { replica = try Replica(store, kept: store.extra, stateChanged: state.publish) } catch {
            store.close()
            throw error
        }
        self.options = options
        self.state = state
        state.publish(replica.state)
    }

    public var store: OfflineStore { replica.store }

    /// Changes when a flush is due, and what flushes and compactions that begin from now on may take.
    public func setLimits(of new: OfflineEngineOptions) {
        options.flushMemoryBytes = new.flushMemoryBytes
        options.store.mergeBytesMax = new.store.mergeBytesMax
        store.mergeBytesMax = new.store.mergeBytesMax
    }

    /// Applies records in order; those already applied are passed over.
    ///
    /// - Parameter notice: told of damage in the history that a record met; the record is applied all the same.
    /// - Throws: `.dataLoss` for a hole in the positions or a record that cannot be read; nothing more is applied then.
    public func apply(_ records: [Record], notice: (HeadwaterError) -> Void = { _ in }) throws(HeadwaterError) {
        if let failure { throw failure }
        do {
            try replica.apply(records, notice: notice)
        } catch {
            failure = error
            state.publish(failure: error)
            throw error
        }
    }

    public var isFlushDue: Bool { failure == nil && store.memoryBytes >= options.flushMemoryBytes }

    /// Freezes memory for a flush, with the catalog of that position.
    public func beginFlush() throws(HeadwaterError) -> FlushJob? { try store.beginFlush(extra: replica.state.encode()) }

    /// Flushes in one go, on this thread.
    ///
    /// - Throws: what the disk says; `.cancelled` where `isCancelled` said so.
    public func flush(
        executor: ParallelExecutor = .serial, isCancelled: () -> Bool = { false }
    ) throws(HeadwaterError) { try store.flush(extra: replica.state.encode(), executor: executor, isCancelled: isCancelled) }

    public func close() { store.close() }
}
