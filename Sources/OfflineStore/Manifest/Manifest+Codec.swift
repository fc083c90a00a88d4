internal import FeatureModel

extension Manifest {
    static let magic: UInt64 = 0x3146_494E_414D_5748  // "HWMANIF1"
    static let version: UInt16 = 2
    /// The last one in which the oldest `asOf` was one for all groups.
    private static let versionOfOneOldestAsOf: UInt16 = 1
    static let headerBytes = 24

    func encode() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: Self.magic)
        bytes.append(littleEndian: Self.version)
        bytes.append(littleEndian: Self.version)
        bytes.append(littleEndian: UInt32(0))
        bytes.append(littleEndian: UInt64(0))
        bytes.append(contentsOf: logID)
        bytes.append(littleEndian: number)
        bytes.append(littleEndian: applied)
        bytes.append(littleEndian: nextChunkNumber)
        bytes.append(littleEndian: UInt32(cutoffs.count))
        for (group, history) in cutoffs.sorted(by: { $0.key < $1.key }) {
            bytes.append(littleEndian: group)
            bytes.append(littleEndian: oldestAsOf[group] ?? 0)
            bytes.append(littleEndian: UInt32(history.all.count))
            for cutoff in history.all {
                bytes.append(littleEndian: cutoff.position)
                bytes.append(littleEndian: cutoff.cutoff)
            }
        }
        bytes.append(littleEndian: UInt32(chunks.count))
        for chunk in chunks { chunk.encode(to: &bytes) }
        bytes.append(littleEndian: UInt64(extra.count))
        bytes.append(contentsOf: extra)
        bytes.store(littleEndian: UInt64(bytes.count + 4), at: 16)
        bytes.append(littleEndian: CRC32C.checksum(bytes))
        return bytes
    }

    /// - Parameter path: names the file in errors.
    /// - Throws: `.dataLoss` or `.unimplemented`, located at an offset of the file.
    init(decoding file: [UInt8], path: String) throws(HeadwaterError) {
        func damage(_ what: String, at offset: Int) -> HeadwaterError {
            HeadwaterError(
                .dataLoss, "the offline manifest is damaged: \(what); restore it, or rebuild the offline store from the log",
                at: "\(path):\(offset)")
        }
        let bytes = file[...]
        guard bytes.count >= Self.headerBytes + 4 else { throw damage("it is cut off", at: bytes.count) }
        guard bytes.littleEndian(at: 0, as: UInt64.self) == Self.magic else {
            throw damage("it does not start with its magic", at: 0)
        }
        let least: UInt16 = bytes.littleEndian(at: 10)
        guard least <= Self.version else {
            throw HeadwaterError(
                .unimplemented, "the manifest needs a reader of version \(least); this one has \(Self.version): upgrade",
                at: "\(path):10")
        }
        guard bytes.littleEndian(at: 16, as: UInt64.self) == UInt64(bytes.count) else {
            throw damage("its length is not the one it states", at: 16)
        }
        guard CRC32C.checksum(bytes.dropLast(4)) == bytes.littleEndian(at: bytes.count - 4, as: UInt32.self) else {
            throw damage("its checksum does not match", at: 0)
        }
        var reader = ByteReader(bytes.dropFirst(Self.headerBytes).dropLast(4), cutOff: ChunkFormat.cutOff)
        do { self = try Manifest(fields: &reader, version: bytes.littleEndian(at: 8)) } catch {
            throw damage(error.message, at: Self.headerBytes + reader.offset)
        }
        guard reader.isAtEnd else { throw damage("bytes are left over", at: Self.headerBytes + reader.offset) }
    }

    private init(fields reader: inout ByteReader, version: UInt16) throws(HeadwaterError) {
        logID = Array(try reader.bytes(ChunkFormat.logIDBytes))
        number = try reader.integer(UInt64.self)
        applied = try reader.integer(UInt64.self)
        let sharedOldestAsOf = version <= Self.versionOfOneOldestAsOf ? try reader.integer(Position.self) : nil
        nextChunkNumber = try reader.integer(UInt64.self)
        for _ in 0..<(try reader.integer(UInt32.self)) {
            let group = try reader.integer(GroupID.self)
            // Only groups with cutoffs can have lost rows.
            let oldest = if let sharedOldestAsOf { sharedOldestAsOf } else { try reader.integer(Position.self) }
            if oldest > 0 { oldestAsOf[group] = oldest }
            var history = CutoffHistory()
            for _ in 0..<(try reader.integer(UInt32.self)) {
                history.append(
                    PlacedCutoff(position: try reader.integer(Position.self), cutoff: try reader.integer(Microseconds.self)))
            }
            cutoffs[group] = history
        }
        for _ in 0..<(try reader.integer(UInt32.self)) { chunks.append(try ChunkEntry(decoding: &reader)) }
        extra = Array(try reader.bytes(try reader.count()))
    }
}

extension ChunkEntry {
    func encode(to bytes: inout [UInt8]) {
        bytes.append(littleEndian: number)
        bytes.append(littleEndian: UInt64(fileBytes))
        bytes.append(littleEndian: groupID)
        bytes.append(littleEndian: UInt32(level))
        bytes.append(littleEndian: run)
        bytes.append(littleEndian: UInt64(bounds.rowCount))
        bytes.append(littleEndian: bounds.eventTimeLeast)
        bytes.append(littleEndian: bounds.eventTimeGreatest)
        bytes.append(littleEndian: bounds.positionLeast)
        bytes.append(littleEndian: bounds.positionGreatest)
        bytes.append(littleEndian: UInt16(bounds.keyLeast.count))
        bytes.append(littleEndian: UInt16(bounds.keyGreatest.count))
        bytes.append(contentsOf: bounds.keyLeast)
        bytes.append(contentsOf: bounds.keyGreatest)
    }

    init(decoding reader: inout ByteReader) throws(HeadwaterError) {
        number = try reader.integer(UInt64.self)
        fileBytes = try reader.count()
        groupID = try reader.integer(GroupID.self)
        level = Int(try reader.integer(UInt32.self))
        run = try reader.integer(UInt64.self)
        var bounds = RowBounds()
        bounds.rowCount = try reader.count()
        bounds.eventTimeLeast = try reader.integer(Microseconds.self)
        bounds.eventTimeGreatest = try reader.integer(Microseconds.self)
        bounds.positionLeast = try reader.integer(Position.self)
        bounds.positionGreatest = try reader.integer(Position.self)
        let leastBytes = Int(try reader.integer(UInt16.self))
        let greatestBytes = Int(try reader.integer(UInt16.self))
        bounds.keyLeast = Array(try reader.bytes(leastBytes))
        bounds.keyGreatest = Array(try reader.bytes(greatestBytes))
        self.bounds = bounds
    }
}
