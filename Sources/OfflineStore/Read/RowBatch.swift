public import FeatureModel

/// The fields that a scan returns beside features. Each costs pages to read and columns to make.
public struct RowFields: OptionSet, Sendable {
    public let rawValue: Int

    public init(rawValue: Int) { self.rawValue = rawValue }

    public static let keys = RowFields(rawValue: 1 << 0)
    public static let eventTime = RowFields(rawValue: 1 << 1)
    public static let ingestTime = RowFields(rawValue: 1 << 2)
    public static let availableTime = RowFields(rawValue: 1 << 3)
    public static let position = RowFields(rawValue: 1 << 4)
    public static let row = RowFields(rawValue: 1 << 5)
    public static let isDelete = RowFields(rawValue: 1 << 6)
    public static let all: RowFields = [keys, eventTime, ingestTime, availableTime, position, row, isDelete]

    /// Whether `RowBlock.loadOrder` is needed for them.
    var needOrder: Bool { !isDisjoint(with: [.ingestTime, .position, .row]) }
}

/// Rows of one group in columns of equal length, in (key, event_time,
/// position, row) order. Of fields that were not asked for there are no cells.
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

    /// An estimate of the bytes of the cells.
    var byteCount: Int {
        let columns = keys + [eventTime, ingestTime, position, row, isDelete] + features
        return columns.reduce(availableTime?.byteCount ?? 0) { $0 + $1.byteCount }
    }
}

/// Turns picked rows into batches for one schema and one list of features.
struct RowBatchBuilder: Sendable {
    let schema: GroupSchema
    let ordinals: [Int]
    let fields: RowFields

    /// - Parameter columns: ordinals of features; `nil` for all.
    /// - Throws: `.invalidArgument` for an ordinal that is no feature.
    init(_ schema: GroupSchema, columns: [Int]?, fields: RowFields) throws(HeadwaterError) {
        let features = schema.featureBase..<schema.columnCount
        for ordinal in columns ?? [] where !features.contains(ordinal) {
            throw HeadwaterError(.invalidArgument, "column \(ordinal) is no feature of group \(schema.groupID)")
        }
        self.schema = schema
        self.fields = schema.availableTimeName == nil ? fields.subtracting(.availableTime) : fields
        ordinals = columns ?? Array(features)
    }

    func batch(_ rows: RowGather) throws(HeadwaterError) -> RowBatch {
        let cells = rows.cells()
        return RowBatch(
            rowCount: rows.count,
            keys: fields.contains(.keys) ? try keyColumns(rows.keyColumn(), rows.keyRows) : [],
            eventTime: Column(.timestamp, numbers: fields.contains(.eventTime) ? rows.eventTimes : []),
            ingestTime: try fields.contains(.ingestTime) ? cells.ingestTimes() : .nulls(.timestamp, count: 0),
            availableTime: fields.contains(.availableTime) ? try cells.column(.availableTime, .timestamp) : nil,
            position: Column(.int64, numbers: fields.contains(.position) ? cells.positions() : []),
            row: Column(.int64, numbers: fields.contains(.row) ? cells.rowNumbers().map { Int64($0) } : []),
            isDelete: fields.contains(.isDelete) ? cells.tombstones() : .nulls(.bool, count: 0),
            features: try ordinals.map { (ordinal) throws(HeadwaterError) in
                try cells.column(.feature(ordinal), schema.type(ofOrdinal: ordinal))
            })
    }

    /// An estimate of the bytes of all rows of a block: numbers and vectors
    /// as they are in memory, texts and arrays at least as they are stored.
    func byteCount(_ block: ChunkBlock) -> Int {
        let entry = block.layout.directory.blocks[block.number]
        let fieldBytes = 8 * fields.rawValue.nonzeroBitCount
        return ordinals.reduce(entry.rowCount * fieldBytes) { bytes, ordinal in
            if let width = schema.type(ofOrdinal: ordinal).fixedWidth { return bytes + entry.rowCount * width }
            return bytes + max(block.layout.page(ofFeature: ordinal).map { entry.pages[$0].rawBytes } ?? 0, entry.rowCount * 4)
        }
    }

