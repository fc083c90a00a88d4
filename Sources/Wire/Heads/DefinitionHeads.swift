public import FeatureModel

/// Definitions to apply or to plan; the body is their canonical JSON.
public struct ApplyRequest: Head {
    public static let descriptor = HeadDescriptor("ApplyRequest")

    public var project = ""

    public init() {}

    public mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError) {
        try fields.field(1, &project)
    }
}

/// What apply did, or would do; the body is the plan as JSON.
public struct ApplyReply: Head {
    public static let descriptor = HeadDescriptor("ApplyReply")

    public var position: UInt64 = 0
    public var catalogVersion: UInt64 = 0
    public var changed = false

    public init() {}

    public mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError) {
        try fields.field(1, &position)
        try fields.field(2, &catalogVersion)
        try fields.field(3, &changed)
    }
}

/// Asks for all definitions of a project.
public struct ListRequest: Head {
    public static let descriptor = HeadDescriptor("ListRequest")

    public var project = ""

    public init() {}

    public mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError) {
        try fields.field(1, &project)
    }
}

/// Asks for one definition.
public struct DescribeRequest: Head {
    public static let descriptor = HeadDescriptor("DescribeRequest")

    public var project = ""
    public var name = ""

    public init() {}

    public mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError) {
        try fields.field(1, &project)
        try fields.field(2, &name)
    }
}

/// An answer whose body is JSON.
public struct JSONReply: Head {
    public static let descriptor = HeadDescriptor("JSONReply")

    public var position: UInt64 = 0

    public init() {}

    public mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError) {
        try fields.field(1, &position)
    }
}
