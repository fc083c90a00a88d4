internal import FeatureModel

/// What stands before the key and the features of a row, in a stripe as in a snapshot (docs/formats/snapshot.md).
struct RowHeader {
    static let byteCount = 64
    static let previousOffset = 56
    private static let tombstoneFlag: UInt16 = 1

    let hash: UInt64
    let order: RowOrder
    let ingestTime: Microseconds
    let schemaVersion: UInt32
    let groupID: GroupID
    let keyCount: Int
    let isTombstone: Bool
    let packedCount: Int
    /// One more than the offset of the key's version before this one in the same stripe; 0 for none.
    let previous: UInt64

    /// Bytes of the whole record, padding included.
    var recordCount: Int { (Self.byteCount + keyCount + packedCount + 7) & ~7 }

    init(
        hash: UInt64, order: RowOrder, ingestTime: Microseconds, schemaVersion: UInt32, groupID: GroupID, keyCount: Int,
        isTombstone: Bool, packedCount: Int
    ) {
        self.hash = hash
        self.order = order
        self.ingestTime = ingestTime
        self.schemaVersion = schemaVersion
        self.groupID = groupID
        self.keyCount = keyCount
        self.isTombstone = isTombstone
        self.packedCount = packedCount
        previous = 0
    }

    /// Reads the header at `offset`; 64 bytes must be there.
    init(_ bytes: RawSpan, at offset: Int) {
        hash = bytes.littleEndian(at: offset)
        order = RowOrder(
            eventTime: bytes.littleEndian(at: offset + 8), position: bytes.littleEndian(at: offset + 16),
            row: bytes.littleEndian(at: offset + 32))
        ingestTime = bytes.littleEndian(at: offset + 24)
        schemaVersion = bytes.littleEndian(at: offset + 36)
        groupID = bytes.littleEndian(at: offset + 40)
        keyCount = Int(bytes.littleEndian(at: offset + 44, as: UInt16.self))
        isTombstone = bytes.littleEndian(at: offset + 46, as: UInt16.self) & Self.tombstoneFlag != 0
        packedCount = Int(bytes.littleEndian(at: offset + 48, as: UInt32.self))
        previous = bytes.littleEndian(at: offset + Self.previousOffset)
    }

    /// Overwrites the first 64 bytes of a record, without a previous version.
    func store(in record: inout [UInt8]) {
        record.store(littleEndian: hash, at: 0)
        record.store(littleEndian: order.eventTime, at: 8)
        record.store(littleEndian: order.position, at: 16)
        record.store(littleEndian: ingestTime, at: 24)
        record.store(littleEndian: order.row, at: 32)
        record.store(littleEndian: schemaVersion, at: 36)
        record.store(littleEndian: groupID, at: 40)
        record.store(littleEndian: UInt16(keyCount), at: 44)
        record.store(littleEndian: isTombstone ? Self.tombstoneFlag : 0, at: 46)
        record.store(littleEndian: UInt32(packedCount), at: 48)
        record.store(littleEndian: UInt32(0), at: 52)
        record.store(littleEndian: UInt64(0), at: Self.previousOffset)
    }
}
