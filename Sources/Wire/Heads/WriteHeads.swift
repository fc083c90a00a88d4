public import FeatureModel

/// Rows and tombstones to write; the body is a `RecordBody`.
public struct WriteRequest: Head {
    public static let descriptor = HeadDescriptor("WriteRequest")

    public var project = ""
    /// 0: without a session, so that a retry is a second write.
    public var producer: UInt64 = 0
    public var epoch: UInt32 = 0
    public var sequence: UInt64 = 0
    /// The catalog that the client encoded against; absent: not checked.
    public var catalogVersion: UInt64?

    public init() {}

    public mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError) {
        try fields.field(1, &project)
        try fields.field(2, &producer)
        try fields.field(3, &epoch)
        try fields.field(4, &sequence)
        try fields.field(5, &catalogVersion)
    }
}

/// What a write did.
public struct WriteReply: Head {
    public static let descriptor = HeadDescriptor("WriteReply")

    public var position: UInt64 = 0
    public var ingestTime: Int64 = 0
    /// Rows of each entry, in order.
    public var rowCounts: [UInt32] = []
    /// Deleted keys for which a newer row wins; the body holds their row numbers, u32 each.
    public var keysWithNewerRows: UInt64 = 0
    /// The write had been applied before, and this is its first answer.
    public var duplicate = false
    /// Rows older than the group's retention cutoff: taken, and never read.
    public var rowsBelowCutoff: UInt64 = 0
    /// Written rows that are older than their key's tombstone: taken into history, and not served.
    public var rowsBehindTombstone: UInt64 = 0

    public init() {}

    public mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError) {
        try fields.field(1, &position)
        try fields.field(2, &ingestTime)
        try fields.field(3, &rowCounts)
        try fields.field(4, &keysWithNewerRows)
        try fields.field(5, &duplicate)
        try fields.field(6, &rowsBelowCutoff)
        try fields.field(7, &rowsBehindTombstone)
    }
}

/// Asks for a session in which retries are safe.
public struct OpenProducerRequest: Head {
    public static let descriptor = HeadDescriptor("OpenProducerRequest")

    public var project = ""
    public var name = ""

    public init() {}

    public mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError) {
        try fields.field(1, &project)
        try fields.field(2, &name)
    }
}

/// A new session.
public struct OpenProducerReply: Head {
    public static let descriptor = HeadDescriptor("OpenProducerReply")

    public var producer: UInt64 = 0
    public var epoch: UInt32 = 0
    public var logID: [UInt8] = []

    public init() {}

    public mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError) {
        try fields.field(1, &producer)
        try fields.field(2, &epoch)
        try fields.field(3, &logID)
    }
}
