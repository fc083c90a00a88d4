public import FeatureModel

/// The body of a follow stream's data frames: log records, each behind a header of 64 bytes (docs/formats/wire.md).
public enum LogRecords {
    public static let headerBytes = 64
    private static let alignment = 64

    /// Bytes that a record takes in a body: what a sender adds up to fill a frame.
    public static func encodedBytes(_ record: Record) -> Int {
        headerBytes + (record.body.count + alignment - 1) / alignment * alignment
    }

    /// Appends one record to a body.
    public static func append(_ record: Record, to bytes: inout [UInt8]) {
        bytes.append(littleEndian: record.position)
        bytes.append(littleEndian: record.ingestTime)
        bytes.append(littleEndian: record.stamp.producer)
        bytes.append(littleEndian: record.stamp.sequence)
        bytes.append(littleEndian: record.stamp.epoch)
        bytes.append(littleEndian: UInt32(record.body.count))
        bytes.append(record.kind.rawValue)
        bytes.pad(to: alignment)
        bytes.append(contentsOf: record.body)
        bytes.pad(to: alignment)
    }

    public static func encode(_ records: [Record]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(records.reduce(0) { $0 + encodedBytes($1) })
        for record in records { append(record, to: &bytes) }
        return bytes
    }

    /// Decodes and checks the form of a body; record bodies share its storage.
    ///
    /// - Throws: `.invalidArgument` that says what is malformed.
    public static func decode(_ bytes: ArraySlice<UInt8>) throws(HeadwaterError) -> [Record] {
        var records: [Record] = []
        var rest = bytes
        while !rest.isEmpty {
            guard rest.count >= headerBytes else {
                throw HeadwaterError(.invalidArgument, "malformed records: a header is cut off")
            }
            let length = Int(rest.littleEndian(at: 36, as: UInt32.self))
            let padded = (length + alignment - 1) / alignment * alignment
            guard let kind = RecordKind(rawValue: rest.littleEndian(at: 40)), padded <= rest.count - headerBytes else {
                throw HeadwaterError(.invalidArgument, "malformed records: a header does not hold")
            }
            let position: Position = rest.littleEndian(at: 0)
            guard position > records.last?.position ?? 0 else {
                throw HeadwaterError(.invalidArgument, "malformed records: position \(position) does not rise")
            }
            records.append(
                Record(
                    position: position, ingestTime: rest.littleEndian(at: 8),
                    stamp: ProducerStamp(
                        producer: rest.littleEndian(at: 16), epoch: rest.littleEndian(at: 32), sequence: rest.littleEndian(at: 24)
                    ),
                    kind: kind, body: rest.part(at: headerBytes, count: length)))
            rest = rest.dropFirst(headerBytes + padded)
        }
        return records
    }
}
