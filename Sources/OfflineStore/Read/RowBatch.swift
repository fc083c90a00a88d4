public import FeatureModel

/// Rows of one group in columns of equal length, in (key, event_time, position, row) order.
public struct RowBatch: Sendable {
    public let rowCount: Int
    /// The key columns, in key order.
    public let keys: [Column]
    /// `EventTime.always` throughout in a static table.
    public let eventTime: Column
    public let ingestTime: Column
    /// The available time as it was written, where the group has one.
    public let availableTime: Column?
    /// int64: the bits of the positions.
    public let position: Column
    /// int64: the row's number in its record.
    public let row: Column
    /// bool: true in a tombstone, whose features are null.
    public let isDelete: Column
    /// The features asked for, in that order.
    public let features: [Column]
}

/// Turns picked rows into batches for one schema and one list of features.
struct RowBatchBuilder {
    let schema: GroupSchema
    let ordinals: [Int]

    /// - Parameter columns: ordinals of features; `nil` for all.
    /// - Throws: `.invalidArgument` for an ordinal that is no feature.
    init(_ schema: GroupSchema, columns: [Int]?) throws(HeadwaterError) {
        let features = schema.featureBase..<schema.columnCount
        for ordinal in columns ?? [] where !features.contains(ordinal) {
            throw HeadwaterError(.invalidArgument, "column \(ordinal) is no feature of group \(schema.groupID)")
        }
        self.schema = schema
        ordinals = columns ?? Array(features)
    }

    func batch(_ rows: RowGather) throws(HeadwaterError) -> RowBatch {
        let (keys, counts) = rows.keyColumn()
        var builders = schema.keys.map { ColumnBuilder($0.type, capacity: keys.count) }
        for key in 0..<keys.count { try KeyCodec.decode(keys.bytes(key), into: &builders) }
        var repeated: [Int] = []
        repeated.reserveCapacity(rows.count)
        for (key, count) in counts.enumerated() { repeated.append(contentsOf: repeatElement(key, count: count)) }
        var features: [Column] = []
        for ordinal in ordinals {
            features.append(
                try rows.column(schema.type(ofOrdinal: ordinal)) { (block) throws(HeadwaterError) in try block.feature(ordinal) })
        }
        return RowBatch(
            rowCount: rows.count,
            keys: builders.map { $0.finish().gather(repeated) },
            eventTime: rows.column(.timestamp) { $0.eventTimes[$1] },
            ingestTime: try rows.column(.timestamp) { (block) throws(HeadwaterError) in try block.ingestTimes() },
            availableTime: schema.availableTimeName == nil
                ? nil : try rows.column(.timestamp) { (block) throws(HeadwaterError) in try block.availableTimes() },
            position: rows.column(.int64) { Int64(bitPattern: $0.positions[$1]) },
            row: rows.column(.int64) { Int64($0.rows[$1]) },
            isDelete: try rows.column(.bool) { (block) throws(HeadwaterError) in block.tombstones },
            features: features)
    }
}
