internal import FeatureModel
internal import StorageIO
internal import Synchronization

/// Head and directory of a chunk, checked.
struct ChunkLayout: Sendable {
    let header: ChunkHeader
    let directory: ChunkDirectory
    /// Types of the page columns of each block.
    let pageTypes: [FeatureType]
    /// Page number of each system column that the chunk has.
    private let systemPages: [Int?]
    private let featurePages: [Int: Int]

    init(header: ChunkHeader, directory: ChunkDirectory) {
        self.header = header
        self.directory = directory
        pageTypes = header.pageTypes
        let columns = header.systemColumns
        systemPages = SystemColumn.allCases.map { columns.firstIndex(of: $0) }
        featurePages = Dictionary(
            uniqueKeysWithValues: header.features.enumerated().map { ($0.element.ordinal, columns.count + $0.offset) })
    }

    func page(of column: SystemColumn) -> Int? { systemPages[column.rawValue] }

    /// The page of a feature; `nil` where the chunk does not have it.
    func page(ofFeature ordinal: Int) -> Int? { featurePages[ordinal] }
}

/// An open chunk file. All methods may be called from any thread.
///
/// The mapping keeps the bytes readable after the file has been unlinked, so a view may outlive a compaction.
final class ChunkFile: Sendable {
    let entry: ChunkEntry
    let bytes: ChunkBytes
    private let logID: [UInt8]
    private let checked = Mutex<ChunkLayout?>(nil)
    private let recordTimes = Mutex<RecordTimes?>(nil)

    /// Opens the file that a manifest names.
    ///
    /// - Throws: `.dataLoss` where the file is missing or of another length.
    init(_ entry: ChunkEntry, logID: [UInt8], path: String, storage: any Storage) throws(HeadwaterError) {
        self.entry = entry
        self.logID = logID
        guard storage.exists(path) else {
            throw HeadwaterError(
                .dataLoss,
                "the manifest names this chunk and it is missing; restore it, or rebuild the offline store from the log",
                at: "\(path):0")
        }
        bytes = ChunkBytes(file: try storage.map(path))
        guard bytes.count == entry.fileBytes else {
            throw bytes.damage(
                "it has \(bytes.count) bytes where the manifest says \(entry.fileBytes)", at: min(bytes.count, entry.fileBytes))
        }
    }

    /// Head and directory, read and checked at the first call.
    func layout() throws(HeadwaterError) -> ChunkLayout {
        try checked.withLock { (known) throws(HeadwaterError) -> ChunkLayout in
            if let known { return known }
            let layout = try readLayout()
            known = layout
            return layout
        }
    }

    /// A system column of a block that the chunk has; every one but key and key_rows has a cell for each row.
    func systemPage(_ column: SystemColumn, _ layout: ChunkLayout, block: Int) throws(HeadwaterError) -> Column {
        let index = layout.page(of: column)!
        let page = try decodePage(index, layout, block: block)
        if column != .availableTime, page.nullCount > 0 {
            throw bytes.damage("nulls in a column that has none", at: layout.directory.blocks[block].pages[index].offset)
        }
        return page
    }

    /// The numbers of a system column of integers or times; as `systemPage`.
    func systemNumbers(_ column: SystemColumn, _ layout: ChunkLayout, block: Int) throws(HeadwaterError) -> [Int64] {
        let index = layout.page(of: column)!
        return try PageCodec.decodeIntegers(try page(index, layout, block: block), type: layout.pageTypes[index], from: bytes)
    }

    /// Lends the same numbers one by one, without decoding others where the page's encoding allows that.
    func withSystemNumbers<Result>(
        _ column: SystemColumn, _ layout: ChunkLayout, block: Int, _ body: ((Int) -> Int64) -> Result
    ) throws(HeadwaterError) -> Result {
        let index = layout.page(of: column)!
        let page = try page(index, layout, block: block)
        if let result = try PageCodec.withPackedIntegers(page, from: bytes, body) { return result }
        let numbers = try PageCodec.decodeIntegers(page, type: layout.pageTypes[index], from: bytes)
        return body { numbers[$0] }
    }

