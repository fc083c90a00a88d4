import FeatureModel
import OfflineStore
import StorageIO

/// A group with one int64 key, an event time and one float64, for tests that name their rows.
enum Weather {
    static let schema = GroupSchema(
        groupID: 3, schemaVersion: 1, keys: [Field("station", .int64)], eventTimeName: "t", features: [Field("temp", .float64)])

    /// One record of rows (station, t, temp).
    static func write(
        _ position: Position, ingest: Microseconds = 0, _ rows: [(station: Int64, time: Microseconds, temp: Double?)]
    ) -> AppliedRecord {
        let batch = try! Batch(
            rowCount: rows.count,
            columns: [
                (0, Column(.int64, rows.map { .int64($0.station) })),
                (1, Column(.timestamp, rows.map { .timestamp($0.time) })),
                (2, Column(.float64, rows.map { $0.temp.map { .float64($0) } ?? .null })),
            ])
        let entry = AppliedEntry(schema: schema, operation: .write, batch: batch, firstRow: 0)
        return AppliedRecord(position: position, ingestTime: ingest, .rows([entry]))
    }

    static func delete(_ position: Position, ingest: Microseconds = 0, station: Int64, time: Microseconds) -> AppliedRecord {
        let batch = try! Batch(
            rowCount: 1, columns: [(0, Column(.int64, [.int64(station)])), (1, Column(.timestamp, [.timestamp(time)]))])
        let entry = AppliedEntry(schema: schema, operation: .delete, batch: batch, firstRow: 0)
        return AppliedRecord(position: position, ingestTime: ingest, .rows([entry]))
    }

    static func cutoff(_ position: Position, _ cutoff: Microseconds) -> AppliedRecord {
        AppliedRecord(
            position: position, ingestTime: 0, .cutoff(RetentionCutoff(groupID: schema.groupID, cutoff: cutoff)))
    }

    /// The join of one spine row.
    static func temp(
        _ store: OfflineStore, station: Int64?, at time: Microseconds?, asOf: Position? = nil, maxAge: Microseconds? = nil,
        availability: Availability = .event
    ) throws(HeadwaterError) -> (Value, CellStatus) {
        let view = store.view()
        let lookup = Lookup(
            schema: schema, maxAge: maxAge, keys: [0], features: [Lookup.Feature(ordinal: 2, type: .float64)])
        let joined = try view.join(
            spineTimes: try Column(.timestamp, [time.map { .timestamp($0) } ?? .null]),
            keys: [try Column(.int64, [station.map { .int64($0) } ?? .null])], [lookup], asOf: asOf ?? view.position,
            availability: availability)
        return (joined[0][0].column.value(0), joined[0][0].statuses[0])
    }
}

/// Everything a view shows of a group, as text: for comparing two states.
func transcript(_ view: OfflineView, _ schema: GroupSchema, asOf: Position? = nil) throws(HeadwaterError) -> [String] {
    var lines: [String] = []
    var scan = try view.scan(schema, asOf: asOf ?? view.position, includeDeletes: true)
    while let batch = try scan.next() {
        for row in 0..<batch.rowCount {
            let cells =
                (batch.keys + [batch.eventTime, batch.ingestTime, batch.position, batch.row, batch.isDelete] + batch.features)
            lines.append(cells.map { "\($0.value(row))" }.joined(separator: " "))
        }
    }
    return lines
}
