internal import FeatureModel

/// One row block of a chunk: how many rows, between which keys, and where its pages lie.
struct BlockEntry: Hashable, Sendable {
    let rowCount: Int
    let firstKey: [UInt8]
    let lastKey: [UInt8]
    let pages: [PageEntry]

    var hasOneKey: Bool { firstKey == lastKey }
}

/// The directory of a chunk: all that a reader needs to find, or skip, a block.
struct ChunkDirectory: Hashable, Sendable {
    let bounds: RowBounds
    let blocks: [BlockEntry]
    /// Positions and ingest times of the records that the rows came in; `nil` in version 1 of the format.
    let records: RecordPages?

    struct RecordPages: Hashable, Sendable {
        let positions: PageEntry
        let ingestTimes: PageEntry
    }

    /// All pages in the order of the file.
    var pages: [PageEntry] { blocks.flatMap(\.pages) + (records.map { [$0.positions, $0.ingestTimes] } ?? []) }

    func encode(columnCount: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: UInt64(bounds.rowCount))
        bytes.append(littleEndian: bounds.eventTimeLeast)
        bytes.append(littleEndian: bounds.eventTimeGreatest)
        bytes.append(littleEndian: bounds.positionLeast)
        bytes.append(littleEndian: bounds.positionGreatest)
        bytes.append(littleEndian: UInt32(blocks.count))
        bytes.append(littleEndian: UInt32(columnCount))
        if let records {
            records.positions.encode(to: &bytes)
            records.ingestTimes.encode(to: &bytes)
        }
        for block in blocks {
            bytes.append(littleEndian: UInt32(block.rowCount))
            bytes.append(littleEndian: UInt16(block.firstKey.count))
            bytes.append(littleEndian: UInt16(block.lastKey.count))
            bytes.append(contentsOf: block.firstKey)
            bytes.append(contentsOf: block.lastKey)
            for page in block.pages { page.encode(to: &bytes) }
        }
        bytes.append(littleEndian: CRC32C.checksum(bytes))
        return bytes
    }

    /// Decodes bytes whose checksum holds.
    ///
    /// - Throws: `.dataLoss` without a location.
    init(decoding bytes: ArraySlice<UInt8>, columnCount: Int, version: UInt16) throws(HeadwaterError) {
        var reader = ByteReader(bytes, cutOff: ChunkFormat.cutOff)
        let rowCount = try reader.integer(UInt64.self)
        let times = (try reader.integer(Int64.self), try reader.integer(Int64.self))
        let positions = (try reader.integer(UInt64.self), try reader.integer(UInt64.self))
        let blockCount = try reader.integer(UInt32.self)
        guard try reader.integer(UInt32.self) == UInt32(columnCount) else {
            throw HeadwaterError(.dataLoss, "the directory has another number of columns than the header")
        }
        records =
            version == 1
            ? nil : RecordPages(positions: try PageEntry(decoding: &reader), ingestTimes: try PageEntry(decoding: &reader))
        var blocks: [BlockEntry] = []
        var sum = 0
        for _ in 0..<blockCount {
            let rows = Int(try reader.integer(UInt32.self))
            guard (1...ChunkFormat.blockRowsMax).contains(rows) else {
                throw HeadwaterError(.dataLoss, "the directory has a block of \(rows) rows")
            }
            let firstBytes = Int(try reader.integer(UInt16.self))
            let lastBytes = Int(try reader.integer(UInt16.self))
            let first = Array(try reader.bytes(firstBytes))
            let last = Array(try reader.bytes(lastBytes))
            var pages: [PageEntry] = []
            pages.reserveCapacity(columnCount)
            for _ in 0..<columnCount { pages.append(try PageEntry(decoding: &reader)) }
            sum += rows
            blocks.append(BlockEntry(rowCount: rows, firstKey: first, lastKey: last, pages: pages))
        }
        guard reader.isAtEnd, UInt64(sum) == rowCount else {
            throw HeadwaterError(.dataLoss, "the directory's blocks do not add up")
        }
        self.blocks = blocks
        bounds = RowBounds(
            rowCount: sum, eventTimeLeast: times.0, eventTimeGreatest: times.1, positionLeast: positions.0,
            positionGreatest: positions.1, keyLeast: blocks.first?.firstKey ?? [], keyGreatest: blocks.last?.lastKey ?? [])
    }

    init(bounds: RowBounds, blocks: [BlockEntry], records: RecordPages) {
        self.bounds = bounds
        self.blocks = blocks
        self.records = records
    }
}

extension PageEntry {
    func encode(to bytes: inout [UInt8]) {
        bytes.append(littleEndian: UInt64(offset))
        bytes.append(littleEndian: UInt32(storedBytes))
        bytes.append(littleEndian: UInt32(rawBytes))
        bytes.append(littleEndian: checksum)
        bytes.append(littleEndian: UInt32(cellCount))
        bytes.append(littleEndian: UInt32(nullCount))
        let parts: (code: UInt8, least: UInt64, greatest: UInt64) =
            switch bounds {
            case .none: (0, 0, 0)
            case .integer(let least, let greatest): (1, UInt64(bitPattern: least), UInt64(bitPattern: greatest))
            case .float(let least, let greatest): (2, least.bitPattern, greatest.bitPattern)
            }
        bytes.append(contentsOf: [encoding, isCompressed ? 1 : 0, parts.code, 0])
        bytes.append(littleEndian: parts.least)
        bytes.append(littleEndian: parts.greatest)
    }

    init(decoding reader: inout ByteReader) throws(HeadwaterError) {
        let entry = try reader.bytes(ChunkFormat.pageEntryBytes)
        let least: UInt64 = entry.littleEndian(at: 32)
        let greatest: UInt64 = entry.littleEndian(at: 40)
        let bounds: PageBounds
        switch entry.littleEndian(at: 30, as: UInt8.self) {
        case 0: bounds = .none
        case 1: bounds = .integer(Int64(bitPattern: least), Int64(bitPattern: greatest))
        case 2: bounds = .float(Double(bitPattern: least), Double(bitPattern: greatest))
        default: throw HeadwaterError(.dataLoss, "bounds of an unknown kind")
        }
        let compression: UInt8 = entry.littleEndian(at: 29)
        guard compression <= 1 else {
            throw HeadwaterError(.unimplemented, "page compression \(compression) is not known to this version")
        }
        guard let offset = Int(exactly: entry.littleEndian(at: 0, as: UInt64.self)) else {
            throw HeadwaterError(.dataLoss, "a page beyond every file")
        }
        self.init(
            offset: offset, storedBytes: Int(entry.littleEndian(at: 8, as: UInt32.self)),
            rawBytes: Int(entry.littleEndian(at: 12, as: UInt32.self)), checksum: entry.littleEndian(at: 16),
            cellCount: Int(entry.littleEndian(at: 20, as: UInt32.self)),
            nullCount: Int(entry.littleEndian(at: 24, as: UInt32.self)),
            encoding: entry.littleEndian(at: 28), isCompressed: compression == 1, bounds: bounds)
    }
}
