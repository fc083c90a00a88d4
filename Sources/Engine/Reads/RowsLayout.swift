public import FeatureModel
public import OfflineStore

/// The columns of a scan's answer: keys, event_time, available time, ingest_time, position, row, deleted, features; a brief one leaves out what
/// stands between event_time and deleted.
public struct RowsLayout: Sendable {
    private let schema: GroupSchema
    private let deletes: Bool
    private let brief: Bool
    public let outputs: [Field]

    /// - Parameter ordinals: of the features asked for; `nil` for all.
    public init(schema: GroupSchema, ordinals: [Int]?, deletes: Bool, brief: Bool) {
        self.schema = schema
        self.deletes = deletes
        self.brief = brief
        var outputs = schema.keys
        if !schema.isStatic { outputs.append(Field("event_time", .timestamp)) }
        if !brief {
            if let name = schema.availableTimeName { outputs.append(Field(name, .timestamp)) }
            outputs += [Field("ingest_time", .timestamp), Field("position", .int64), Field("row", .int64)]
        }
        if deletes { outputs.append(Field("deleted", .bool)) }
        outputs += (ordinals ?? Array(schema.featureBase..<schema.columnCount)).map { schema.columns[$0] }
        self.outputs = outputs
    }

    public func columns(_ batch: RowBatch) -> [Column] {
        var columns = batch.keys
        if !schema.isStatic { columns.append(batch.eventTime) }
        if !brief {
            if let available = batch.availableTime { columns.append(available) }
            columns += [batch.ingestTime, batch.position, batch.row]
        }
        if deletes { columns.append(batch.isDelete) }
        return columns + batch.features
    }
}
