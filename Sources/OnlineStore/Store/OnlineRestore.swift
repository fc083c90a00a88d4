public import FeatureModel
public import StorageIO

/// Latest rows of one group, as the history gives them: no key twice.
public struct RestoredRows: Sendable {
    /// The version whose types `features` have.
    public let schema: GroupSchema
    public let keys: [Column]
    public let orders: [RowOrder]
    public let ingestTimes: [Microseconds]
    public let tombstones: [Bool]
    public let features: [Column]

    public init(
        schema: GroupSchema, keys: [Column], orders: [RowOrder], ingestTimes: [Microseconds], tombstones: [Bool],
        features: [Column]
    ) {
        self.schema = schema
        self.keys = keys
        self.orders = orders
        self.ingestTimes = ingestTimes
        self.tombstones = tombstones
        self.features = features
    }
}

/// Making the store anew from the history, where its snapshot is lost. Nothing counts before `finish`: a crash leaves no
/// snapshot, and the restoring starts again. Belongs to one thread.
public final class OnlineRestore {
    private let store: OnlineStore
    private let memoryBytesMax: Int

    /// Starts with an empty store in `directory`, whatever snapshots stand there.
    ///
    /// - Parameters:
    ///   - position: what the rows are the fold of.
    ///   - cutoffs: rows older than these are hidden, also ones that come later.
    ///   - memoryBytesMax: rows in memory beyond this go to the disk.
    /// - Throws: `.failedPrecondition` for a directory in use.
    public init(
        _ storage: any Storage, directory: String, seed: UInt64, logID: [UInt8], position: Position,
        cutoffs: [GroupID: Microseconds], memoryBytesMax: Int
    ) throws(HeadwaterError) {
        try storage.createDirectory(directory)
        let lock = try storage.lock(StoragePath.join(directory, "lock"), exclusive: true)
        store = OnlineStore(storage: storage, directory: directory, lock: lock, seed: seed, logID: logID, mapped: nil)
        self.memoryBytesMax = memoryBytesMax
        // The position is published before the rows come, so that walks over the maps see them.
        store.publish(position, ingestTime: .min, groups: cutoffs.mapValues { GroupState(cutoff: $0) })
    }

    /// Takes rows in.
    public func add(_ rows: RestoredRows) throws(HeadwaterError) {
        store.restore(rows)
        guard store.memoryBytes > memoryBytesMax else { return }
        try store.adopt(store.writeSnapshot(store.beginSnapshot(), extra: [], name: SnapshotFormat.restoringName))
    }

    /// Writes the snapshot that the next open finds, in place of all that stand there, and closes.
    ///
    /// - Parameter extra: as in `writeSnapshot`.
    public func finish(extra: [UInt8]) throws(HeadwaterError) {
        let (storage, directory) = (store.storage, store.directory)
        for name in try storage.list(directory) {
            // An open would take the damaged one for the newest.
            if let position = SnapshotFormat.position(ofName: name), position >= store.appliedPosition {
                try storage.remove(StoragePath.join(directory, name))
            }
        }
        try storage.syncDirectory(directory)
        try store.adopt(store.writeSnapshot(store.beginSnapshot(), extra: extra))
        store.close()
    }

    /// Gives up; nothing has changed.
    public func abandon() { store.close() }
}
