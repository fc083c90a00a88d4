internal import FeatureModel
internal import StorageIO

/// Writes one chunk file, block by block; nothing is durable before `finish`.
struct ChunkWriter: ~Copyable {
    private let header: ChunkHeader
    private let file: any StorageFile
    private var offset: Int
    private var blocks: [BlockEntry] = []
    private var bounds = RowBounds()

    var byteCount: Int { offset }

    /// Creates the file and writes its head.
    init(_ header: ChunkHeader, directory: String, storage: any Storage) throws(HeadwaterError) {
        let file = try storage.open(directory + "/" + ChunkFormat.fileName(header.number), .create)
        let bytes = header.encode()
        try file.write(bytes[...], at: 0)
        self.header = header
        self.file = file
        offset = bytes.count
    }

    /// Writes the picked rows as one block.
    mutating func append(_ rows: RowGather) throws(HeadwaterError) {
        precondition(!rows.isEmpty)
        var pages: [PageEntry] = []
        let (keys, counts) = rows.keyColumn()
        var keyRows = ColumnBuilder(.int32, capacity: counts.count)
        for count in counts { keyRows.append(int32: Int32(count)) }
        let times = rows.column(.timestamp) { $0.eventTimes[$1] }
        let positions = rows.column(.int64) { Int64(bitPattern: $0.positions[$1]) }
        try append(keys, to: &pages)
        try append(keyRows.finish(), to: &pages)
        try append(times, to: &pages)
        if header.hasAvailableTime {
            try append(rows.column(.timestamp) { (block) throws(HeadwaterError) in try block.availableTimes() }, to: &pages)
        }
        try append(rows.column(.timestamp) { (block) throws(HeadwaterError) in try block.ingestTimes() }, to: &pages)
        try append(positions, to: &pages)
        try append(rows.column(.int32) { Int64(Int32(bitPattern: $0.rows[$1])) }, to: &pages)
        try append(rows.column(.bool) { $0.tombstones }, to: &pages)
        for feature in header.features {
            try append(
                rows.column(feature.type) { (block) throws(HeadwaterError) in try block.feature(feature.ordinal) }, to: &pages)
        }
        let block = BlockEntry(
            rowCount: rows.count, firstKey: Array(rows.firstKey), lastKey: Array(rows.lastKey), pages: pages)
        blocks.append(block)
        bounds.formUnion(following: Self.bounds(block, times: times.int64Cells(), positions: positions.int64Cells()))
    }

    /// Writes directory and footer and makes the file durable; its name becomes so with the directory of the files.
    consuming func finish(level: Int, run: UInt64) throws(HeadwaterError) -> ChunkEntry {
        let directoryAt = offset
        let directory = ChunkDirectory(bounds: bounds, blocks: blocks).encode(columnCount: header.pageTypes.count)
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

    private mutating func append(_ column: Column, to pages: inout [PageEntry]) throws(HeadwaterError) {
        var (bytes, entry) = PageCodec.encode(column)
        entry.offset = offset
        try append(bytes)
        pages.append(entry)
    }

    private mutating func append(_ bytes: [UInt8]) throws(HeadwaterError) {
        try file.write(bytes[...], at: offset)
        offset += bytes.count
    }

    private static func bounds(_ block: BlockEntry, times: [Int64], positions: [Int64]) -> RowBounds {
        let unsigned = positions.lazy.map { Position(bitPattern: $0) }
        return RowBounds(
            rowCount: block.rowCount, eventTimeLeast: times.min()!, eventTimeGreatest: times.max()!,
            positionLeast: unsigned.min()!,
            positionGreatest: unsigned.max()!, keyLeast: block.firstKey, keyGreatest: block.lastKey)
    }
}
