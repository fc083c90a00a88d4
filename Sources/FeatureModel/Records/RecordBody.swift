/// What one entry of a data record does with its rows.
public enum Operation: UInt8, Sendable {
    /// Each row is a new value of its key.
    case write = 1
    /// Each row is a tombstone: key columns, and an event time where it is not the record's ingest time.
    case delete = 2
}

/// Rows for one group inside a write request or a data record.
public struct RecordEntry: Sendable {
    public let groupID: GroupID
    /// The schema version whose ordinals the batch uses.
    public let schemaVersion: UInt32
    public let operation: Operation
    public let batch: Batch

    public init(groupID: GroupID, schemaVersion: UInt32, operation: Operation, batch: Batch) {
        self.groupID = groupID
        self.schemaVersion = schemaVersion
        self.operation = operation
        self.batch = batch
    }
}

/// The body of a write request and of the data record it becomes: the same bytes, encoded once by the client.
///
/// Repeated {64-byte entry header, batch}, or compact; the format is docs/formats/batch.md. Rows are numbered through all entries
/// of the record in order: the `row` of (event_time, position, row).
public enum RecordBody {
    public static let entryHeaderBytes = 64

    /// The capability of a server that takes compact bodies.
    public static let compactCapability = "compact-rows"

    /// - Parameter isCompact: whether few rows may take the compact form, which readers before it do not know.
    public static func encode(_ entries: [RecordEntry], isCompact: Bool = false) -> [UInt8] {
        if isCompact, let bytes = CompactBody.encode(entries) { return bytes }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(entries.reduce(0) { $0 + entryHeaderBytes + $1.batch.bytes.count })
        for entry in entries {
            bytes.append(littleEndian: entry.groupID)
            bytes.append(littleEndian: entry.schemaVersion)
            bytes.append(littleEndian: UInt32(entry.batch.bytes.count))
            bytes.append(entry.operation.rawValue)
            bytes.pad(to: entryHeaderBytes)
            bytes.append(contentsOf: entry.batch.bytes)
            bytes.pad(to: Batch.alignment)
        }
        return bytes
    }

    /// Decodes and checks the form of a body; what the rows mean is checked against a schema by the write path.
    ///
    /// - Throws: `.invalidArgument` that says what is malformed.
    public static func decode(_ bytes: ArraySlice<UInt8>) throws(HeadwaterError) -> [RecordEntry] {
        if CompactBody.isCompact(bytes) { return try CompactBody.decode(bytes) }
        var entries: [RecordEntry] = []
        var rest = bytes
        while !rest.isEmpty {
            guard entries.count < Limits.entriesMax else { throw tooManyEntries }
            guard rest.count >= entryHeaderBytes else {
                throw HeadwaterError(.invalidArgument, "malformed write: an entry is cut off")
            }
            let length = Int(rest.littleEndian(at: 8, as: UInt32.self))
            guard let operation = Operation(rawValue: rest.littleEndian(at: 12)), length % Batch.alignment == 0,
                length <= rest.count - entryHeaderBytes
            else { throw HeadwaterError(.invalidArgument, "malformed write: an entry's header does not hold") }
            entries.append(
                RecordEntry(
                    groupID: rest.littleEndian(at: 0), schemaVersion: rest.littleEndian(at: 4), operation: operation,
                    batch: try Batch(decoding: rest.part(at: entryHeaderBytes, count: length))))
            rest = rest.dropFirst(entryHeaderBytes + length)
        }
        return entries
    }

    static var tooManyEntries: HeadwaterError {
        HeadwaterError(.invalidArgument, "more than \(Limits.entriesMax) groups in one write: send fewer")
    }
}
