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
struct RowBatchBuilder: Sendable {
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

    /// - Parameter isLast: no other rows of the same blocks will be asked for.
    func batch(_ rows: RowGather, isLast: Bool = false) throws(HeadwaterError) -> RowBatch {
        let cells = rows.cells()
        return RowBatch(
            rowCount: rows.count,
            keys: try keyColumns(rows.keyColumn(), rows.keyRows),
            eventTime: Column(.timestamp, numbers: rows.eventTimes),
            ingestTime: try cells.ingestTimes(),
            availableTime: schema.availableTimeName == nil
                ? nil : try cells.column(.availableTime, .timestamp, isLast: isLast),
            position: Column(.int64, numbers: cells.positions()),
            row: Column(.int64, numbers: cells.rowNumbers().map { Int64($0) }),
            isDelete: cells.tombstones(),
            features: try ordinals.map { (ordinal) throws(HeadwaterError) in
                try cells.column(.feature(ordinal), schema.type(ofOrdinal: ordinal), isLast: isLast)
            })
    }

    /// The visible rows of a block of a run that nothing else is merged with; `nil` where there are none.
    func batch(_ chunkBlock: ChunkBlock, withoutTombstones: Bool) throws(HeadwaterError) -> RowBatch? {
        let block = try RowBlock(chunkBlock, gauge: nil)
        try block.loadOrder()
        let rows = BlockRows(block, 0..<block.rowCount).visible(to: chunkBlock.filter, withoutTombstones: withoutTombstones)
        if rows.isEmpty { return nil }
        if rows.isWhole { return try batch(block, rows.range) }
        var gather = RowGather()
        gather.append(MergedRows(rows), 0..<rows.count)
        return try batch(gather, isLast: true)
    }

    /// Consecutive rows of a block whose order is loaded: decoded columns are handed on as they are.
    private func batch(_ block: RowBlock, _ rows: Range<Int>) throws(HeadwaterError) -> RowBatch {
        let keys = block.keyStarts.indices.dropLast().filter { block.keyStarts[$0 + 1] > rows.lowerBound }
        let counts = keys.map { block.keyStarts[$0 + 1] - max(block.keyStarts[$0], rows.lowerBound) }
        let isDelete = [UInt8](bits: rows.count) { block.isTombstone(rows.lowerBound + $0) }
        return RowBatch(
            rowCount: rows.count,
            keys: try keyColumns(block.keys.slice(keys[0]..<block.keys.count), counts),
            eventTime: Column(.timestamp, numbers: Array(block.eventTimes[rows])),
            ingestTime: try block.ingestTimes().slice(rows),
            availableTime: schema.availableTimeName == nil
                ? nil : try block.availableTimes()?.slice(rows) ?? Column.nulls(.timestamp, count: rows.count),
            position: Column(.int64, numbers: block.positions[rows].map { Int64(bitPattern: $0) }),
            row: Column(.int64, numbers: block.rows[rows].map { Int64($0) }),
            isDelete: Column(type: .bool, count: rows.count, nullCount: 0, data: isDelete[...]),
            features: try ordinals.map { (ordinal) throws(HeadwaterError) in
                try feature(block, ordinal, as: schema.type(ofOrdinal: ordinal), rows)
            })
    }

    private func feature(
        _ block: RowBlock, _ ordinal: Int, as type: FeatureType, _ rows: Range<Int>
    ) throws(HeadwaterError) -> Column {
        guard let column = try block.feature(ordinal) else { return Column.nulls(type, count: rows.count) }
        if column.type == type { return column.slice(rows) }
        var builder = ColumnBuilder(type, capacity: rows.count)
        for row in rows { try builder.append(converting: column, row) }
        return builder.finish()
    }

    /// - Parameter counts: how many rows each key has.
    private func keyColumns(_ keys: Column, _ counts: [Int]) throws(HeadwaterError) -> [Column] {
        var builders = schema.keys.map { ColumnBuilder($0.type, capacity: keys.count) }
        for key in 0..<keys.count { try KeyCodec.decode(keys.bytes(key), into: &builders) }
        let distinct = builders.map { $0.finish() }
        let rowCount = counts.reduce(0, +)
        if keys.count == rowCount { return distinct }
        var repeated: [Int32] = []
        repeated.reserveCapacity(rowCount)
        for (key, count) in counts.enumerated() { repeated.append(contentsOf: repeatElement(Int32(key), count: count)) }
        let places = (0..<Int32(rowCount)).map { $0 }
        return try distinct.map { (column) throws(HeadwaterError) in
            try CellTarget.fill([column.type], count: rowCount) { (targets) throws(HeadwaterError) in
                try PageCells.copy(column, rows: repeated[...], to: targets[0], places: places[...])
            }[0]
        }
    }
}
