public import FeatureModel

/// What a client says first.
public struct HelloRequest: Head {
    public static let descriptor = HeadDescriptor("HelloRequest")

    /// Lowest and highest frame version that the client speaks.
    public var versionMin: UInt32 = 1
    public var versionMax: UInt32 = 1
    public var token: [UInt8]?
    public var capabilities: [String] = []
    public var project = ""
    public var clientName = ""
    /// What the client takes; absent: the defaults.
    public var limits: ReceiveLimits?

    public init() {}

    public mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError) {
        try fields.field(1, &versionMin)
        try fields.field(2, &versionMax)
        try fields.field(3, &token)
        try fields.field(4, &capabilities)
        try fields.field(5, &project)
        try fields.field(6, &clientName)
        try fields.field(7, &limits)
    }
}

/// What the server is.
public struct HelloReply: Head {
    public static let descriptor = HeadDescriptor("HelloReply")

    /// The frame version chosen.
    public var version: UInt32 = 1
    public var serverVersion = ""
    /// `online`, `offline`, or both.
    public var roles: [String] = []
    /// Where the other roles of this store are served.
    public var peers: [Peer] = []
    /// 16 bytes.
    public var logID: [UInt8] = []
    /// What the server takes; absent: the defaults.
    public var limits: ReceiveLimits?
    /// Microseconds since 1970 UTC.
    public var wallTime: Int64 = 0
    public var capabilities: [String] = []

    public init() {}

    public mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError) {
        try fields.field(1, &version)
        try fields.field(2, &serverVersion)
        try fields.field(3, &roles)
        try fields.field(4, &peers)
        try fields.field(5, &logID)
        try fields.field(6, &limits)
        try fields.field(7, &wallTime)
        try fields.field(8, &capabilities)
    }
}

/// Where another role of the store is served.
public struct Peer: Head {
    public static let descriptor = HeadDescriptor("Peer")

    public var role = ""
    public var address = ""

    public init() {}

    public mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError) {
        try fields.field(1, &role)
        try fields.field(2, &address)
    }
}

/// What one side of a connection takes, as it stands on the wire.
public struct ReceiveLimits: Head {
    public static let descriptor = HeadDescriptor("ReceiveLimits")

    public var frameBytesMax: UInt64 = 0
    public var requestsInFlightMax: UInt32 = 0
    public var streamsOpenMax: UInt32 = 0
    public var initialWindowBytes: UInt32 = 0

    public init() {}

    public mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError) {
        try fields.field(1, &frameBytesMax)
        try fields.field(2, &requestsInFlightMax)
        try fields.field(3, &streamsOpenMax)
        try fields.field(4, &initialWindowBytes)
    }
}

/// Why a request failed.
public struct ErrorDetail: Head {
    public static let descriptor = HeadDescriptor("ErrorDetail")

    public var code: UInt32 = 0
    public var message = ""
    public var location: String?
    /// Where a read with a `min_position` ran out of time: how far the store had come.
    public var appliedPosition: UInt64?

    public init() {}

    public mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError) {
        try fields.field(1, &code)
        try fields.field(2, &message)
        try fields.field(3, &location)
        try fields.field(4, &appliedPosition)
    }
}
