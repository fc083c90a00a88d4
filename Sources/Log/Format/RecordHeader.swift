public import FeatureModel

/// The 64 bytes in front of a record's body.
struct RecordHeader {
    let bodyBytes: Int
    let bodyChecksum: UInt32
    let position: Position
    let ingestTime: Microseconds
    let stamp: ProducerStamp
    let kindCode: UInt8
    /// The durable position when the record was staged: proof, for a recovery, of what had been durable.
    let durable: Position
    /// Covers the log id and the header, and through `bodyChecksum` the body.
    let checksum: UInt32

    /// The offset at which the checksum begins: the header's first byte.
    private static var checked: Int { Sabotage.checksumWithoutLength.isPlanted ? 4 : 0 }

    /// Bytes of the whole record in its segment.
    var recordBytes: Int { LogFormat.recordBytes(bodyBytes: bodyBytes) }

    /// Reads 64 bytes; `nil` where the checksum does not hold: torn, rotten, zeros, or of another log.
    init?(_ bytes: ArraySlice<UInt8>, seed: CRC32C) {
        checksum = bytes.littleEndian(at: 60)
        guard seed.checksum(adding: bytes.part(at: Self.checked, count: 60 - Self.checked)) == checksum else { return nil }
        bodyBytes = Int(bytes.littleEndian(at: 0, as: UInt32.self))
        bodyChecksum = bytes.littleEndian(at: 4)
        position = bytes.littleEndian(at: 8)
        ingestTime = bytes.littleEndian(at: 16)
        stamp = ProducerStamp(
            producer: bytes.littleEndian(at: 24), epoch: bytes.littleEndian(at: 32), sequence: bytes.littleEndian(at: 40))
        kindCode = bytes.littleEndian(at: 36)
        durable = bytes.littleEndian(at: 48)
    }

    /// Appends the header of `record` to `bytes` and returns the record as a link of the chain.
    static func append(_ record: Record, durable: Position, seed: CRC32C, to bytes: inout [UInt8]) -> ChainLink {
        let start = bytes.count
        bytes.append(littleEndian: UInt32(record.body.count))
        bytes.append(littleEndian: seed.checksum(adding: record.body))
        bytes.append(littleEndian: record.position)
        bytes.append(littleEndian: record.ingestTime)
        bytes.append(littleEndian: record.stamp.producer)
        bytes.append(littleEndian: record.stamp.epoch)
        bytes.append(littleEndian: UInt32(record.kind.rawValue))
        bytes.append(littleEndian: record.stamp.sequence)
        bytes.append(littleEndian: durable)
        bytes.append(littleEndian: UInt32(0))
        let checksum = seed.checksum(adding: bytes[(start + checked)...])
        bytes.append(littleEndian: checksum)
        return ChainLink(position: record.position, ingestTime: record.ingestTime, checksum: checksum)
    }
}

extension Record {
    /// The record that takes all positions from `link`'s successor to `last`, so that none of them is ever used.
    ///
    /// It has the ingest time of the record before it: at a start the
    /// wall clock may be wrong, and an ingest time never falls again.
    static func gap(after link: ChainLink, through last: Position, now: Microseconds) -> Record {
        var body: [UInt8] = []
        body.append(littleEndian: link.position + 1)
        return Record(
            position: last, ingestTime: link.position == 0 ? now : link.ingestTime, stamp: .none, kind: .gap, body: body[...])
    }

    /// The positions that a gap record takes; `nil` for any other record.
    public var gapPositions: ClosedRange<Position>? {
        guard kind == .gap, body.count == 8 else { return nil }
        let first: Position = body.littleEndian(at: 0)
        return first <= position ? first...position : nil
    }
}
