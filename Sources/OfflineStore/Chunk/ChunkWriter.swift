internal import FeatureModel
internal import StorageIO

/// Writes one chunk file, block by block; nothing is durable before `finish`.
struct ChunkWriter: ~Copyable {
    /// So much is handed to the disk at once while more is written, for the sync at the end not to wait for all of it.
    private static let startedBytes = 4 << 20

    private let header: ChunkHeader
    private let file: any StorageFile
    private let records: RecordTimes
    private var offset: Int
    /// What the disk has been asked to write.
    private var startedOffset = 0
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

    /// Writes one block.
    mutating func append(_ block: EncodedBlock) throws(HeadwaterError) {
        for position in block.positions { positions.insert(Position(bitPattern: position)) }
        var pages = block.pages
        for index in pages.indices { pages[index].offset += offset }
        // In one piece: a page is small, and a write costs a call.
        try append(block.bytes)
        blocks.append(
            BlockEntry(
                rowCount: block.bounds.rowCount, firstKey: block.bounds.keyLeast, lastKey: block.bounds.keyGreatest, pages: pages)
        )
        bounds.formUnion(following: block.bounds)
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
        if offset - startedOffset < Self.startedBytes { return }
        file.startWriting(startedOffset..<offset)
        startedOffset = offset
    }
}

/// One block of a chunk, ready to be written.
struct EncodedBlock: Sendable {
    let bytes: [UInt8]
    /// With offsets from the start of the block.
    let pages: [PageEntry]
    let bounds: RowBounds
    /// Bits of the rows' positions.
    let positions: [Int64]

    /// Copies and encodes the cells of gathered rows.
    ///
    /// - Throws: `.dataLoss` where a chunk that they come from is damaged.
    init(_ rows: RowGather, _ header: ChunkHeader) throws(HeadwaterError) {
        precondition(!rows.isEmpty)
        let cells = rows.cells()
        let keys = rows.keyColumn()
        positions = cells.positions()
        var columns = [
            keys, Column(.int32, numbers: rows.keyRows.map { Int64($0) }), Column(.timestamp, numbers: rows.eventTimes),
        ]
        if header.hasAvailableTime { columns.append(try cells.column(.availableTime, .timestamp)) }
        columns += [
            Column(.int64, numbers: positions), Column(.int32, numbers: cells.rowNumbers().map { Int64(Int32(bitPattern: $0)) }),
            cells.tombstones(),
        ]
        var bytes: [UInt8] = []
        var pages: [PageEntry] = []
        func append(_ column: Column) {
            var (stored, entry) = PageCodec.encode(column)
            entry.offset = bytes.count
            bytes += stored
            pages.append(entry)
        }
        for column in columns { append(column) }
        // One after the other: a column's cells stay near until they are encoded.
        for feature in header.features { append(try cells.column(.feature(feature.ordinal), feature.type)) }
        self.bytes = bytes
        self.pages = pages
        var bounds = RowBounds(
            rowCount: rows.count, keyLeast: Array(keys.bytes(0)), keyGreatest: Array(keys.bytes(keys.count - 1)))
        for time in rows.eventTimes {
            bounds.eventTimeLeast = min(bounds.eventTimeLeast, time)
            bounds.eventTimeGreatest = max(bounds.eventTimeGreatest, time)
        }
        for position in positions {
            bounds.positionLeast = min(bounds.positionLeast, Position(bitPattern: position))
            bounds.positionGreatest = max(bounds.positionGreatest, Position(bitPattern: position))
        }
        self.bounds = bounds
    }
}
