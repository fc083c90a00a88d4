internal import FeatureModel

/// Constants and geometry of a snapshot file (docs/formats/snapshot.md).
enum SnapshotFormat {
    static let magic: UInt64 = 0x3130_5041_4E53_5748  // "HWSNAP01"
    static let footerMagic: UInt64 = 0x5446_5041_4E53_5748  // "HWSNAPFT"
    static let version: UInt32 = 2
    static let leastReaderVersion: UInt32 = 2
    static let blockBytes = 4_096
    static let headerBytes = 56
    static let footerBytes = 64
    static func aligned(_ count: Int) -> Int { (count + blockBytes - 1) / blockBytes * blockBytes }

    /// `snapshot-` and 20 digits and `.hws`.
    static func name(_ position: Position) -> String {
        "snapshot-" + position.zeroPadded(to: 20) + ".hws"
    }

    /// The file that a store writes while it is being restored; no open reads it.
    static let restoringName = "restoring.hws"

    /// Whether a crash left a file of this name.
    static func isLeftover(_ name: String) -> Bool {
        name.hasPrefix("snapshot-") && name.hasSuffix(".tmp") || name.hasPrefix(restoringName)
    }

    /// The position in a snapshot's name; `nil` for any other name.
    static func position(ofName name: String) -> Position? {
        guard name.hasPrefix("snapshot-"), name.hasSuffix(".hws"), name.utf8.count == 33 else { return nil }
        return Position(name.dropFirst(9).dropLast(4))
    }
}

/// The offsets of a snapshot's parts, which follow from three numbers of the footer.
struct SnapshotGeometry: Sendable {
    let index: SnapshotIndex
    let rowsEnd: Int
    let metaCount: Int

    var rowsOffset: Int { SnapshotFormat.aligned(SnapshotIndex.offset + index.byteCount) }
    var metaOffset: Int { SnapshotFormat.aligned(rowsEnd) }
    var blockCount: Int { SnapshotFormat.aligned(metaOffset + metaCount) / SnapshotFormat.blockBytes }
    var sumsOffset: Int { blockCount * SnapshotFormat.blockBytes }
    var sumsBlockCount: Int { SnapshotFormat.aligned(blockCount * 4) / SnapshotFormat.blockBytes }
    var topSumsOffset: Int { sumsOffset + sumsBlockCount * SnapshotFormat.blockBytes }
    var footerOffset: Int { topSumsOffset + sumsBlockCount * 4 }
    var fileCount: Int { footerOffset + SnapshotFormat.footerBytes }
}

/// The first block.
struct SnapshotHeader: Sendable {
    let seed: UInt64
    let position: Position
    /// 16 bytes.
    let logID: [UInt8]
    let ingestTimeHighWater: Microseconds

    /// The block, padded.
    func encode() -> [UInt8] {
        precondition(logID.count == 16)
        var bytes: [UInt8] = []
        bytes.append(littleEndian: SnapshotFormat.magic)
        bytes.append(littleEndian: SnapshotFormat.version)
        bytes.append(littleEndian: SnapshotFormat.leastReaderVersion)
        bytes.append(littleEndian: seed)
        bytes.append(littleEndian: position)
        bytes.append(contentsOf: logID)
        bytes.append(littleEndian: ingestTimeHighWater)
        bytes.pad(to: SnapshotFormat.blockBytes)
        return bytes
    }

    init(seed: UInt64, position: Position, logID: [UInt8], ingestTimeHighWater: Microseconds) {
        self.seed = seed
        self.position = position
        self.logID = logID
        self.ingestTimeHighWater = ingestTimeHighWater
    }

    /// Reads a header whose checksum is right.
    init(decoding bytes: [UInt8]) {
        seed = bytes[...].littleEndian(at: 16)
        position = bytes[...].littleEndian(at: 24)
        logID = Array(bytes[32..<48])
        ingestTimeHighWater = bytes[...].littleEndian(at: 48)
    }
}

/// The last 64 bytes.
struct SnapshotFooter: Sendable {
    let geometry: SnapshotGeometry
    let topSumsChecksum: UInt32
    let rows: Int
    let tombstones: Int

    func encode() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: SnapshotFormat.footerMagic)
        bytes.append(littleEndian: geometry.index.code)
        bytes.append(littleEndian: topSumsChecksum)
        bytes.append(littleEndian: UInt64(geometry.rowsEnd))
        bytes.append(littleEndian: UInt64(geometry.metaCount))
        bytes.append(littleEndian: UInt64(rows))
        bytes.append(littleEndian: UInt64(tombstones))
        bytes.append(littleEndian: UInt64(geometry.fileCount))
        bytes.append(littleEndian: UInt32(0))
        bytes.append(littleEndian: CRC32C.checksum(bytes))
        return bytes
    }

    init(geometry: SnapshotGeometry, topSumsChecksum: UInt32, rows: Int, tombstones: Int) {
        self.geometry = geometry
        self.topSumsChecksum = topSumsChecksum
        self.rows = rows
        self.tombstones = tombstones
    }

    /// - Parameter version: of the file's format.
    /// - Returns: `nil` where the bytes are no footer of a file of `fileCount` bytes.
    init?(decoding bytes: [UInt8], version: UInt32, fileCount: Int) {
        let all = bytes[...]
        guard bytes.count == SnapshotFormat.footerBytes, all.littleEndian(at: 0, as: UInt64.self) == SnapshotFormat.footerMagic,
            all.littleEndian(at: 60, as: UInt32.self) == CRC32C.checksum(all.prefix(60)),
            all.littleEndian(at: 48, as: UInt64.self) == UInt64(fileCount)
        else { return nil }
        guard let index = SnapshotIndex(code: all.littleEndian(at: 8), version: version, fileCount: fileCount),
            let rowsEnd = Int(exactly: all.littleEndian(at: 16, as: UInt64.self)),
            let metaCount = Int(exactly: all.littleEndian(at: 24, as: UInt64.self)), rowsEnd <= fileCount, metaCount <= fileCount,
            let rows = Int(exactly: all.littleEndian(at: 32, as: UInt64.self)),
            let tombstones = Int(exactly: all.littleEndian(at: 40, as: UInt64.self))
        else { return nil }
        geometry = SnapshotGeometry(index: index, rowsEnd: rowsEnd, metaCount: metaCount)
        guard geometry.fileCount == fileCount, geometry.rowsOffset <= rowsEnd else { return nil }
        topSumsChecksum = all.littleEndian(at: 12)
        self.rows = rows
        self.tombstones = tombstones
    }
}
