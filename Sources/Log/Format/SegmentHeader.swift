internal import FeatureModel

/// The 128 bytes at the start of a segment.
struct SegmentHeader: Equatable {
    let logID: LogID
    let number: UInt64
    /// The last record before this segment.
    let predecessor: ChainLink
    /// The last position that was durable when the segment got its name.
    let syncedThrough: Position
    /// The format of the records: no reader of an older one may meet what it does not know.
    var version = LogFormat.version

    var firstPosition: Position { predecessor.position + 1 }

    func encode() -> [UInt8] {
        var bytes = LogFormat.block(magic: "HWLOGSEG", version: version)
        bytes.append(contentsOf: logID.bytes)
        bytes.append(littleEndian: number)
        bytes.append(littleEndian: firstPosition)
        bytes.append(littleEndian: predecessor.position)
        bytes.append(littleEndian: predecessor.ingestTime)
        bytes.append(littleEndian: predecessor.checksum)
        bytes.append(littleEndian: UInt32(0))
        bytes.append(littleEndian: syncedThrough)
        LogFormat.seal(&bytes, count: LogFormat.segmentHeaderBytes)
        return bytes
    }

    init(logID: LogID, number: UInt64, predecessor: ChainLink, syncedThrough: Position) {
        self.logID = logID
        self.number = number
        self.predecessor = predecessor
        self.syncedThrough = syncedThrough
    }

    /// - Throws: `.dataLoss` at `path:offset`, `.failedPrecondition` for a newer format.
    init(decoding bytes: ArraySlice<UInt8>, path: String) throws(HeadwaterError) {
        try LogFormat.check(
            bytes, magic: "HWLOGSEG", version: LogFormat.version, count: LogFormat.segmentHeaderBytes, at: "\(path):0")
        let predecessor = ChainLink(
            position: bytes.littleEndian(at: 48), ingestTime: bytes.littleEndian(at: 56), checksum: bytes.littleEndian(at: 64))
        guard predecessor.position < .max, bytes.littleEndian(at: 40, as: Position.self) == predecessor.position + 1 else {
            throw HeadwaterError(.dataLoss, "first position and predecessor do not agree", at: "\(path):40")
        }
        self.init(
            logID: LogID(bytes.part(at: 16, count: LogID.byteCount)), number: bytes.littleEndian(at: 32),
            predecessor: predecessor,
            syncedThrough: bytes.littleEndian(at: 72))
        version = bytes.littleEndian(at: 8)
    }
}
