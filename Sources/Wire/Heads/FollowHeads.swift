public import FeatureModel

/// Asks for log records as they become durable.
public struct FollowRequest: Head {
    public static let descriptor = HeadDescriptor("FollowRequest")

    /// The first position wanted.
    public var fromPosition: UInt64 = 0
    public var follower = ""
    public var logID: [UInt8] = []
    /// What the follower holds durably: the log keeps what lies behind it.
    public var durablePosition: UInt64 = 0
    /// Where the follower serves history.
    public var addresses: [String] = []

    public init() {}

    public mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError) {
        try fields.field(1, &fromPosition)
        try fields.field(2, &follower)
        try fields.field(3, &logID)
        try fields.field(4, &durablePosition)
        try fields.field(5, &addresses)
    }
}

/// One run of log records; the body is `LogRecords`.
public struct FollowData: Head {
    public static let descriptor = HeadDescriptor("FollowData")

    public var durablePosition: UInt64 = 0

    public init() {}

    public mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError) {
        try fields.field(1, &durablePosition)
    }
}

/// The end of following.
public struct FollowEnd: Head {
    public static let descriptor = HeadDescriptor("FollowEnd")

    public var durablePosition: UInt64 = 0

    public init() {}

    public mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError) {
        try fields.field(1, &durablePosition)
    }
}

/// Tells how far a follower has come.
public struct AcknowledgeRequest: Head {
    public static let descriptor = HeadDescriptor("AcknowledgeRequest")

    public var follower = ""
    /// The follower holds everything up to here durably.
    public var position: UInt64 = 0
    public var logID: [UInt8] = []
    /// Registers the follower at this position, known or not, if the log still holds what follows.
    public var register = false

    public init() {}

    public mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError) {
        try fields.field(1, &follower)
        try fields.field(2, &position)
        try fields.field(3, &logID)
        try fields.field(4, &register)
    }
}

/// How far the log has come.
public struct AcknowledgeReply: Head {
    public static let descriptor = HeadDescriptor("AcknowledgeReply")

    public var durablePosition: UInt64 = 0

    public init() {}

    public mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError) {
        try fields.field(1, &durablePosition)
    }
}

/// Lets a follower go, so that the log need not keep its segments.
public struct ForgetRequest: Head {
    public static let descriptor = HeadDescriptor("ForgetRequest")

    public var follower = ""

    public init() {}

    public mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError) {
        try fields.field(1, &follower)
    }
}

/// The position that the forgotten follower had acknowledged.
public struct ForgetReply: Head {
    public static let descriptor = HeadDescriptor("ForgetReply")

    public var position: UInt64 = 0

    public init() {}

    public mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError) {
        try fields.field(1, &position)
    }
}
