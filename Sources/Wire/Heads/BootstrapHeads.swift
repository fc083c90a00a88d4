public import FeatureModel

/// Asks an offline service for its history, to start a new follower with.
public struct BootstrapRequest: Head {
    public static let descriptor = HeadDescriptor("BootstrapRequest")

    public var follower = ""
    public var logID: [UInt8] = []

    public init() {}

    public mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError) {
        try fields.field(1, &follower)
        try fields.field(2, &logID)
    }
}

/// A piece of one file; the body is its bytes.
public struct BootstrapData: Head {
    public static let descriptor = HeadDescriptor("BootstrapData")

    /// The chunk's number; 0 for the manifest.
    public var file: UInt64 = 0
    public var fileBytes: UInt64 = 0
    public var offset: UInt64 = 0
    /// CRC32C of the body.
    public var checksum: UInt32 = 0
    /// In the first frame: the position of the history.
    public var position: UInt64 = 0
    /// In the first frame: bytes of all files.
    public var totalBytes: UInt64 = 0

    public init() {}

    public mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError) {
        try fields.field(1, &file)
        try fields.field(2, &fileBytes)
        try fields.field(3, &offset)
        try fields.field(4, &checksum)
        try fields.field(5, &position)
        try fields.field(6, &totalBytes)
    }
}

/// The end of a history that went through whole.
public struct BootstrapEnd: Head {
    public static let descriptor = HeadDescriptor("BootstrapEnd")

    public var position: UInt64 = 0
    public var totalBytes: UInt64 = 0

    public init() {}

    public mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError) {
        try fields.field(1, &position)
        try fields.field(2, &totalBytes)
    }
}