    /// Reads and decodes one page of a block.
    func decodePage(_ index: Int, _ layout: ChunkLayout, block: Int) throws(HeadwaterError) -> Column {
        try PageCodec.decode(try page(index, layout, block: block), type: layout.pageTypes[index], from: bytes)
    }

    /// An estimate of the key bytes of a row, in the block where they are most: a key stands once for all its rows of a block.
    func keyBytes() throws(HeadwaterError) -> Int {
        let layout = try layout()
        let page = layout.page(of: .key)!
        return layout.directory.blocks.map { $0.pages[page].rawBytes / max($0.rowCount, 1) + 1 }.max() ?? 0
    }

    /// The records that the rows came in, read at the first call.
    func records() throws(HeadwaterError) -> RecordTimes {
        if let known = recordTimes.withLock({ $0 }) { return known }
        let read = try readRecords(try layout())
        recordTimes.withLock { $0 = read }
        return read
    }

    /// The ingest times of rows.
    ///
    /// - Throws: `.dataLoss` for a position that no record has.
    func ingestTimes(of positions: [Position], in records: RecordTimes) throws(HeadwaterError) -> [Microseconds] {
        try positions.map { (position) throws(HeadwaterError) in
            guard let time = records.ingestTime(position) else {
                throw bytes.damage("a row of position \(position), of which there is no record", at: 0)
            }
            return time
        }
    }

    private func readRecords(_ layout: ChunkLayout) throws(HeadwaterError) -> RecordTimes {
        guard let pages = layout.directory.records else { return try recordsOfVersion1(layout) }
        let positions = try PageCodec.decode(pages.positions, type: .int64, from: bytes)
        let times = try PageCodec.decode(pages.ingestTimes, type: .timestamp, from: bytes)
        let read = positions.int64Cells().map { Position(bitPattern: $0) }
        guard positions.count == times.count, positions.nullCount + times.nullCount == 0,
            zip(read, read.dropFirst()).allSatisfy({ $0 < $1 })
        else { throw bytes.damage("its records are out of order", at: pages.positions.offset) }
        return RecordTimes(positions: read, ingestTimes: times.int64Cells())
    }

    /// Version 1 has the ingest time beside each row.
    private func recordsOfVersion1(_ layout: ChunkLayout) throws(HeadwaterError) -> RecordTimes {
        var times: [Position: Microseconds] = [:]
        for block in layout.directory.blocks.indices {
            let positions = try systemNumbers(.position, layout, block: block)
            let ingested = try systemNumbers(.ingestTime, layout, block: block)
            for (position, time) in zip(positions, ingested) { times[Position(bitPattern: position)] = time }
        }
        let positions = times.keys.sorted()
        return RecordTimes(positions: positions, ingestTimes: positions.map { times[$0]! })
    }

    /// Reads every byte and checks it.
    ///
    /// - Parameter visit: told each block that holds.
    /// - Throws: `.dataLoss` at the first damage, and what `visit` throws.
    func verify(_ visit: ScrubVisit = { _ in }) throws(HeadwaterError) {
        let layout = try readLayout()
        // Whatever has been checked before.
        try verifyChecksums()
        let records = try readRecords(layout)
        var previous: (key: [UInt8], order: RowOrder)?
        for number in layout.directory.blocks.indices {
            let block = try RowBlock(chunk: self, layout: layout, block: number, gauge: nil)
            try block.loadOrder()
            // Every page, also those that a reader may pass over.
            for page in layout.pageTypes.indices { _ = try decodePage(page, layout, block: number) }
            _ = try ingestTimes(of: block.positions, in: records)
            for key in 0..<block.keys.count {
                let bytes = Array(block.keys.bytes(key))
                for row in block.keyStarts[key]..<block.keyStarts[key + 1] {
                    let order = block.order(row)
                    if let previous {
                        let keys = KeyBytes.compare(previous.key[...], bytes[...])
                        guard keys < 0 || keys == 0 && previous.order < order else {
                            throw self.bytes.damage("rows are out of order", at: layout.directory.blocks[number].pages[0].offset)
                        }
                    }
                    previous = (bytes, order)
                }
            }
            let entry = layout.directory.blocks[number]
            try visit(.checked(bytes: entry.pages.reduce(0) { $0 + $1.storedBytes }, rows: entry.rowCount))
        }
    }

