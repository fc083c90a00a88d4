internal import FeatureModel
internal import StorageIO

/// Writes a view into a new snapshot file, streaming: memory holds one stripe, and 4 bytes for each block.
struct SnapshotWriter {
    private let header: SnapshotHeader
    private let directoryBits: Int
    private let file: any StorageFile
    private var directory: BlockStream
    private var rows: BlockStream
    private var nextBucket = 0
    private var statistics: [GroupID: GroupStatistics] = [:]

    /// - Parameter rowsMax: at least as many as will be appended.
    init(_ file: any StorageFile, _ header: SnapshotHeader, rowsMax: Int) {
        self.header = header
        self.file = file
        directoryBits = SnapshotFormat.directoryBits(rows: rowsMax)
        directory = BlockStream(file, at: SnapshotFormat.blockBytes)
        rows = BlockStream(file, at: SnapshotGeometry.rowsOffset(directoryBits: directoryBits))
    }

    /// Appends a row; rows come in hash order.
    mutating func append(_ row: borrowing RowBuffer) throws(HeadwaterError) {
        let rowHeader = row.header
        try fillDirectory(through: SnapshotFormat.bucket(row.hash, bits: directoryBits))
        try rows.append(row.bytes)
        statistics[rowHeader.groupID, default: GroupStatistics()].add(rowHeader)
    }

    /// Writes all that follows the rows. The caller syncs.
    mutating func finish(groups: [GroupID: GroupState], extra: [UInt8]) throws(HeadwaterError) {
        try fillDirectory(through: 1 << directoryBits)
        try directory.finish()
        let rowsEnd = rows.offset
        try rows.finish()
        var meta = SnapshotMeta()
        meta.groups = groups
        meta.statistics = statistics
        meta.extra = extra
        let metaBytes = meta.encode()
        try rows.append(metaBytes)
        try rows.finish()
        let geometry = SnapshotGeometry(directoryBits: directoryBits, rowsEnd: rowsEnd, metaCount: metaBytes.count)

        var first = BlockStream(file, at: 0)
        try first.append(header.encode())
        try first.finish()
        var sums = BlockStream(file, at: geometry.sumsOffset)
        for part in [first.sums, directory.sums, rows.sums] {
            for sum in part { try sums.append(Self.bytes(sum)) }
        }
        try sums.finish()
        let topSums = sums.sums.flatMap(Self.bytes)
        let footer = SnapshotFooter(
            geometry: geometry, topSumsChecksum: CRC32C.checksum(topSums),
            rows: statistics.values.reduce(0) { $0 + $1.rows }, tombstones: statistics.values.reduce(0) { $0 + $1.tombstones })
        try file.write((topSums + footer.encode())[...], at: geometry.topSumsOffset)
    }

    /// Lets every bucket up to this one, if it has no start yet, start at the next row.
    private mutating func fillDirectory(through bucket: Int) throws(HeadwaterError) {
        while nextBucket <= bucket {
            try directory.append(littleEndian: UInt64(rows.offset))
            nextBucket += 1
        }
    }

    private static func bytes(_ sum: UInt32) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: sum)
        return bytes
    }
}
