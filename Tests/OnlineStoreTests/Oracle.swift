import FeatureModel
import OnlineStore

/// The online store as a dictionary: slow, and plainly right.
struct Oracle {
    struct Row {
        let order: RowOrder
        let ingestTime: Microseconds
        let isTombstone: Bool
        let schema: GroupSchema
        /// One for each feature of `schema`.
        let values: [Value]
    }

    struct Cell: Equatable {
        let value: Value
        let status: CellStatus
    }

    private(set) var rows: [GroupID: [[UInt8]: Row]] = [:]
    private(set) var cutoffs: [GroupID: Microseconds] = [:]
    private(set) var position: Position = 0

    mutating func apply(_ record: AppliedRecord) {
        position = record.position
        if case .cutoff(let cutoff) = record.change {
            cutoffs[cutoff.groupID] = max(cutoffs[cutoff.groupID] ?? .min, cutoff.cutoff)
        }
        for entry in record.entries {
            for row in 0..<entry.batch.rowCount { apply(entry, row, record) }
        }
    }

    private mutating func apply(_ entry: AppliedEntry, _ row: Int, _ record: AppliedRecord) {
        let schema = entry.schema
        let key = KeyCodec.key(entry.keyColumns, row: row)!
        let order = RowOrder(
            eventTime: entry.eventTime(row, ingestTime: record.ingestTime), position: record.position,
            row: UInt32(entry.firstRow + row))
        if let old = rows[schema.groupID]?[key], old.order >= order { return }
        let values = schema.features.indices.map { feature -> Value in
            entry.operation == .delete ? .null : entry.batch.column(ordinal: schema.featureBase + feature)?.value(row) ?? .null
        }
        rows[schema.groupID, default: [:]][key] = Row(
            order: order, ingestTime: record.ingestTime, isTombstone: entry.operation == .delete, schema: schema, values: values)
    }

    /// Latest rows of a group, without those that a cutoff hides.
    func latest(_ groupID: GroupID) -> [[UInt8]: Row] {
        (rows[groupID] ?? [:]).filter { $0.value.order.eventTime >= cutoffs[groupID] ?? .min }
    }

    /// One row of a query's answer.
    func read(_ query: OnlineQuery, row: Int, now: Microseconds) -> [Cell] {
        func absent(_ status: CellStatus) -> [Cell] { query.features.map { _ in Cell(value: .null, status: status) } }
        guard let key = KeyCodec.key(query.keyColumns, row: row), let found = rows[query.groupID]?[key], !found.isTombstone,
            found.order.eventTime >= cutoffs[query.groupID] ?? .min
        else { return absent(.notFound) }
        if let maxAge = query.maxAge, found.order.eventTime != EventTime.always {
            let (age, overflow) = now.subtractingReportingOverflow(found.order.eventTime)
            if overflow ? now > found.order.eventTime : age > maxAge { return absent(.outsideMaxAge) }
        }
        return query.features.map { feature in
            let index = feature.ordinal - found.schema.featureBase
            let value = index < found.values.count ? Self.widen(found.values[index], to: feature.type) : .null
            return Cell(value: value, status: value.isNull ? .nullValue : .present)
        }
    }

    static func widen(_ value: Value, to type: FeatureType) -> Value {
        switch (value, type) {
        case (.int32(let number), .int64): .int64(Int64(number))
        case (.float32(let number), .float64): .float64(Double(number))
        default: value
        }
    }
}
