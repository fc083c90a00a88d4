internal import FeatureModel
internal import StorageIO

/// Writes one chunk file, block by block; nothing is durable before `finish`.
struct ChunkWriter: ~Copyable {
    /// The bytes after which writing to the disk is started, so that the sync at the end need not wait for the whole file.
    private static let startedBytes = 4 << 20

    private let header: ChunkHeader
    private let file: any StorageFile
    private let records: RecordTimes
    private var offset: Int
    /// The offset up to which the disk has been asked to write.
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
        // The pages are written in one piece: a page is small, and each write costs a system call.
        var bytes: [UInt8] = []
        bytes.reserveCapacity(block.pages.reduce(0) { $0 + $1.bytes.count })
        var pages: [PageEntry] = []
        for page in block.pages {
            var entry = page.entry
            entry.offset = offset + bytes.count
            pages.append(entry)
            bytes += page.bytes
        }
        try append(bytes)
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
        let page = PageCodec.encode(column)
        var entry = page.entry
        entry.offset = offset
        try append(page.bytes)
        return entry
    }

    private mutating func append(_ bytes: [UInt8]) throws(HeadwaterError) {
        try file.write(bytes[...], at: offset)
        offset += bytes.count
        // Only whole pages are started: an append to one that is being written would have to wait.
        let end = offset & ~4_095
        if end - startedOffset < Self.startedBytes { return }
        file.startWriting(startedOffset..<end)
        startedOffset = end
    }
}