    /// Checks the checksum of every page without decoding it.
    ///
    /// - Throws: `.dataLoss` at the first damage.
    func verifyChecksums() throws(HeadwaterError) {
        for page in try readLayout().directory.pages {
            let checksum = try bytes.withBytes(at: page.offset, count: page.storedBytes) { CRC32C.checksum($0) }
            guard checksum == page.checksum else {
                bytes.checkedPages.remove(page)
                throw bytes.damage("a page's checksum does not match", at: page.offset)
            }
            bytes.checkedPages.insert(page)
        }
    }

    /// The entry of a page of a block, whose cells are as many as the block has rows.
    func page(_ index: Int, _ layout: ChunkLayout, block: Int) throws(HeadwaterError) -> PageEntry {
        let entry = layout.directory.blocks[block]
        let page = entry.pages[index]
        guard index < 2 || page.cellCount == entry.rowCount else {
            throw bytes.damage("a page has another number of cells than its block has rows", at: page.offset)
        }
        return page
    }

    private func readLayout() throws(HeadwaterError) -> ChunkLayout {
        let header = try ChunkHeader(decoding: bytes)
        guard header.number == entry.number, header.groupID == entry.groupID, header.logID == logID else {
            throw bytes.damage(
                "it is chunk \(header.number) of group \(header.groupID), not the one that the manifest names", at: 16)
        }
        let headerBytes = header.encode()
        let footerAt = bytes.count - ChunkFormat.footerBytes
        let footer = try bytes.bytes(at: footerAt, count: ChunkFormat.footerBytes)[...]
        let directoryAt: UInt64 = footer.littleEndian(at: 0)
        let directoryBytes = Int(footer.littleEndian(at: 8, as: UInt32.self))
        guard footer.littleEndian(at: 32, as: UInt64.self) == ChunkFormat.footerMagic,
            footer.littleEndian(at: 28, as: UInt32.self) == CRC32C.checksum(footer.prefix(28)),
            footer.littleEndian(at: 16, as: UInt64.self) == UInt64(bytes.count),
            directoryAt <= UInt64(footerAt), Int(directoryAt) + directoryBytes == footerAt, directoryBytes >= 4,
            Int(directoryAt) >= headerBytes.count
        else { throw bytes.damage("the footer does not hold", at: footerAt) }
        guard footer.littleEndian(at: 12, as: UInt32.self) == headerBytes.suffix(4).littleEndian(at: 0, as: UInt32.self) else {
            throw bytes.damage("header and footer are of different files", at: footerAt + 12)
        }
        let raw = try bytes.bytes(at: Int(directoryAt), count: directoryBytes)[...]
        guard CRC32C.checksum(raw.dropLast(4)) == raw.littleEndian(at: raw.count - 4, as: UInt32.self) else {
            throw bytes.damage("the directory's checksum does not match", at: Int(directoryAt))
        }
        let directory: ChunkDirectory
        do {
            directory = try ChunkDirectory(
                decoding: raw.dropLast(4), columnCount: header.pageTypes.count, version: header.version)
        } catch {
            throw error.located(at: "\(bytes.path):\(directoryAt)")
        }
        guard directory.bounds == entry.bounds else {
            throw bytes.damage("its rows and bounds are not those that the manifest states", at: Int(directoryAt))
        }
        var expected = headerBytes.count
        for page in directory.pages {
            guard page.offset == expected else { throw bytes.damage("pages do not follow each other", at: expected) }
            expected += page.storedBytes
        }
        guard expected == Int(directoryAt) else { throw bytes.damage("pages do not end at the directory", at: expected) }
        return ChunkLayout(header: header, directory: directory)
    }
}
