public import FeatureModel

/// Asks for a point-in-time join; the spine is in the body and in data frames.
public struct HistoryRequest: Head {
    public static let descriptor = HeadDescriptor("HistoryRequest")

    public var project = ""
    public var service: String?
    public var features: [String] = []
    public var fullFeatureNames = false
    /// Columns of the spine batches: keys and the time, in order.
    public var spineColumns: [ColumnSpec] = []
    /// Which of them is the time.
    public var spineTime = ""
    public var asOf: UInt64?
    /// Also require that the row was known at the spine row's time.
    public var availabilityIngest = false
    public var minPosition: UInt64 = 0
    public var logID: [UInt8] = []
    /// Whether the answer says when each value became true.
    public var eventTimes = false

    public init() {}

    public mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError) {
        try fields.field(1, &project)
        try fields.field(2, &service)
        try fields.field(3, &features)
        try fields.field(4, &fullFeatureNames)
        try fields.field(5, &spineColumns)
        try fields.field(6, &spineTime)
        try fields.field(7, &asOf)
        try fields.field(8, &availabilityIngest)
        try fields.field(9, &minPosition)
        try fields.field(10, &logID)
        try fields.field(11, &eventTimes)
    }
}

/// Asks for the rows of a group.
public struct ScanRequest: Head {
    public static let descriptor = HeadDescriptor("ScanRequest")

    public var project = ""
    public var group = ""
    /// Empty: all.
    public var columns: [String] = []
    public var start: Int64?
    /// Exclusive.
    public var end: Int64?
    public var asOf: UInt64?
    public var deletes = false
    public var minPosition: UInt64 = 0
    public var logID: [UInt8] = []
    /// Columns of the batch of keys in the body; empty for rows of all keys.
    public var keyNames: [String] = []
    /// Beside features only keys and event time.
    public var brief = false

    public init() {}

    public mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError) {
        try fields.field(1, &project)
        try fields.field(2, &group)
        try fields.field(3, &columns)
        try fields.field(4, &start)
        try fields.field(5, &end)
        try fields.field(6, &asOf)
        try fields.field(7, &deletes)
        try fields.field(8, &minPosition)
        try fields.field(9, &logID)
        try fields.field(10, &keyNames)
        try fields.field(11, &brief)
    }
}

/// Asks for the latest row of every key of a group.
public struct LatestRequest: Head {
    public static let descriptor = HeadDescriptor("LatestRequest")

    public var project = ""
    public var group = ""
    /// Empty: all.
    public var columns: [String] = []
    public var asOf: UInt64?
    public var deletes = false
    public var minPosition: UInt64 = 0
    public var logID: [UInt8] = []
    /// Latest of the rows with an event time up to it; `nil` for all.
    public var at: Int64?
    public var keyNames: [String] = []
    public var brief = false

    public init() {}

    public mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError) {
        try fields.field(1, &project)
        try fields.field(2, &group)
        try fields.field(3, &columns)
        try fields.field(4, &asOf)
        try fields.field(5, &deletes)
        try fields.field(6, &minPosition)
        try fields.field(7, &logID)
        try fields.field(8, &at)
        try fields.field(9, &keyNames)
        try fields.field(10, &brief)
    }
}

/// One batch of a stream of rows.
public struct RowsData: Head {
    public static let descriptor = HeadDescriptor("RowsData")

    /// Number of the batch's first row in the whole answer.
    public var rowOffset: UInt64 = 0
    /// The columns; in the first frame of a stream.
    public var outputs: [Output] = []

    public init() {}

    public mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError) {
        try fields.field(1, &rowOffset)
        try fields.field(2, &outputs)
    }
}

/// The end of a stream of rows.
public struct RowsEnd: Head {
    public static let descriptor = HeadDescriptor("RowsEnd")

    public var position: UInt64 = 0
    public var rows: UInt64 = 0
    public var logID: [UInt8] = []

    public init() {}

    public mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError) {
        try fields.field(1, &position)
        try fields.field(2, &rows)
        try fields.field(3, &logID)
    }
}
