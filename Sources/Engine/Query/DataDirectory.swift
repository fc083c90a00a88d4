public import Catalog
public import FeatureModel
public import Log
public import OfflineStore
public import OnlineStore
public import StorageIO

/// A data directory as one reads it where no server runs: under shared locks,
/// changing nothing, each store brought to the end of the log in memory.
///
/// A directory that a server owns is refused, with its process and its address. Belongs to one thread.
public final class DataDirectory {
    /// Bytes of records that are folded at a time.
    private static let readBytes = 16 << 20

    public let path: String
    public let storage: any Storage
    public let recordLog: any RecordLog
    public let log: any LogReading
    private let isCancelled: () -> Bool

    /// - Parameter isCancelled: asked now and then while the log is folded.
    /// - Throws: `.notFound` where there is no log, `.dataLoss` for a damaged one.
    public init(
        _ path: String, storage: any Storage, isCancelled: @escaping () -> Bool = { false }
    ) throws(HeadwaterError) {
        self.path = path
        self.storage = storage
        self.isCancelled = isCancelled
        recordLog = FileLog(in: path, storage)
        do throws(HeadwaterError) {
            log = try recordLog.openReader()
        } catch  where error.code == .notFound {
            throw HeadwaterError(.notFound, "there is no log here: check --data", at: path)
        }
    }

    public var hasHistory: Bool { OfflineStore.exists(in: path, storage: storage) }

    /// The online store at the log's end: its snapshot, and in memory what the log has behind it.
    ///
    /// - Throws: `.outOfRange` where the log does not have `minPosition`,
    ///   `.failedPrecondition` where a server owns the store, `.dataLoss`.
    /// - Complexity: O(log behind the snapshot), in memory too.
    public func online(minPosition: Position = 0) throws(HeadwaterError) -> OnlineDirectory {
        try check(minPosition)
        let store = try openOnline()
        let replica = try Replica(store, kept: store.recoveredExtra)
        try follow(replica)
        return OnlineDirectory(store: store, catalog: replica.state.catalog)
    }

    /// The history at the log's end: the offline store, and in memory what the log has behind it.
    ///
    /// - Throws: as `online`, and `.notFound` where there is none.
    public func history(minPosition: Position = 0) throws(HeadwaterError) -> HistoryDirectory {
        try check(minPosition)
        let store = try openOffline()
        guard store.logID == log.logID.bytes else {
            throw HeadwaterError(.failedPrecondition, "the offline store belongs to another log", at: path)
        }
        let replica = try Replica(store, kept: store.extra)
        try follow(replica)
        return HistoryDirectory(store: store, catalog: replica.state.catalog)
    }

    /// The definitions at the log's end: those that a store keeps, and what the log has behind it, without rows.
    ///
    /// - Throws: as `online`.
    public func catalog() throws(HeadwaterError) -> Catalog {
        let (kept, position) = try keptState()
        let replica = try Replica(RowlessStore(appliedPosition: position), kept: kept)
        try follow(replica)
        return replica.state.catalog
    }

    private func keptState() throws(HeadwaterError) -> ([UInt8], Position) {
        if hasHistory {
            let store = try openOffline()
            defer { store.close() }
            return (store.extra, store.durablePosition)
        }
        // The log alone says all, while it has its beginning.
        if try log.lookup(1) != .removed { return ([], 0) }
        let store = try openOnline()
        defer { store.close() }
        return (store.recoveredExtra, store.appliedPosition)
    }

    private func openOnline() throws(HeadwaterError) -> OnlineStore {
        do throws(HeadwaterError) {
            return try OnlineStore.open(
                storage, directory: StoragePath.join(path, "online"), seed: 0, logID: log.logID.bytes, access: .reader)
        } catch { throw advised(error, "online") }
    }

    /// The history as its manifest has it.
    public func openOffline() throws(HeadwaterError) -> OfflineStore {
        do throws(HeadwaterError) {
            return try OfflineStore(dataDirectory: path, logID: nil, storage: storage, readOnly: true)
        } catch { throw advised(error, "offline") }
    }

    /// The refusal of a store that a server holds, with where that serves; any other error as it is.
    private func advised(_ error: HeadwaterError, _ role: String) -> HeadwaterError {
        guard error.isOfHeldLock else { return error }
        let address = AddressFile.address(role, in: path, storage).map { " \($0)" } ?? ""
        return HeadwaterError(
            error.code, "\(error.message); ask the server with --address\(address) instead of reading its directory",
            at: error.location)
    }

    private func check(_ position: Position) throws(HeadwaterError) {
        guard position <= log.durablePosition else {
            throw HeadwaterError(
                .outOfRange,
                "position \(position) is beyond the log's end \(log.durablePosition), and no server runs to wait for it")
        }
    }

    private func follow(_ replica: Replica<some ReplicaStore>) throws(HeadwaterError) {
        try replica.catchUp(to: log.durablePosition) { (position) throws(HeadwaterError) in
            if isCancelled() { throw HeadwaterError(.cancelled, "interrupted while the end of the log was read") }
            return try log.read(after: position, limitBytes: Self.readBytes)
        }
    }
}

/// The online store of a directory where no server runs.
public struct OnlineDirectory {
    public let store: OnlineStore
    public let catalog: Catalog

    /// Serves a resolved feature list.
    ///
    /// - Parameters:
    ///   - columns: a column for each of the plan's keys, then of its request's columns, in its order and of its types.
    ///   - now: the clock for max_age.
    public func get(
        _ plan: FeaturePlan, columns: [Column], rowCount: Int, now: Microseconds
    ) throws(HeadwaterError) -> ServedVectors {
        try OnlineReads.get(plan, columns: columns, rowCount: rowCount, from: store, now: now)
    }
}

/// The history of a directory where no server runs.
public struct HistoryDirectory {
    public let store: OfflineStore
    public let catalog: Catalog

    /// Joins the features of a plan to a spine.
    public func join(
        _ plan: FeaturePlan, spineColumns: [Field], spineTime: String, asOf: Position?, options: HistoryRead.Options,
        memory: MemoryLease, isCancelled: @escaping @Sendable () -> Bool
    ) throws(HeadwaterError) -> HistoryRead {
        let view = store.view()
        return try HistoryRead(
            plan, spineColumns: spineColumns, spineTime: spineTime, view: view, asOf: asOf ?? view.position, options: options,
            memory: memory, isCancelled: isCancelled)
    }

    /// Reads rows of a group.
    public func rows(_ query: RowsQuery, project: String, executor: ParallelExecutor) throws(HeadwaterError) -> RowsRead {
        try RowsRead(query, project: project, catalog: catalog, view: store.view(), executor: executor)
    }
}
