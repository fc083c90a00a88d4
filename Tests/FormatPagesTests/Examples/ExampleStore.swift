import Catalog
import Engine
import FeatureModel
import Log
import OfflineStore
import OnlineStore
import StorageIO
import TestDisks

/// The small store that the pages tell of: one group, a record of definitions, a producer session and a write of two rows.
enum ExampleStore {
    static let logID = LogID((0..<16).map { UInt8($0) })
    static let now: Microseconds = 1_700_000_000_000_000
    static let definitions = """
        project: shop
        entities:
          - {name: customer, keys: [{name: id, type: int64}]}
        feature_groups:
          - name: orders
            entity: customer
            event_time: at
            features:
              - {name: total, type: float64}
              - {name: note, type: string}
        """
    static let schema = GroupSchema(
        groupID: 1, schemaVersion: 1, keys: [Field("id", .int64)], eventTimeName: "at",
        features: [Field("total", .float64), Field("note", .string)])

    /// Customer 7 ordered for 12.5 and left a note, customer 8 for nobody knows how much.
    static func columns() throws -> [Column] {
        [
            try Column(.int64, [.int64(7), .int64(8)]),
            try Column(.timestamp, [.timestamp(now), .timestamp(now + 1)]),
            try Column(.float64, [.float64(12.5), .null]),
            try Column(.string, [.string("new"), .string("")]),
        ]
    }

    static func batch() throws -> Batch {
        Batch(rowCount: 2, columns: try columns().enumerated().map { ($0.offset, $0.element) })
    }

    static func body(isCompact: Bool = false) throws -> [UInt8] {
        let entry = RecordEntry(groupID: 1, schemaVersion: 1, operation: .write, batch: try batch())
        return RecordBody.encode([entry], isCompact: isCompact)
    }

    /// The write as the stores take it.
    static func applied() throws -> AppliedRecord {
        let entry = AppliedEntry(schema: schema, operation: .write, batch: try batch(), firstRow: 0)
        return AppliedRecord(position: 3, ingestTime: now, .rows([entry]))
    }

    /// The data directory of a server that has taken the three records, with its engine state flushed to the manifest.
    static func life() throws -> (storage: MemoryStorage, state: [UInt8]) {
        let storage = MemoryStorage()
        let online = try OnlineEngine.open(
            storage: storage, dataDirectory: "data", options: OnlineOptions(), newLogID: logID, seed: 7, now: now)
        func run(_ command: OnlineCommand) throws -> OnlineOutcome {
            online.submit(command, token: 1)
            return online.runQueue { now }.first { $0.token == 1 }!.outcome
        }
        _ = try run(.define(DefinitionsFile.load(text: definitions, fileName: "features.yaml").definitions))
        guard case .openedProducer(let producer, let epoch) = try run(.openProducer) else { preconditionFailure() }
        let stamp = ProducerStamp(producer: producer, epoch: epoch, sequence: 1)
        _ = try run(.write(CheckedWrite(body: try body()[...], stamp: stamp, catalog: online.state.catalog, now: now)))
        let offline = try OfflineEngine(
            storage: storage, dataDirectory: "data", logID: logID.bytes, options: OfflineEngineOptions())
        try offline.apply(FileLog(in: "data", storage).openReader().read(after: 0, limitBytes: 1 << 20))
        try offline.flush()
        return (storage, offline.store.extra)
    }
}
