import Catalog
import Engine
import FeatureModel
import Log
import OfflineStore
import StorageIO

/// The catalog of a data directory that no server runs on.
enum DirectCatalog {
    /// Bytes of records that are read at a time.
    static let readBytes = 16 << 20

    /// - Throws: `.notFound` where there is no store, `.failedPrecondition` where a server owns it, `.dataLoss` for damage.
    static func load(dataDirectory: String) throws(HeadwaterError) -> Catalog {
        let storage = RealStorage()
        var folded = try EngineState(decoding: [])
        var position: Position = 0
        if storage.exists(StoragePath.join(dataDirectory, OfflineStore.folderName)) {
            let store = try DirectOffline.openStore(storage, dataDirectory)
            folded = try EngineState(decoding: store.extra[...])
            position = store.durablePosition
            store.close()
        }
        let log = try DirectLog.open(storage, dataDirectory)
        while position < log.durablePosition {
            for record in try log.read(after: position, limitBytes: readBytes) {
                try folded.fold(record, applied: position)
                position = record.position
            }
        }
        return folded.catalog
    }
}

enum DirectLog {
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
