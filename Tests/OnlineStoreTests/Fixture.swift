import FeatureModel
import OnlineStore
import StorageIO
import Testing

/// A group of one int64 key, an event time and one int64 feature.
let plainSchema = GroupSchema(
    groupID: 1, schemaVersion: 1, keys: [Field("id", .int64)], eventTimeName: "t", features: [Field("f", .int64)])

func int64s(_ numbers: [Int64?]) -> Column { try! Column(.int64, numbers.map { $0.map { .int64($0) } ?? .null }) }

func timestamps(_ numbers: [Int64]) -> Column { try! Column(.timestamp, numbers.map { .timestamp($0) }) }

/// A row of `plainSchema`: (id, event time, value).
typealias PlainRow = (id: Int64, time: Int64, value: Int64?)

func writing(_ position: Position, _ rows: [PlainRow], schema: GroupSchema = plainSchema) -> AppliedRecord {
    AppliedRecord(
        position: position, ingestTime: Int64(position) * 10,
        .rows([
            AppliedEntry(
                schema: schema, operation: .write,
                batch: Batch(
                    rowCount: rows.count,
                    columns: [(0, int64s(rows.map(\.id))), (1, timestamps(rows.map(\.time))), (2, int64s(rows.map(\.value)))]),
                firstRow: 0)
        ]))
}

func deleting(_ position: Position, ids: [Int64], at time: Int64?) -> AppliedRecord {
    var columns: [(ordinal: Int, column: Column)] = [(0, int64s(ids))]
    if let time { columns.append((1, timestamps(ids.map { _ in time }))) }
    return AppliedRecord(
        position: position, ingestTime: Int64(position) * 10,
        .rows([
            AppliedEntry(
                schema: plainSchema, operation: .delete, batch: Batch(rowCount: ids.count, columns: columns), firstRow: 0)
        ]))
}

func cutting(_ position: Position, before cutoff: Int64) -> AppliedRecord {
    AppliedRecord(
        position: position, ingestTime: Int64(position) * 10,
        .cutoff(RetentionCutoff(groupID: plainSchema.groupID, cutoff: cutoff)))
}

func openStore(
    _ storage: any Storage, seed: UInt64 = 42, access: OnlineStore.Access = .owner
) throws(HeadwaterError) -> OnlineStore {
    try OnlineStore.open(storage, directory: "online", seed: seed, logID: logID, access: access)
}

func query(_ ids: [Int64?], maxAge: Int64? = nil) -> OnlineQuery {
    OnlineQuery(
        groupID: plainSchema.groupID, features: [Lookup.Feature(ordinal: 2, type: .int64)], maxAge: maxAge,
        keyColumns: [int64s(ids)])
}

extension OnlineStore {
    /// One cell of `plainSchema`'s feature.
    func cell(_ id: Int64?, maxAge: Int64? = nil, now: Int64 = 0) throws(HeadwaterError) -> Oracle.Cell {
        let result = try get(query([id], maxAge: maxAge), now: now)
        return Oracle.Cell(value: result.columns[0].value(0), status: result.statuses[0][0])
    }

    func snapshot(extra: [UInt8] = []) throws(HeadwaterError) { try adopt(writeSnapshot(beginSnapshot(), extra: extra)) }
}

extension Oracle.Cell {
    static func present(_ value: Int64) -> Self { Self(value: .int64(value), status: .present) }
    static let null = Self(value: .null, status: .nullValue)
    static let notFound = Self(value: .null, status: .notFound)
    static let outsideMaxAge = Self(value: .null, status: .outsideMaxAge)
}
