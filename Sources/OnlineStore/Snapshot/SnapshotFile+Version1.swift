internal import FeatureModel
internal import StorageIO

/// Snapshots of format 1: a header of 64 bytes before each row. An open
/// takes their rows into memory; the next snapshot is of format 2.
extension SnapshotFile {
    private static let headerBytes1 = 64

    func loadVersion1(_ bytes: RawSpan, at offset: Int, into row: inout RowBuffer) throws(HeadwaterError) -> Int {
        let keyAt = offset + Self.headerBytes1
        guard keyAt <= geometry.rowsEnd else { throw Self.damage(path, offset, "a row is cut off") }
        try check(offset..<keyAt)
        let keyCount = Int(bytes.littleEndian(at: offset + 44, as: UInt16.self))
        let packedCount = Int(bytes.littleEndian(at: offset + 48, as: UInt32.self))
        let end = (keyAt + keyCount + packedCount + 7) & ~7
        let schemaVersion: UInt32 = bytes.littleEndian(at: offset + 36)
        guard end <= geometry.rowsEnd, schemaVersion <= RowHeader.schemaVersionMax else {
            throw Self.damage(path, offset, "a row is cut off, or of a schema version that no group can have")
        }
        try check(offset..<end)
        let header = RowHeader(
            order: RowOrder(
                eventTime: bytes.littleEndian(at: offset + 8), position: bytes.littleEndian(at: offset + 16),
                row: bytes.littleEndian(at: offset + 32)),
            schemaVersion: schemaVersion, groupID: bytes.littleEndian(at: offset + 40), keyCount: keyCount,
            isTombstone: bytes.littleEndian(at: offset + 46, as: UInt16.self) & 1 != 0, packedCount: packedCount)
        row.build(
            header: header, key: bytes.extracting(keyAt..<keyAt + keyCount),
            packed: bytes.extracting(keyAt + keyCount..<keyAt + keyCount + packedCount),
            hash: bytes.littleEndian(at: offset))
        return end
    }

    /// All rows as a map, for an open.
    ///
    /// - Complexity: O(rows).
    /// - Throws: `.dataLoss` where the file is damaged.
    func memtable() throws(HeadwaterError) -> Memtable {
        let memtable = Memtable(seed: header.seed)
        var counted: [GroupID: GroupStatistics] = [:]
        var cursor = try RowCursor(self)
        while !cursor.row.isEmpty {
            memtable.upsert(
                cursor.row, counted: &counted[cursor.row.header.groupID, default: GroupStatistics()], needed: { [] }, pause: {})
            try cursor.advance()
        }
        for (groupID, counts) in counted { memtable.add(counts, to: groupID) }
        return memtable
    }
}
