public import FeatureModel

/// One column of an answer.
public struct Output: Head {
    public static let descriptor = HeadDescriptor("Output")

    public var name = ""
    /// As definitions spell it: `float64`, `array(string)`.
    public var type = ""
    /// The feature group it is read from, as `name@version`; empty for columns of no group.
    public var group = ""

    public init() {}

    public mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError) {
        try fields.field(1, &name)
        try fields.field(2, &type)
        try fields.field(3, &group)
    }
}

/// A named column.
public struct ColumnSpec: Head {
    public static let descriptor = HeadDescriptor("ColumnSpec")

    public var name = ""
    /// As definitions spell it.
    public var type = ""

    public init() {}

    public mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError) {
        try fields.field(1, &name)
        try fields.field(2, &type)
    }
}

/// Asks for the latest features of keys; the body is a batch of the key columns.
public struct GetRequest: Head {
    public static let descriptor = HeadDescriptor("GetRequest")

    public var project = ""
    /// `name` or `name@version`. One of `service` and `features` is given.
    public var service: String?
    public var features: [String] = []
    public var fullFeatureNames = false
    /// The clock for max_age; absent: now.
    public var at: Int64?
    public var minPosition: UInt64 = 0
    /// The log that `minPosition` is of; empty: not checked.
    public var logID: [UInt8] = []
    /// Name of each column of the body.
    public var keyNames: [String] = []
    public var eventTimes = false

    public init() {}

    public mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError) {
        try fields.field(1, &project)
        try fields.field(2, &service)
        try fields.field(3, &features)
        try fields.field(5, &fullFeatureNames)
        try fields.field(6, &at)
        try fields.field(7, &minPosition)
        try fields.field(8, &logID)
        try fields.field(9, &keyNames)
        try fields.field(10, &eventTimes)
    }
}

/// The answer of a get; the body is `Cells`.
public struct GetReply: Head {
    public static let descriptor = HeadDescriptor("GetReply")

    public var position: UInt64 = 0
    public var logID: [UInt8] = []
    public var outputs: [Output] = []

    public init() {}

    public mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError) {
        try fields.field(1, &position)
        try fields.field(2, &logID)
        try fields.field(3, &outputs)
    }
}

/// Asks for the latest features of keys by a handle; the body is packed columns, their tag the handle. So is the answer, which has no head.
public struct GetPreparedRequest: Head {
    public static let descriptor = HeadDescriptor("GetPreparedRequest")

    /// The clock for max_age; absent: now.
    public var at: Int64?
    public var minPosition: UInt64 = 0
    /// The log that `minPosition` is of; empty: not checked.
    public var logID: [UInt8] = []
    public var eventTimes = false

    public init() {}

    public mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError) {
        try fields.field(1, &at)
        try fields.field(2, &minPosition)
        try fields.field(3, &logID)
        try fields.field(4, &eventTimes)
    }
}

/// Asks for a handle, so that gets resolve no names.
public struct PrepareRequest: Head {
    public static let descriptor = HeadDescriptor("PrepareRequest")

    public var project = ""
    public var service: String?
    public var features: [String] = []
    public var fullFeatureNames = false
    /// As definitions were at this position: what a history takes. No handle is made.
    public var asOf: UInt64?

    public init() {}

    public mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError) {
        try fields.field(1, &project)
        try fields.field(2, &service)
        try fields.field(3, &features)
        try fields.field(4, &fullFeatureNames)
        try fields.field(5, &asOf)
    }
}

/// A handle, valid on the connection that prepared it.
public struct PrepareReply: Head {
    public static let descriptor = HeadDescriptor("PrepareReply")

    public var handle: UInt64 = 0
    public var outputs: [Output] = []
    /// The key columns that a get must send.
    public var keys: [ColumnSpec] = []
    /// What of the list should not be used any more.
    public var warnings: [String] = []

    public init() {}

    public mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError) {
        try fields.field(1, &handle)
        try fields.field(2, &outputs)
        try fields.field(3, &keys)
        try fields.field(4, &warnings)
    }
}
