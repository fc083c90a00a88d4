public import FeatureModel

/// Asks how the server does.
public struct StatusRequest: Head {
    public static let descriptor = HeadDescriptor("StatusRequest")

    public var project = ""

    public init() {}

    public mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError) {
        try fields.field(1, &project)
    }
}

/// Asks for a snapshot of the online store.
public struct SnapshotRequest: Head {
    public static let descriptor = HeadDescriptor("SnapshotRequest")

    public init() {}

    public mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError) {}
}

/// The snapshot taken.
public struct SnapshotReply: Head {
    public static let descriptor = HeadDescriptor("SnapshotReply")

    public var position: UInt64 = 0
    public var rows: UInt64 = 0
    public var bytes: UInt64 = 0

    public init() {}

    public mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError) {
        try fields.field(1, &position)
        try fields.field(2, &rows)
        try fields.field(3, &bytes)
    }
}

/// Asks for a compaction.
public struct CompactRequest: Head {
    public static let descriptor = HeadDescriptor("CompactRequest")

    public var project = ""
    /// Absent: all groups.
    public var group: String?

    public init() {}

    public mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError) {
        try fields.field(1, &project)
        try fields.field(2, &group)
    }
}

/// What a compaction did.
public struct CompactReply: Head {
    public static let descriptor = HeadDescriptor("CompactReply")

    public var position: UInt64 = 0
    public var chunksBefore: UInt64 = 0
    public var chunksAfter: UInt64 = 0
    public var bytesBefore: UInt64 = 0
    public var bytesAfter: UInt64 = 0

    public init() {}

    public mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError) {
        try fields.field(1, &position)
        try fields.field(2, &chunksBefore)
        try fields.field(3, &chunksAfter)
        try fields.field(4, &bytesBefore)
        try fields.field(5, &bytesAfter)
    }
}

/// Tells the owner of the log that its wall clock is right.
public struct AcceptClockRequest: Head {
    public static let descriptor = HeadDescriptor("AcceptClockRequest")

    public init() {}

    public mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError) {}
}

/// What that changed.
public struct AcceptClockReply: Head {
    public static let descriptor = HeadDescriptor("AcceptClockReply")

    /// How far the wall clock was ahead of trusted time, in microseconds; negative where it was behind.
    public var ahead: Int64 = 0
    /// Trusted time from now on, microseconds since 1970 UTC.
    public var now: Int64 = 0

    public init() {}

    public mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError) {
        try fields.field(1, &ahead)
        try fields.field(2, &now)
    }
}
