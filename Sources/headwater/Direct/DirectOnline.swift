import Catalog
import Engine
import FeatureModel
import Log
import OnlineStore
import StorageIO
import Tables

/// The online store of a data directory that no server runs on: its snapshot, and in memory what the log has behind it.
final class DirectOnline {
    let store: OnlineStore
    let catalog: Catalog

    /// - Throws: `.outOfRange` where the log does not have `minPosition`, else as `DirectCatalog.load`.
    init(dataDirectory: String, minPosition: Position) throws(HeadwaterError) {
        let storage = RealStorage()
        let log = try DirectLog.open(storage, dataDirectory)
        try DirectLog.check(minPosition, in: log)
        do {
            store = try OnlineStore.open(
                storage, directory: StoragePath.join(dataDirectory, "online"), seed: 0, logID: log.logID.bytes, access: .reader)
        } catch  where error.code == .failedPrecondition {
            throw HeadwaterError(
                error.code, "\(error.message); ask the server with --address instead of reading its directory", at: error.location
            )
        }
        let replica = try Replica(store, kept: store.recoveredExtra)
        try DirectLog.follow(log, replica)
        catalog = replica.state.catalog
    }

    /// - Parameter at: the clock for max_age.
    func get(_ plan: FeaturePlan, keys: Batch, at: Microseconds) throws(HeadwaterError) -> Vectors {
        let served = try OnlineReads.get(
            plan, keys: plan.keys.indices.map { keys.columns[$0] }, rowCount: keys.rowCount, from: store, now: at)
        return Vectors(
            position: served.position, names: plan.outputs.map(\.name), columns: served.columns, statuses: served.statuses)
    }
}