    /// The visible rows of a block of a run that nothing else is merged with; `nil` where there are none.
    func batch(_ chunkBlock: ChunkBlock, withoutTombstones: Bool) throws(HeadwaterError) -> RowBatch? {
        let block = try RowBlock(chunkBlock, gauge: nil)
        if fields.needOrder || chunkBlock.filter.needsPositions { try block.loadOrder() } else { try block.loadTombstones() }
        if fields.contains(.eventTime) { try block.loadTimes() }
        let rows = try BlockRows(block, 0..<block.rowCount).visible(to: chunkBlock.filter, withoutTombstones: withoutTombstones)
        return rows.isEmpty ? nil : try batch(rows, of: chunkBlock)
    }

    /// Rows of one block: of all of them decoded columns are handed on as they are, of some only their cells are decoded.
    private func batch(_ rows: BlockRows, of chunkBlock: ChunkBlock) throws(HeadwaterError) -> RowBatch {
        let block = rows.block
        let source = CellSource.chunk(chunkBlock.chunk, chunkBlock.layout, block: chunkBlock.number)
        return RowBatch(
            rowCount: rows.count,
            keys: fields.contains(.keys) ? try keyColumns(rows) : [],
            eventTime: Column(.timestamp, numbers: fields.contains(.eventTime) ? rows.pick(block.eventTimes) : []),
            ingestTime: try fields.contains(.ingestTime) ? rows.pick(block.ingestTimes()) : .nulls(.timestamp, count: 0),
            availableTime: fields.contains(.availableTime)
                ? try block.availableTimes().map { rows.pick($0) } ?? .nulls(.timestamp, count: rows.count) : nil,
            position: Column(
                .int64, numbers: fields.contains(.position) ? rows.pick(block.positions).map { Int64(bitPattern: $0) } : []),
            row: Column(.int64, numbers: fields.contains(.row) ? rows.pick(block.rows).map { Int64($0) } : []),
            isDelete: fields.contains(.isDelete) ? tombstones(rows) : .nulls(.bool, count: 0),
            features: try ordinals.map { (ordinal) throws(HeadwaterError) in
                try feature(rows, source, ordinal, as: schema.type(ofOrdinal: ordinal))
            })
    }

    private func keyColumns(_ rows: BlockRows) throws(HeadwaterError) -> [Column] {
        var keys: [Int] = []
        var counts: [Int] = []
        rows.forEachKey { key, range in
            keys.append(key)
            counts.append(range.count)
        }
        return try keyColumns(rows.block.keys.gather(keys), counts)
    }

    private func tombstones(_ rows: BlockRows) -> Column {
        let bits = [UInt8](bits: rows.count) { rows.block.isTombstone(rows.row($0)) }
        return Column(type: .bool, count: rows.count, nullCount: 0, data: bits[...])
    }

    private func feature(
        _ rows: BlockRows, _ source: CellSource, _ ordinal: Int, as type: FeatureType
    ) throws(HeadwaterError) -> Column {
        if rows.isWhole, let column = try rows.block.feature(ordinal), column.type == type { return column.slice(rows.range) }
        return try CellTarget.fill([type], count: rows.count) { (targets) throws(HeadwaterError) in
            try source.copy(.feature(ordinal), rows: rows.places[...], to: targets[0], places: .first(rows.count))
        }[0]
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
        return try distinct.map { (column) throws(HeadwaterError) in
            try CellTarget.fill([column.type], count: rowCount) { (targets) throws(HeadwaterError) in
                try PageCells.copy(column, rows: repeated[...], to: targets[0], places: .first(rowCount))
            }[0]
        }
    }
}
