internal import FeatureModel
internal import StorageIO
internal import Synchronization

/// Head and directory of a chunk, checked.
struct ChunkLayout: Sendable {
    let header: ChunkHeader
    let directory: ChunkDirectory
    /// Types of the page columns of each block.
    let pageTypes: [FeatureType]

    var featureBase: Int { pageTypes.count - header.features.count }
}

/// An open chunk file. All methods may be called from any thread.
///
/// The mapping keeps the bytes readable after the file has been unlinked, so a view may outlive a compaction.
final class ChunkFile: Sendable {
    let entry: ChunkEntry
    let bytes: ChunkBytes
    private let logID: [UInt8]
    private let checked = Mutex<ChunkLayout?>(nil)

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

    /// A system column of a block; every one but key and key_rows has a cell for each row.
    func systemPage(_ column: SystemColumn, _ layout: ChunkLayout, block: Int) throws(HeadwaterError) -> Column {
        let isBehindAvailable = column.rawValue > SystemColumn.availableTime.rawValue
        let index = column.rawValue - (isBehindAvailable && !layout.header.hasAvailableTime ? 1 : 0)
        let page = try self.page(index, layout, block: block)
        let entry = layout.directory.blocks[block]
        if column != .availableTime, page.nullCount > 0 {
            throw bytes.damage("nulls in a column that has none", at: entry.pages[index].offset)
        }
        return page
    }

    /// A feature of a block; `nil` where the chunk does not have it.
    func featurePage(_ ordinal: Int, _ layout: ChunkLayout, block: Int) throws(HeadwaterError) -> Column? {
        guard let index = layout.header.features.firstIndex(where: { $0.ordinal == ordinal }) else { return nil }
        return try page(layout.featureBase + index, layout, block: block)
    }

    /// Reads every byte and checks it.
    ///
    /// - Parameter visit: told each block that holds.
    /// - Throws: `.dataLoss` at the first damage, and what `visit` throws.
    func verify(_ visit: ScrubVisit = { _ in }) throws(HeadwaterError) {
        let layout = try readLayout()
        var previous: (key: [UInt8], order: RowOrder)?
        for number in layout.directory.blocks.indices {
            let block = try RowBlock(chunk: self, layout: layout, block: number, gauge: nil)
            _ = try block.ingestTimes()
            _ = try block.availableTimes()
            for feature in layout.header.features { _ = try block.feature(feature.ordinal) }
            for key in 0..<block.keys.count {
                let bytes = Array(block.keys.bytes(key))
                for row in block.keyStarts[key]..<block.keyStarts[key + 1] {
                    let order = RowOrder(eventTime: block.eventTimes[row], position: block.positions[row], row: block.rows[row])
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
        for page in try readLayout().directory.blocks.lazy.flatMap(\.pages) {
            let checksum = try bytes.withBytes(at: page.offset, count: page.storedBytes) { CRC32C.checksum($0) }
            guard checksum == page.checksum else { throw bytes.damage("a page's checksum does not match", at: page.offset) }
        }
    }

    private func page(_ index: Int, _ layout: ChunkLayout, block: Int) throws(HeadwaterError) -> Column {
        let entry = layout.directory.blocks[block]
        let page = entry.pages[index]
        guard index < 2 || page.cellCount == entry.rowCount else {
            throw bytes.damage("a page has another number of cells than its block has rows", at: page.offset)
        }
        return try PageCodec.decode(page, type: layout.pageTypes[index], from: bytes)
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
        let types = header.pageTypes
        let directory: ChunkDirectory
        do { directory = try ChunkDirectory(decoding: raw.dropLast(4), columnCount: types.count) } catch {
            throw error.located(at: "\(bytes.path):\(directoryAt)")
        }
        guard directory.bounds == entry.bounds else {
            throw bytes.damage("its rows and bounds are not those that the manifest states", at: Int(directoryAt))
        }
        var expected = headerBytes.count
        for page in directory.blocks.lazy.flatMap(\.pages) {
            guard page.offset == expected else { throw bytes.damage("pages do not follow each other", at: expected) }
            expected += page.storedBytes
        }
        guard expected == Int(directoryAt) else { throw bytes.damage("pages do not end at the directory", at: expected) }
        return ChunkLayout(header: header, directory: directory, pageTypes: types)
    }
}
