public import FeatureModel

/// Asks whether the stores agree; the answer is a stream of progress that ends with the report.
public struct AuditRequest: Head {
    public static let descriptor = HeadDescriptor("AuditRequest")

    /// Empty: all projects.
    public var project = ""
    public var minPosition: UInt64 = 0
    /// The log that `minPosition` is of; empty: not checked.
    public var logID: [UInt8] = []

    public init() {}

    public mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError) {
        try fields.field(1, &project)
        try fields.field(2, &minPosition)
        try fields.field(3, &logID)
    }
}

/// A part of the hash space of keys, cut into buckets.
public struct HashScope: Head {
    public static let descriptor = HeadDescriptor("HashScope")

    /// Of the audit: all its hashes start from it.
    public var seed: UInt64 = 0
    /// The parts: all hashes whose first bits are one of `prefixes`, each cut into `1 << splitBits` buckets.
    public var prefixBits: UInt32 = 0
    public var splitBits: UInt32 = 0
    public var prefixes: [UInt32] = []

    public init() {}

    public mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError) {
        try fields.field(1, &seed)
        try fields.field(2, &prefixBits)
        try fields.field(3, &splitBits)
        try fields.field(4, &prefixes)
    }
}

/// Asks for digests of the latest rows, by hash bucket.
public struct AuditDigestRequest: Head {
    public static let descriptor = HeadDescriptor("AuditDigestRequest")

    /// The cut is taken when at least this is applied; with `isSameCut` it is one that an earlier request took.
    public var position: UInt64 = 0
    /// 0: all groups.
    public var groupID: UInt32 = 0
    public var scope: HashScope?
    public var isSameCut = false

    public init() {}

    public mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError) {
        try fields.field(1, &position)
        try fields.field(2, &groupID)
        try fields.field(4, &scope)
        try fields.field(5, &isSameCut)
    }
}

/// The position that the digests in the body are of.
public struct AuditDigestReply: Head {
    public static let descriptor = HeadDescriptor("AuditDigestReply")

    public var position: UInt64 = 0

    public init() {}

    public mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError) {
        try fields.field(1, &position)
    }
}

/// Asks for the latest rows of a part of the hash space.
public struct AuditRowsRequest: Head {
    public static let descriptor = HeadDescriptor("AuditRowsRequest")

    public var position: UInt64 = 0
    public var groupID: UInt32 = 0
    public var scope: HashScope?

    public init() {}

    public mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError) {
        try fields.field(1, &position)
        try fields.field(2, &groupID)
        try fields.field(6, &scope)
    }
}
