public import FeatureModel
internal import StorageIO

/// One record and its place in the files.
public struct LogEntry: Sendable {
    public let position: Position
    public let ingestTime: Microseconds
    public let kind: RecordKind
    public let stamp: ProducerStamp
    public let body: ArraySlice<UInt8>
    public let segment: UInt64
    public let path: String
    /// Bytes from the start of the file to the record's header.
    public let offset: Int
    /// The positions that a gap record takes.
    public let gap: ClosedRange<Position>?

    public var bodyBytes: Int { body.count }

    package init(_ record: Record, segment: UInt64, path: String, offset: Int) {
        position = record.position
        ingestTime = record.ingestTime
        kind = record.kind
        stamp = record.stamp
        body = record.body
        self.segment = segment
        self.path = path
        self.offset = offset
        gap = record.gapPositions
    }
}

/// Lists the durable records of a log, without a lock and without changing anything.
enum LogDump {
    /// Calls `visit` with each record in order, each checked before.
    ///
    /// - Throws: `.dataLoss` at `file:offset` at the first damage, after the records before it; `.notFound`,
    ///   `.failedPrecondition` and `.unavailable` as the verifier; what `visit` throws.
    static func forEach(
        storage: any Storage, directory: String, _ visit: (LogEntry) throws(HeadwaterError) -> Void
    ) throws(HeadwaterError) {
        _ = try LogScan.reading(storage, directory, .durable) { scanned throws(HeadwaterError) in
            try visit(
                LogEntry(scanned.record, segment: scanned.segment, path: scanned.path, offset: scanned.offset))
        }
    }
}
