public import FeatureModel
public import OfflineStore

/// The columns of a scan's answer: keys, event_time, available time, ingest_time, position, row, deleted, features; a brief one
/// leaves out what stands between event_time and deleted.
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
    /// - Throws: `.invalidArgument` where a key or feature is called as a column that the answer has of its own.
    public init(
        schema: GroupSchema, ordinals: [Int]?, deletes: Bool, brief: Bool, isLatest: Bool
    ) throws(HeadwaterError) {
        self.schema = schema
        self.deletes = deletes
        self.brief = brief
        leavesOutDeletes = isLatest && !deletes
        var made: [Field] = schema.isStatic ? [] : [Field("event_time", .timestamp)]
        if !brief {
            if let name = schema.availableTimeName { made.append(Field(name, .timestamp)) }
            made += [Field("ingest_time", .timestamp), Field("position", .int64), Field("row", .int64)]
        }
        if deletes { made.append(Field("deleted", .bool)) }
        let features = (ordinals ?? Array(schema.featureBase..<schema.columnCount)).map { schema.columns[$0] }
        try Self.check(keys: schema.keys, features: features, made: made)
        outputs = schema.keys + made + features
    }

    /// Refuses two columns of one name: one would overwrite the other in a table.
    private static func check(keys: [Field], features: [Field], made: [Field]) throws(HeadwaterError) {
        if let twice = made.first(where: { field in made.count { $0.name.utf8.elementsEqual(field.name.utf8) } > 1 }) {
            throw HeadwaterError(
                .invalidArgument,
                "the group's available time is called '\(twice.name)', and rows come with a column of that name: ask for keys, event time and "
                    + "features alone (--brief)")
        }
        for (fields, kind) in [(keys, "key"), (features, "feature")] {
            for field in fields {
                guard let own = made.first(where: { $0.name.utf8.elementsEqual(field.name.utf8) })?.name else { continue }
                var remedies =
                    own == "event_time" || own == "deleted" ? [] : ["ask for keys, event time and features alone (--brief)"]
                if own == "deleted" { remedies.append("ask for no deletes") }
                if kind == "feature" { remedies.append("choose other columns (--columns)") }
                remedies.append("read it with 'history'")
                throw HeadwaterError(
                    .invalidArgument,
                    "the group has a \(kind) '\(own)', and rows come with a column of that name: \(remedies.joined(separator: ", or "))"
                )
            }
        }
    }

    /// The fields that are read beside features. `isDelete` tells tombstones among the latest rows.
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
