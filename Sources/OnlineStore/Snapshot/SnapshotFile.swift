internal import FeatureModel
internal import StorageIO

/// A mapped snapshot, probed in place. Blocks are checked at first touch.
final class SnapshotFile: Sendable {
    /// The path that messages name; the mapping may have been made before the file was renamed.
    let path: String
    let map: MappedFile
    /// The version of the format: 2, or 1, whose rows are walked over but not probed.
    let version: UInt32
    let header: SnapshotHeader
    let footer: SnapshotFooter
    let meta: SnapshotMeta
    private let checked: AtomicBitSet
    private let checkedSums: AtomicBitSet

    var geometry: SnapshotGeometry { footer.geometry }

    /// Maps a snapshot and checks footer, header and meta.
    ///
    /// - Complexity: O(1) in rows, but for one checksum every 4 MiB.
    /// - Throws: `.dataLoss` with `file:offset` for damage, `.unimplemented` for a newer format.
    init(_ storage: any Storage, _ path: String) throws(HeadwaterError) {
        let map = try storage.map(path)
        map.preferHugePages()
        self.path = path
        version = try Self.checkVersion(map, path)
        let footerAt = map.count - SnapshotFormat.footerBytes
        guard footerAt >= SnapshotFormat.blockBytes,
            let footer = SnapshotFooter(
                decoding: map.bytes(at: footerAt, count: SnapshotFormat.footerBytes), version: version, fileCount: map.count)
        else { throw Self.damage(path, max(footerAt, 0), "there is no footer of a file of \(map.count) bytes") }
        let geometry = footer.geometry
        let topSums = map.withBytes(geometry.topSumsOffset..<geometry.footerOffset) { CRC32C.checksum($0) }
        guard topSums == footer.topSumsChecksum else {
            throw Self.damage(path, geometry.topSumsOffset, "a checksum does not match")
        }
        self.map = map
        self.footer = footer
        checked = AtomicBitSet(count: geometry.blockCount)
        checkedSums = AtomicBitSet(count: geometry.sumsBlockCount)
        let blocks = BlockChecker(path: path, map: map, geometry: geometry, checked: checked, checkedSums: checkedSums)
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

    /// Takes over the mapping, with the marks of checked blocks, after the file was renamed.
    init(_ file: SnapshotFile, renamedTo path: String) {
        self.path = path
        (map, version, header, footer, meta) = (file.map, file.version, file.header, file.footer, file.meta)
        (checked, checkedSums) = (file.checked, file.checkedSums)
    }

    /// Checks again what was checked once, at open: the footer, and the checksums that it vouches for.
    func verifyEnds(_ visit: ScrubVisit) throws(HeadwaterError) {
        let footerAt = geometry.footerOffset
        if SnapshotFooter(
            decoding: map.bytes(at: footerAt, count: SnapshotFormat.footerBytes), version: version, fileCount: map.count) == nil
        {
            try visit(.damaged(Self.damage(path, footerAt, "the footer does not hold any more")))
        }
        let topSums = map.withBytes(geometry.topSumsOffset..<footerAt) { CRC32C.checksum($0) }
        if topSums != footer.topSumsChecksum {
            try visit(.damaged(Self.damage(path, geometry.topSumsOffset, "a checksum does not match any more")))
        }
    }

    /// Checks magic and least reader version before anything that another version may have moved.
    ///
    /// - Returns: the format's version.
    private static func checkVersion(_ map: MappedFile, _ path: String) throws(HeadwaterError) -> UInt32 {
        let start = map.bytes(at: 0, count: min(16, map.count))[...]
        guard start.count == 16, start.littleEndian(at: 0, as: UInt64.self) == SnapshotFormat.magic else {
            throw damage(path, 0, "it does not start as a snapshot does")
        }
        let version: UInt32 = start.littleEndian(at: 8)
        let leastReader: UInt32 = start.littleEndian(at: 12)
        guard leastReader <= SnapshotFormat.version else {
            throw HeadwaterError(
                .unimplemented,
                "the snapshot needs a reader of version \(leastReader), not \(SnapshotFormat.version): use a newer Headwater",
                at: path)
        }
        return min(version, SnapshotFormat.version)
    }

    static func damage(_ path: String, _ offset: Int, _ what: String) -> HeadwaterError {
        HeadwaterError(
            .dataLoss, "the online snapshot is damaged: \(what); move it away and rebuild the online store",
            at: "\(path):\(offset)")
    }

    var blocks: BlockChecker {
        BlockChecker(path: path, map: map, geometry: geometry, checked: checked, checkedSums: checkedSums)
    }

    /// Checks the blocks of `range` that have not been checked yet.
    ///
    /// - Throws: `.dataLoss` with `file:offset` of the block.
    @inline(__always)
    func check(_ range: Range<Int>) throws(HeadwaterError) {
        let first = range.lowerBound / SnapshotFormat.blockBytes
        let last = (range.upperBound - 1) / SnapshotFormat.blockBytes
        if last - first <= 1, checked.contains(first), checked.contains(last) { return }
        try blocks.check(range)
    }

    /// The content of a slot of the index, whose block the caller has checked.
    func entry(_ slot: Int) -> UInt64 {
        map.withBytes(0..<map.count) { $0.littleEndian(at: SnapshotIndex.offset + slot * 8) }
    }

    /// The first entry at or behind a slot that may be of a row of this hash, and its slot; `nil` where there is none.
    ///
    /// - Throws: `.dataLoss` where the index is damaged.
    @inline(__always)
    func entry(_ bytes: RawSpan, from first: Int, of hash: UInt64) throws(HeadwaterError) -> (slot: Int, rowOffset: Int)? {
        var slot = first
        while slot < geometry.index.count {
            let place = SnapshotIndex.offset + slot * 8
            try check(place..<place + 8)
            let entry: UInt64 = bytes.littleEndian(at: place)
            if entry == 0 { return nil }
            if SnapshotIndex.isOf(entry, hash) {
                let offset = SnapshotIndex.rowOffset(entry)
                guard offset >= geometry.rowsOffset, offset < geometry.rowsEnd else {
                    throw Self.damage(path, place, "the index points outside of the rows")
                }
                return (slot, offset)
            }
            slot += 1
        }
        return nil
    }

    /// Copies the row at `offset` into `row`, for a walk over all rows.
    ///
    /// - Returns: the offset behind it.
    func load(at offset: Int, into row: inout RowBuffer) throws(HeadwaterError) -> Int {
        try map.withBytes(0..<map.count) { bytes throws(HeadwaterError) in
            if version == 1 { return try loadVersion1(bytes, at: offset, into: &row) }
            let header = try rowHeader(bytes, at: offset, end: geometry.rowsEnd)
            let end = offset + header.recordCount
            try check(offset..<end)
            let keyAt = offset + RowHeader.byteCount
            let hash = KeyHash.hash(
                header.groupID, bytes.extracting(keyAt..<keyAt + header.keyCount), seed: self.header.seed)
            row.assign(bytes.extracting(offset..<end), hash: hash)
            return end
        }
    }

    /// - Throws: `.dataLoss` where the row does not lie before `end`, or its header is damaged.
    @inline(__always)
    func rowHeader(_ bytes: RawSpan, at offset: Int, end: Int) throws(HeadwaterError) -> RowHeader {
        guard offset + RowHeader.byteCount <= end else { throw Self.damage(path, offset, "a row is cut off") }
        try check(offset..<offset + RowHeader.byteCount)
        let header = RowHeader(bytes, at: offset)
        guard offset + header.recordCount <= end else { throw Self.damage(path, offset, "a row is cut off") }
        return header
    }
}
