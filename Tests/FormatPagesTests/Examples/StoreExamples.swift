import FeatureModel
import Log
import OfflineStore
import OnlineStore
import StorageIO
import TestDisks

/// The files of both stores after the write of the example, with three bytes in place of the engine state; and that state.
enum StoreExamples {
    private static let extra: [UInt8] = [9, 9, 9]

    static let makers: [String: @Sendable () throws -> [UInt8]] = [
        "snapshot": {
            let storage = MemoryStorage()
            let store = try OnlineStore.open(storage, directory: "online", seed: 7, logID: ExampleStore.logID.bytes)
            store.apply(try ExampleStore.applied())
            try store.adopt(store.writeSnapshot(store.beginSnapshot(), extra: extra))
            return try storage.readAll("online/snapshot-00000000000000000003.hws")
        },
        "manifest": { try history("manifest") },
        "chunk": { try history("chunk-0000000000000001.hwc") },
        "engine-state": { try ExampleStore.life().state },
    ]

    private static func history(_ name: String) throws -> [UInt8] {
        let storage = MemoryStorage()
        let store = try OfflineStore(dataDirectory: "data", logID: ExampleStore.logID.bytes, storage: storage)
        store.apply(try ExampleStore.applied())
        try store.flush(extra: extra)
        return try storage.readAll("data/offline/" + name)
    }
}
