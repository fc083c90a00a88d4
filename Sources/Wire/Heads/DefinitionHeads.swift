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

/// Asks that a name without a version should mean another version; answered as apply is.
public struct PromoteRequest: Head {
    public static let descriptor = HeadDescriptor("PromoteRequest")

    public var project = ""
    /// `group` or `service`.
    public var kind = ""
    /// `orders@2`.
    public var name = ""
    /// Whether a version without rows is promoted too.
    public var force = false
    /// Whether it is only told what it would do.
    public var dryRun = false

    public init() {}

    public mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError) {
        try fields.field(1, &project)
        try fields.field(2, &kind)
        try fields.field(3, &name)
        try fields.field(4, &force)
        try fields.field(5, &dryRun)
    }
}

/// Asks for the end of one thing; answered as apply is.
public struct RemoveRequest: Head {
    public static let descriptor = HeadDescriptor("RemoveRequest")

    public var project = ""
    /// `project`, `entity`, `group`, `feature`, `service` or `dataset`.
    public var kind = ""
    /// `orders@2`; of a feature `orders@2:total`.
    public var name = ""
    /// Whether what depends on it is removed too.
    public var force = false
    /// Whether rows of a group stay for reads as of positions before.
    public var keepHistory = false
    /// Whether it is only told what it would do.
    public var dryRun = false

    public init() {}

    public mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError) {
        try fields.field(1, &project)
        try fields.field(2, &kind)
        try fields.field(3, &name)
        try fields.field(4, &force)
        try fields.field(5, &keepHistory)
        try fields.field(6, &dryRun)
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
    /// As definitions were at this position; absent: as they are.
    public var asOf: UInt64?

    public init() {}

    public mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError) {
        try fields.field(1, &project)
        try fields.field(2, &name)
        try fields.field(3, &asOf)
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
