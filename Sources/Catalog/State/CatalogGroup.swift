public import FeatureModel

/// What has versions.
protocol Versioned {
    var version: UInt32 { get }
}

/// One version of a feature group as the catalog knows it.
public struct CatalogGroup: Versioned, Hashable, Sendable {
    public let id: GroupID
    public let project: String
    /// The entity's keys when the group was made.
    public let keys: [KeyDefinition]
    /// The newest definition; features in ordinal order.
    public internal(set) var definition: GroupDefinition
    /// Schema versions 1, 2, … in order.
    public internal(set) var schemas: [GroupSchema]

    public var name: String { definition.name }
    public var version: UInt32 { definition.version }
    /// `weather@1`.
    public var reference: String { definition.reference }
    public var newestSchema: GroupSchema { schemas[schemas.count - 1] }
    /// How far back a read may look.
    public var maxAgeMicroseconds: Microseconds? { definition.maxAge?.microseconds }
    /// How old a row may be before it is physically removed.
    public var retentionMicroseconds: Microseconds? { definition.retention?.microseconds }
    /// How far ahead of the clock an event time may be.
    public var aheadMicroseconds: Microseconds { definition.ahead?.microseconds ?? Limits.aheadDefaultMicroseconds }

    /// The schema with this version; `nil` where there is none.
    public func schema(_ version: UInt32) -> GroupSchema? {
        // Versions rise by one, so the version names its place.
        version >= 1 && version <= schemas.count ? schemas[Int(version) - 1] : nil
    }

    init(_ change: GroupChange) {
        id = change.id
        project = change.project
        keys = change.keys
        definition = change.group
        schemas = [change.schema]
    }

    mutating func apply(_ change: GroupChange) {
        definition = change.group
        if change.schemaVersion > newestSchema.schemaVersion { schemas.append(change.schema) }
    }
}

/// One version of a feature service as the catalog knows it.
public struct CatalogService: Versioned, Hashable, Sendable {
    public let project: String
    public let definition: ServiceDefinition
    /// The service's outputs, in order, as they were resolved when it was applied.
    public let pins: [ServicePin]

    public var name: String { definition.name }
    public var version: UInt32 { definition.version }
    /// `departure_delay@1`.
    public var reference: String { definition.reference }
}
