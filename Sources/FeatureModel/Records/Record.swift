/// What a log record holds. Codes are permanent.
public enum RecordKind: UInt8, Sendable, CaseIterable {
    /// A `RecordBody`: rows and tombstones.
    case data = 1
    /// Resolved changes to the catalog.
    case definitions = 2
    /// A `RetentionCutoff`.
    case cutoff = 3
    /// Opens a producer session; the producer's id is this record's position.
    case producer = 4
    /// Positions that were skipped by a recovery: body is the first of them (uint64), the record's own position the last.
    case gap = 5
}

/// Which write of which session a record is: what makes a retry safe. All zero for a write without a session.
public struct ProducerStamp: Hashable, Sendable {
    public static let none = ProducerStamp(producer: 0, epoch: 0, sequence: 0)

    public let producer: UInt64
    public let epoch: UInt32
    public let sequence: UInt64

    public init(producer: UInt64, epoch: UInt32, sequence: UInt64) {
        self.producer = producer
        self.epoch = epoch
        self.sequence = sequence
    }
}

/// One record of the log: what every state is a fold of.
public struct Record: Sendable {
    public let position: Position
    /// When the log took it, by the server's clock; never falls from one position to the next.
    public let ingestTime: Microseconds
    public let stamp: ProducerStamp
    public let kind: RecordKind
    public let body: ArraySlice<UInt8>

    public init(position: Position, ingestTime: Microseconds, stamp: ProducerStamp, kind: RecordKind, body: ArraySlice<UInt8>) {
        self.position = position
        self.ingestTime = ingestTime
        self.stamp = stamp
        self.kind = kind
        self.body = body
    }
}

/// The end of a group: its rows leave the online store at once, and history at
/// its next compaction, unless that keeps them for reads as of positions before.
public struct GroupRemoval: Hashable, Sendable {
    /// All rows lie before it, so it hides them: no event time is as late.
    public static let cutoff = Microseconds.max

    public let groupID: GroupID
    public let keepsHistory: Bool

    public init(groupID: GroupID, keepsHistory: Bool) {
        self.groupID = groupID
        self.keepsHistory = keepsHistory
    }
}

/// Hides rows and tombstones of a group older than `cutoff`, from the record's position on.
public struct RetentionCutoff: Hashable, Sendable {
    public let groupID: GroupID
    /// Rows with `event_time < cutoff` are hidden.
    public let cutoff: Microseconds

    public init(groupID: GroupID, cutoff: Microseconds) {
        self.groupID = groupID
        self.cutoff = cutoff
    }

    public func encode() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: groupID)
        bytes.append(littleEndian: UInt32(0))
        bytes.append(littleEndian: cutoff)
        return bytes
    }

    public init(decoding bytes: ArraySlice<UInt8>) throws(HeadwaterError) {
        guard bytes.count == 16 else { throw HeadwaterError(.dataLoss, "a cutoff record of \(bytes.count) bytes") }
        self.init(groupID: bytes.littleEndian(at: 0), cutoff: bytes.littleEndian(at: 8))
    }
}

/// One entry of a record with the schema its batch was written under: what the stores apply.
public struct AppliedEntry: Sendable {
    public let schema: GroupSchema
    public let operation: Operation
    public let batch: Batch
    /// Number of the batch's first row in the record.
    public let firstRow: Int

    public init(schema: GroupSchema, operation: Operation, batch: Batch, firstRow: Int) {
        self.schema = schema
        self.operation = operation
        self.batch = batch
        self.firstRow = firstRow
    }

    /// The event time of row `row` of the batch: its column's, `always` in a static table, and for a tombstone written
    /// without one the record's ingest time.
    public func eventTime(_ row: Int, ingestTime: Microseconds) -> Microseconds {
        guard let ordinal = schema.eventTimeOrdinal else { return EventTime.always }
        return batch.column(ordinal: ordinal)?.int64(row) ?? ingestTime
    }

    /// The event times of all rows, as `eventTime` gives each.
    public func eventTimes(ingestTime: Microseconds) -> [Microseconds] {
        guard let ordinal = schema.eventTimeOrdinal else { return Array(repeating: EventTime.always, count: batch.rowCount) }
        guard let column = batch.column(ordinal: ordinal) else { return Array(repeating: ingestTime, count: batch.rowCount) }
        return (0..<batch.rowCount).map { column.int64($0) }
    }

    /// When row `row` could be known: its available time where the group has one and it is not null, else the ingest time.
    public func availableTime(_ row: Int, ingestTime: Microseconds) -> Microseconds {
        guard let ordinal = schema.availableTimeOrdinal, let column = batch.column(ordinal: ordinal), !column.isNull(row)
        else { return ingestTime }
        return column.int64(row)
    }

    /// The key columns, in order.
    public var keyColumns: [Column] { (0..<schema.keys.count).map { batch.column(ordinal: $0)! } }
}

/// What a record changes in the stores. A kind to come is one more
/// case here, and the compiler names each store that must learn it.
public enum RecordChange: Sendable {
    /// Nothing beside the position.
    case nothing
    /// Rows and tombstones.
    case rows([AppliedEntry])
    /// One row, by the plan of its stream: a short way to what its entry says.
    case row(SingleRow)
    /// Older rows of a group are hidden.
    case cutoff(RetentionCutoff)
    /// Groups are there no more.
    case removals([GroupRemoval])
}

/// A record as the stores see it: its place, its time, and what it changes.
public struct AppliedRecord: Sendable {
    public let position: Position
    public let ingestTime: Microseconds
    public let change: RecordChange

    public init(position: Position, ingestTime: Microseconds, _ change: RecordChange) {
        self.position = position
        self.ingestTime = ingestTime
        self.change = change
    }

    public var entries: [AppliedEntry] {
        switch change {
        case .rows(let entries): entries
        case .row(let row): [row.entry]
        case .nothing, .cutoff, .removals: []
        }
    }
}

/// A row's place in the one order: (event_time, position, row). Its greatest is the latest.
public struct RowOrder: Hashable, Sendable, Comparable {
    public let eventTime: Microseconds
    public let position: Position
    public let row: UInt32

    public init(eventTime: Microseconds, position: Position, row: UInt32) {
        self.eventTime = eventTime
        self.position = position
        self.row = row
    }

    @inlinable
    public static func < (left: RowOrder, right: RowOrder) -> Bool {
        (left.eventTime, left.position, left.row) < (right.eventTime, right.position, right.row)
    }
}
