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
        var catalog = Catalog()
        var position: Position = 0
        if storage.exists(StoragePath.join(dataDirectory, OfflineStore.folderName)) {
            let store = try DirectOffline.openStore(storage, dataDirectory)
            catalog = try Catalog(decodingHistory: store.extra[...])
            position = store.durablePosition
            store.close()
        }
        let log = try DirectLog.open(storage, dataDirectory)
        while position < log.durablePosition {
            for record in try log.read(after: position, limitBytes: readBytes) {
                try catalog.fold(record)
                position = record.position
            }
        }
        return catalog
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

extension Catalog {
    /// Takes a definitions record that is newer than what it has; other records leave it.
    ///
    /// - Throws: `.dataLoss` for a record that cannot be read.
    mutating func fold(_ record: Record) throws(HeadwaterError) {
        guard record.kind == .definitions, record.position > position else { return }
        do { apply(try CatalogRecordBody.decode(record.body), position: record.position) } catch {
            throw error.located(at: "log position \(record.position)")
        }
    }
}
