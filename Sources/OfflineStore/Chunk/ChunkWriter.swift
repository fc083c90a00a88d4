internal import FeatureModel
internal import StorageIO

/// Writes one chunk file, block by block; nothing is durable before `finish`.
struct ChunkWriter: ~Copyable {
    private let header: ChunkHeader
    private let file: any StorageFile
    private let records: RecordTimes
    private var offset: Int
    private var blocks: [BlockEntry] = []
    private var bounds = RowBounds()
    private var positions = PositionSet()

    var byteCount: Int { offset }

    /// Creates the file and writes its head.
    ///
    /// - Parameter records: has every record that a row will come from; those without a row are left out.
    init(
        _ header: ChunkHeader, records: RecordTimes, directory: String, storage: any Storage
    ) throws(HeadwaterError) {
        let file = try storage.open(directory + "/" + ChunkFormat.fileName(header.number), .create)
        let bytes = header.encode()
        try file.write(bytes[...], at: 0)
        self.header = header
        self.file = file
        self.records = records
        offset = bytes.count
    }

    /// Writes the picked rows as one block.
    mutating func append(_ rows: RowGather) throws(HeadwaterError) {
        precondition(!rows.isEmpty)
        let (keys, counts) = rows.keyColumn()
        let positions = rows.order.map { Int64(bitPattern: $0.position) }
        for row in rows.order { self.positions.insert(row.position) }
        let features = try rows.columns(header.features.map { (.feature($0.ordinal), $0.type) })
        var columns = [
            keys, Column(.int32, numbers: counts.map { Int64($0) }), Column(.timestamp, numbers: rows.order.map(\.eventTime)),
        ]
        if header.hasAvailableTime { columns += try rows.columns([(.availableTime, .timestamp)]) }
        columns += [
            Column(.int64, numbers: positions), Column(.int32, numbers: rows.order.map { Int64(Int32(bitPattern: $0.row)) }),
            rows.tombstoneColumn(),
        ]
        columns += features
        // In one piece: a page is small, and a write costs a call.
        var bytes: [UInt8] = []
        var pages: [PageEntry] = []
        for column in columns {
            var (stored, entry) = PageCodec.encode(column)
            entry.offset = offset + bytes.count
            bytes += stored
            pages.append(entry)
        }
        try append(bytes)
        let block = BlockEntry(
            rowCount: rows.count, firstKey: Array(rows.firstKey), lastKey: Array(rows.lastKey), pages: pages)
        blocks.append(block)
        bounds.formUnion(following: Self.bounds(block, rows.order))
    }

    /// Writes records, directory and footer and makes the file durable; its name becomes so with the directory of the files.
    consuming func finish(level: Int, run: UInt64) throws(HeadwaterError) -> ChunkEntry {
        let records = try appendRecords()
        let directoryAt = offset
        let directory = ChunkDirectory(bounds: bounds, blocks: blocks, records: records)
            .encode(columnCount: header.pageTypes.count)
        try append(directory)
        var footer: [UInt8] = []
        footer.append(littleEndian: UInt64(directoryAt))
        footer.append(littleEndian: UInt32(directory.count))
        footer.append(contentsOf: header.encode().suffix(4))
        footer.append(littleEndian: UInt64(offset + ChunkFormat.footerBytes))
        footer.append(littleEndian: UInt32(0))
        footer.append(littleEndian: CRC32C.checksum(footer))
        footer.append(littleEndian: ChunkFormat.footerMagic)
        try append(footer)
        try file.sync()
        file.close()
        return ChunkEntry(
            number: header.number, fileBytes: offset, groupID: header.groupID, level: level, run: run, bounds: bounds)
    }

    private mutating func appendRecords() throws(HeadwaterError) -> ChunkDirectory.RecordPages {
        let positions = positions.sorted()
        let times = positions.map { records.ingestTime($0)! }
        return ChunkDirectory.RecordPages(
            positions: try append(Column(.int64, numbers: positions.map { Int64(bitPattern: $0) })),
            ingestTimes: try append(Column(.timestamp, numbers: times)))
    }

    private mutating func append(_ column: Column) throws(HeadwaterError) -> PageEntry {
        var (bytes, entry) = PageCodec.encode(column)
        entry.offset = offset
        try append(bytes)
        return entry
    }

    private mutating func append(_ bytes: [UInt8]) throws(HeadwaterError) {
        try file.write(bytes[...], at: offset)
        offset += bytes.count
    }

    private static func bounds(_ block: BlockEntry, _ rows: [RowOrder]) -> RowBounds {
        var bounds = RowBounds(rowCount: block.rowCount, keyLeast: block.firstKey, keyGreatest: block.lastKey)
        for row in rows {
            bounds.eventTimeLeast = min(bounds.eventTimeLeast, row.eventTime)
            bounds.eventTimeGreatest = max(bounds.eventTimeGreatest, row.eventTime)
            bounds.positionLeast = min(bounds.positionLeast, row.position)
            bounds.positionGreatest = max(bounds.positionGreatest, row.position)
        }
        return bounds
    }
}
