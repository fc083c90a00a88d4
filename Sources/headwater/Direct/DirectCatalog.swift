import Catalog
import Engine
import FeatureModel
import Log
import OfflineStore
import StorageIO

/// The catalog of a data directory that no server runs on.
enum DirectCatalog {
    /// - Throws: `.notFound` where there is no store, `.failedPrecondition` where a server owns it, `.dataLoss` for damage.
    static func load(dataDirectory: String) throws(HeadwaterError) -> Catalog {
        let storage = RealStorage()
        var kept: [UInt8] = []
        var position: Position = 0
        if storage.exists(StoragePath.join(dataDirectory, OfflineStore.folderName)) {
            let store = try DirectOffline.openStore(storage, dataDirectory)
            (kept, position) = (store.extra, store.durablePosition)
            store.close()
        }
        let log = try DirectLog.open(storage, dataDirectory)
        let replica = try Replica(RowlessStore(appliedPosition: position), kept: kept)
        try DirectLog.follow(log, replica)
        return replica.state.catalog
    }
}

enum DirectLog {
    /// Bytes of records that are read at a time.
    private static let readBytes = 16 << 20

    /// Folds what the log has behind a store, in memory.
    static func follow(_ log: LogReader, _ replica: Replica<some ReplicaStore>) throws(HeadwaterError) {
        try replica.catchUp(to: log.durablePosition) { (position) throws(HeadwaterError) in
            try log.read(after: position, limitBytes: readBytes)
        }
    }

    static func open(_ storage: RealStorage, _ dataDirectory: String) throws(HeadwaterError) -> LogReader {
        do {
            return try LogReader(storage: storage, directory: StoragePath.join(dataDirectory, "log"))
        } catch  where error.code == .notFound {
            throw HeadwaterError(.notFound, "there is no log here: check --data", at: dataDirectory)
        }
    }

    /// Refuses a position that the log does not have.
    static func check(_ position: Position, in log: LogReader) throws(HeadwaterError) {
        guard position <= log.durablePosition else {
            throw HeadwaterError(
                .outOfRange,
                "position \(position) is beyond the log's end \(log.durablePosition), and no server runs to wait for it")
        }
    }
}
