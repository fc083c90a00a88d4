public import FeatureModel
public import OfflineStore

/// The columns of a scan's answer: keys, event_time, available time, ingest_time, position, row, deleted, features; a brief one leaves out what
/// stands between event_time and deleted.
public struct RowsLayout: Sendable {
    private let schema: GroupSchema
    private let deletes: Bool
    private let brief: Bool
    /// Whether a batch may have tombstones that nobody asked for.
    private let leavesOutDeletes: Bool
    public let outputs: [Field]

    /// - Parameters:
    ///   - ordinals: of the features asked for; `nil` for all.
    ///   - isLatest: the rows are those of `OfflineView.latest`, which gives tombstones too.
    public init(schema: GroupSchema, ordinals: [Int]?, deletes: Bool, brief: Bool, isLatest: Bool) {
        self.schema = schema
        self.deletes = deletes
        self.brief = brief
        leavesOutDeletes = isLatest && !deletes
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

    /// What is to be read for it beside features. Tombstones among the latest rows are told from others by `isDelete`.
    public var fields: RowFields { brief ? [.keys, .eventTime, .isDelete] : .all }

    /// A batch's columns, and how many rows of it are given.
    public func columns(_ batch: RowBatch) -> (columns: [Column], rowCount: Int) {
        let columns = allRows(batch)
        guard leavesOutDeletes else { return (columns, batch.rowCount) }
        let kept = (0..<batch.rowCount).filter { !batch.isDelete.bool($0) }
        return (kept.count < batch.rowCount ? columns.map { $0.gather(kept) } : columns, kept.count)
    }

    private func allRows(_ batch: RowBatch) -> [Column] {
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
