import Catalog
import FeatureModel
import Log
import OfflineStore
import OnlineStore
import StorageIO

/// The online store = a snapshot + the log after it, or, if the snapshot is lost, the whole log, or the history.
extension OnlineEngine {
    /// Opens the online store at a position from which the log goes on; where its snapshot does not lead there, begins anew with
    /// the whole log, or, where that no longer has its beginning, from the history of the same data directory.
    ///
    /// - Throws: `.dataLoss` where neither can be.
    static func openStore(
        _ storage: any Storage, _ dataDirectory: String, _ log: any LogWriting, _ options: OnlineOptions, seed: UInt64,
        notice: (String) -> Void
    ) throws(HeadwaterError) -> OnlineStore {
        let directory = StoragePath.join(dataDirectory, "online")
        let reason: HeadwaterError
        do throws(HeadwaterError) {
            let store = try OnlineStore.open(storage, directory: directory, seed: seed, logID: log.logID.bytes)
            if store.appliedPosition + 1 >= log.oldestPosition { return store }
            reason = HeadwaterError(
                .dataLoss,
                "the newest online snapshot is of position \(store.appliedPosition), but the log begins at \(log.oldestPosition)",
                at: directory)
            store.close()
        } catch  where error.code == .dataLoss {
            reason = error
        }
        if log.oldestPosition == 1 {
            try setSnapshotsAside(storage, directory)
            notice("\(reason): the online store is made anew from the log, which holds everything; the snapshot was set aside")
            return try OnlineStore.open(storage, directory: directory, seed: seed, logID: log.logID.bytes)
        }
        let position = try rebuild(storage, dataDirectory, log, options, seed: seed, reason)
        notice("\(reason): the online store was made anew from the history at position \(position)")
        return try OnlineStore.open(storage, directory: directory, seed: seed, logID: log.logID.bytes)
    }

    /// Renames snapshots, so that none is opened; a crash in the middle leaves the rest to the next open.
    private static func setSnapshotsAside(_ storage: any Storage, _ directory: String) throws(HeadwaterError) {
        for name in try storage.list(directory) where name.hasPrefix("snapshot-") {
            try storage.rename(StoragePath.join(directory, name), to: StoragePath.join(directory, "damaged-" + name))
        }
        try storage.syncDirectory(directory)
    }

    /// Writes a snapshot of the latest rows in the history, at the history's durable position.
    ///
    /// A crash in the middle leaves no snapshot of it: the next open starts again.
    /// - Complexity: O(rows of the history).
    private static func rebuild(
        _ storage: any Storage, _ dataDirectory: String, _ log: any LogWriting, _ options: OnlineOptions, seed: UInt64,
        _ reason: HeadwaterError
    ) throws(HeadwaterError) -> Position {
        func impossible(_ why: String) -> HeadwaterError {
            HeadwaterError(
                .dataLoss, "\(reason.message); the store cannot be made anew from the history either: \(why)", at: reason.location
            )
        }
        let history: OfflineStore
        do throws(HeadwaterError) {
            history = try OfflineStore(
                dataDirectory: dataDirectory, logID: log.logID.bytes, storage: storage, readOnly: true)
        } catch {
            switch error.code {
            case .failedPrecondition: throw impossible("\(error); stop the offline service until this one is ready")
            case .notFound: throw impossible("there is none here; restore \(dataDirectory)/online or \(dataDirectory)/offline")
            default: throw impossible("\(error)")
            }
        }
        defer { history.close() }
        let view = history.view()
        guard view.position <= log.durablePosition, view.position + 1 >= log.oldestPosition else {
            throw impossible(
                "it is of position \(view.position), and the log holds \(log.oldestPosition) to \(log.durablePosition); restore "
                    + "\(dataDirectory)/online, or a later copy of \(dataDirectory)/offline")
        }
        let kept = try ReplicaState(decoding: history.extra[...])
        var cutoffs: [GroupID: Microseconds] = [:]
        for group in view.groupsWithCutoff { cutoffs[group] = view.cutoff(of: group) }
        for group in kept.catalog.removedGroups { cutoffs[group.id] = GroupRemoval.cutoff }
        let restore = try OnlineRestore(
            storage, directory: StoragePath.join(dataDirectory, "online"), seed: seed, logID: log.logID.bytes,
            position: view.position, cutoffs: cutoffs, memoryBytesMax: options.snapshotMemoryBytes)
        do throws(HeadwaterError) {
            for group in kept.catalog.allGroups {
                var scan = try view.latest(group.newestSchema, asOf: view.position)
                while let batch = try scan.next() { try restore.add(RestoredRows(batch, group.newestSchema)) }
            }
            try restore.finish(extra: kept.encode())
        } catch {
            restore.abandon()
            throw error
        }
        return view.position
    }
}

extension RestoredRows {
    init(_ batch: RowBatch, _ schema: GroupSchema) {
        let rows = 0..<batch.rowCount
        self.init(
            schema: schema, keys: batch.keys,
            orders: rows.map {
                RowOrder(
                    eventTime: batch.eventTime.int64($0), position: Position(bitPattern: batch.position.int64($0)),
                    row: UInt32(truncatingIfNeeded: batch.row.int64($0)))
            },
            ingestTimes: rows.map { batch.ingestTime.int64($0) }, tombstones: rows.map { batch.isDelete.bool($0) },
            features: batch.features)
    }
}
