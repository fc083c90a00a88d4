internal import FeatureModel
internal import StorageIO

/// A mapped snapshot, probed in place. Blocks are checked at first touch.
final class SnapshotFile: Sendable {
    let map: MappedFile
    let header: SnapshotHeader
    let footer: SnapshotFooter
    let meta: SnapshotMeta
    private let checked: CheckedBlocks
    private let checkedSums: CheckedBlocks

    var geometry: SnapshotGeometry { footer.geometry }

    /// Maps a snapshot and checks footer, header and meta.
    ///
    /// - Complexity: O(1) in rows, but for one checksum every 4 MiB.
    /// - Throws: `.dataLoss` with `file:offset` for damage, `.unimplemented` for a newer format.
    init(_ storage: any Storage, _ path: String) throws(HeadwaterError) {
        let map = try storage.map(path)
        try Self.checkVersion(map)
        let footerAt = map.count - SnapshotFormat.footerBytes
        guard footerAt >= SnapshotFormat.blockBytes,
            let footer = SnapshotFooter(
                decoding: map.bytes(at: footerAt, count: SnapshotFormat.footerBytes), fileCount: map.count)
        else { throw Self.damage(path, max(footerAt, 0), "there is no footer of a file of \(map.count) bytes") }
        let geometry = footer.geometry
        let topSums = map.withBytes(geometry.topSumsOffset..<geometry.footerOffset) { CRC32C.checksum($0) }
        guard topSums == footer.topSumsChecksum else {
            throw Self.damage(path, geometry.topSumsOffset, "a checksum does not match")
        }
        self.map = map
        self.footer = footer
        checked = CheckedBlocks(blockCount: geometry.blockCount)
        checkedSums = CheckedBlocks(blockCount: geometry.sumsBlockCount)
        let blocks = BlockChecker(map: map, geometry: geometry, checked: checked, checkedSums: checkedSums)
        try blocks.check(0..<SnapshotFormat.blockBytes)
        header = SnapshotHeader(decoding: map.bytes(at: 0, count: SnapshotFormat.headerBytes))
        let metaRange = geometry.metaOffset..<geometry.metaOffset + geometry.metaCount
        try blocks.check(metaRange)
        do {
            meta = try SnapshotMeta(decoding: map.bytes(at: metaRange.lowerBound, count: metaRange.count))
        } catch {
            throw error.located(at: "\(path):\(metaRange.lowerBound)")
        }
    }

    /// Checks again what was checked once, at open: the footer, and the checksums that it vouches for.
    func verifyEnds(_ visit: ScrubVisit) throws(HeadwaterError) {
        let footerAt = geometry.footerOffset
        if SnapshotFooter(decoding: map.bytes(at: footerAt, count: SnapshotFormat.footerBytes), fileCount: map.count) == nil {
            try visit(.damaged(Self.damage(map.path, footerAt, "the footer does not hold any more")))
        }
        let topSums = map.withBytes(geometry.topSumsOffset..<footerAt) { CRC32C.checksum($0) }
        if topSums != footer.topSumsChecksum {
            try visit(.damaged(Self.damage(map.path, geometry.topSumsOffset, "a checksum does not match any more")))
        }
    }

    /// Checks magic and least reader version before anything that another version may have moved.
    private static func checkVersion(_ map: MappedFile) throws(HeadwaterError) {
        let start = map.bytes(at: 0, count: min(16, map.count))[...]
        guard start.count == 16, start.littleEndian(at: 0, as: UInt64.self) == SnapshotFormat.magic else {
            throw damage(map.path, 0, "it does not start as a snapshot does")
        }
        let leastReader: UInt32 = start.littleEndian(at: 12)
        guard leastReader <= SnapshotFormat.version else {
            throw HeadwaterError(
                .unimplemented,
                "the snapshot needs a reader of version \(leastReader), not \(SnapshotFormat.version): use a newer Headwater",
                at: map.path)
        }
    }

    static func damage(_ path: String, _ offset: Int, _ what: String) -> HeadwaterError {
        HeadwaterError(
            .dataLoss, "the online snapshot is damaged: \(what); move it away and rebuild the online store",
            at: "\(path):\(offset)")
    }

    var blocks: BlockChecker { BlockChecker(map: map, geometry: geometry, checked: checked, checkedSums: checkedSums) }

    /// Copies the row of key `key` into `row`, unless `row` holds one of the same or a greater order.
    ///
    /// - Complexity: O(1) expected: one directory entry, and a bucket of one row in the mean.
    /// - Throws: `.dataLoss` where a block that is touched is damaged.
    func read(_ keys: EncodedKeys, _ key: Int, into row: inout RowBuffer) throws(HeadwaterError) {
        if footer.rows == 0 { return }
        let hash = keys.hashes[key]
        let blocks = blocks
        try map.withBytes(0..<map.count) { bytes throws(HeadwaterError) in
            let entry = geometry.directoryOffset + SnapshotFormat.bucket(hash, bits: geometry.directoryBits) * 8
            try blocks.check(entry..<entry + 16)
            let start = bytes.littleEndian(at: entry, as: UInt64.self)
            let end = bytes.littleEndian(at: entry + 8, as: UInt64.self)
            guard start >= UInt64(geometry.rowsOffset), start <= end, end <= UInt64(geometry.rowsEnd) else {
                throw Self.damage(map.path, entry, "a directory entry points outside of the rows")
            }
            var offset = Int(start)
            while offset < Int(end) {
                let header = try rowHeader(bytes, at: offset, end: Int(end), blocks)
                if header.hash > hash { return }
                let keyAt = offset + RowHeader.byteCount
                if header.hash == hash, header.groupID == keys.groupID {
                    try blocks.check(offset..<offset + header.recordCount)
                    if keys.equals(key, bytes.extracting(keyAt..<keyAt + header.keyCount)) {
                        if row.isEmpty || row.header.order < header.order {
                            row.assign(bytes.extracting(offset..<offset + header.recordCount))
                        }
                        return
                    }
                }
                offset += header.recordCount
            }
        }
    }

    /// Copies the row at `offset` into `row`, for a walk over all rows.
    ///
    /// - Returns: the offset behind it.
    func load(at offset: Int, into row: inout RowBuffer) throws(HeadwaterError) -> Int {
        let blocks = blocks
        return try map.withBytes(0..<map.count) { bytes throws(HeadwaterError) in
            let header = try rowHeader(bytes, at: offset, end: geometry.rowsEnd, blocks)
            try blocks.check(offset..<offset + header.recordCount)
            row.assign(bytes.extracting(offset..<offset + header.recordCount))
            return offset + header.recordCount
        }
    }

    private func rowHeader(
        _ bytes: RawSpan, at offset: Int, end: Int, _ blocks: BlockChecker
    ) throws(HeadwaterError) -> RowHeader {
        guard offset + RowHeader.byteCount <= end else { throw Self.damage(map.path, offset, "a row is cut off") }
        try blocks.check(offset..<offset + RowHeader.byteCount)
        let header = RowHeader(bytes, at: offset)
        guard offset + header.recordCount <= end else { throw Self.damage(map.path, offset, "a row is cut off") }
        return header
    }
}
