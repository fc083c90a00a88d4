internal import FeatureModel

/// What stands before the key and the features of a row, in a map as in a snapshot (docs/formats/snapshot.md).
struct RowHeader {
    static let byteCount = 32
    private static let tombstoneFlag: UInt16 = 1 << 15
    /// A schema version adds a feature or widens one, so a group has at most two for each feature it may have.
    static let schemaVersionMax = UInt32(tombstoneFlag) - 1

    let order: RowOrder
    let groupID: GroupID
    let packedCount: Int
    let keyCount: Int
    let schemaVersion: UInt32
    let isTombstone: Bool

    /// Bytes of the whole record, padding included.
    var recordCount: Int { (Self.byteCount + keyCount + packedCount + 7) & ~7 }

    init(order: RowOrder, schemaVersion: UInt32, groupID: GroupID, keyCount: Int, isTombstone: Bool, packedCount: Int) {
        precondition(schemaVersion <= Self.schemaVersionMax, "a schema version that no group can have")
        self.order = order
        self.schemaVersion = schemaVersion
        self.groupID = groupID
        self.keyCount = keyCount
        self.isTombstone = isTombstone
        self.packedCount = packedCount
    }

    /// Reads the header at `offset`; 32 bytes must be there.
    @inline(__always)
    init(_ bytes: RawSpan, at offset: Int) {
        order = RowOrder(
            eventTime: bytes.littleEndian(at: offset), position: bytes.littleEndian(at: offset + 8),
            row: bytes.littleEndian(at: offset + 16))
        groupID = bytes.littleEndian(at: offset + 20)
        packedCount = Int(bytes.littleEndian(at: offset + 24, as: UInt32.self))
        keyCount = Int(bytes.littleEndian(at: offset + 28, as: UInt16.self))
        let version: UInt16 = bytes.littleEndian(at: offset + 30)
        schemaVersion = UInt32(version & ~Self.tombstoneFlag)
        isTombstone = version & Self.tombstoneFlag != 0
    }

    /// Overwrites the first 32 bytes of a record.
    func store(in record: inout [UInt8]) {
        record.store(littleEndian: order.eventTime, at: 0)
        record.store(littleEndian: order.position, at: 8)
        record.store(littleEndian: order.row, at: 16)
        record.store(littleEndian: groupID, at: 20)
        record.store(littleEndian: UInt32(packedCount), at: 24)
        record.store(littleEndian: UInt16(keyCount), at: 28)
        record.store(littleEndian: UInt16(schemaVersion) | (isTombstone ? Self.tombstoneFlag : 0), at: 30)
    }
}
