internal import FeatureModel
internal import StorageIO

/// Writes a view into a new snapshot file, streaming: memory holds one stripe, and 4 bytes for each block.
struct SnapshotWriter {
    private let header: SnapshotHeader
    private let file: any StorageFile
    private var index: IndexStream
    private var rows: BlockStream
    private var statistics: [GroupID: GroupStatistics] = [:]

    init(_ file: any StorageFile, _ header: SnapshotHeader, _ index: SnapshotIndex) {
        self.header = header
        self.file = file
        self.index = IndexStream(BlockStream(file, at: SnapshotIndex.offset), index)
        rows = BlockStream(file, at: SnapshotFormat.aligned(SnapshotIndex.offset + index.byteCount))
    }

    /// Appends a row; rows come in hash order.
    ///
    /// - Returns: `false` where the index is full: another one, twice as large, will do.
    mutating func append(_ row: borrowing RowBuffer) throws(HeadwaterError) -> Bool {
        guard rows.offset <= SnapshotIndex.rowOffsetMax else {
            throw HeadwaterError(
                .resourceExhausted, "the rows of a snapshot take more than \(SnapshotIndex.rowOffsetMax) bytes: delete rows")
        }
        guard try index.append(row.hash, rowOffset: rows.offset) else { return false }
        try rows.append(row.bytes)
        let header = row.header
        statistics[header.groupID, default: GroupStatistics()].add(header)
        return true
    }

    /// Writes all that follows the rows. The caller syncs.
    mutating func finish(groups: [GroupID: GroupState], extra: [UInt8]) throws(HeadwaterError) {
        try index.finish()
        let rowsEnd = rows.offset
        try rows.finish()
        var meta = SnapshotMeta()
        meta.groups = groups
        meta.statistics = statistics
        meta.extra = extra
        let metaBytes = meta.encode()
        try rows.append(metaBytes)
        try rows.finish()
        let geometry = SnapshotGeometry(index: index.index, rowsEnd: rowsEnd, metaCount: metaBytes.count)

        var first = BlockStream(file, at: 0)
        try first.append(header.encode())
        try first.finish()
        var sums = BlockStream(file, at: geometry.sumsOffset)
        for part in [first.sums, index.stream.sums, rows.sums] {
            for sum in part { try sums.append(Self.bytes(sum)) }
        }
        try sums.finish()
        let topSums = sums.sums.flatMap(Self.bytes)
        let footer = SnapshotFooter(
            geometry: geometry, topSumsChecksum: CRC32C.checksum(topSums),
            rows: statistics.values.reduce(0) { $0 + $1.rows }, tombstones: statistics.values.reduce(0) { $0 + $1.tombstones })
        try file.write((topSums + footer.encode())[...], at: geometry.topSumsOffset)
    }

    private static func bytes(_ sum: UInt32) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: sum)
        return bytes
    }
}
