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
    /// The position at which it was removed; `nil` while it is there. It is still known by its id, for records from before.
    public internal(set) var removedAt: Position?
    /// Whether its rows stayed in history when it was removed.
    var keepsHistory = false
    /// Ordinals of features that were removed, and the positions of that. They keep their columns for ever.
    var removedFeatures: [Int: Position] = [:]

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
    public var aheadMicroseconds: Microseconds { definition.aheadMicroseconds }

    /// The greatest event time that a write may have.
    ///
    /// - Parameters:
    ///   - now: the server's clock.
    ///   - ahead: the group's.
    static func latestEventTime(now: Microseconds, ahead: Microseconds) -> Microseconds {
        let (sum, overflow) = now.addingReportingOverflow(ahead)
        return overflow ? .max : sum
    }

    /// The schema with this version; `nil` where there is none.
    public func schema(_ version: UInt32) -> GroupSchema? {
        // Versions rise by one, so the version names its place.
        version >= 1 && version <= schemas.count ? schemas[Int(version) - 1] : nil
    }

    /// The ordinal of the feature that goes by a name, now or still.
    public func ordinal(ofFeature name: String) -> Int? {
        if let ordinal = newestSchema.ordinal(ofFeature: name) { return removedFeatures[ordinal] == nil ? ordinal : nil }
        return featureOrdinals.first { ordinal in
            feature(ofOrdinal: ordinal).renamedFrom.contains { $0.utf8.elementsEqual(name.utf8) }
        }
    }

    /// Ordinals of the features that are there.
    public var featureOrdinals: [Int] {
        (newestSchema.featureBase..<newestSchema.columnCount).filter { removedFeatures[$0] == nil }
    }

    /// The definition without the features that were removed.
    var visibleDefinition: GroupDefinition {
        if removedFeatures.isEmpty { return definition }
        var visible = definition
        visible.features = featureOrdinals.map(feature(ofOrdinal:))
        return visible
    }

    /// The definition of a feature.
    func feature(ofOrdinal ordinal: Int) -> FeatureDefinition { definition.features[ordinal - newestSchema.featureBase] }

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
    /// The features that the service reads, in order, as they were resolved when it was applied.
    public let pins: [ServicePin]
    /// For each expression of the definition, how many pins stand before it.
    let expressionPlaces: [Int]
    /// What groups that were renamed since were called then: the service's full names go by it.
    var groupNames: [GroupID: String] = [:]

    init(project: String, definition: ServiceDefinition, pins: [ServicePin], expressionPlaces: [Int]) {
        self.project = project
        self.definition = definition
        self.pins = pins
        self.expressionPlaces = expressionPlaces
    }

    /// A feature that the service reads, or an expression.
    enum Line: Hashable {
        case pin(ServicePin)
        case expression(ServiceExpression)
    }

    /// Pins and expressions in the order of the definition.
    var lines: [Line] {
        var lines: [Line] = []
        var pinned = 0
        for (expression, place) in zip(definition.features.compactMap(\.expression), expressionPlaces) {
            lines += pins[pinned..<place].map(Line.pin)
            lines.append(.expression(expression))
            pinned = place
        }
        return lines + pins[pinned...].map(Line.pin)
    }

    func renamed(_ name: String) -> CatalogService {
        var definition = definition
        definition.name = name
        var service = CatalogService(
            project: project, definition: definition, pins: pins, expressionPlaces: expressionPlaces)
        service.groupNames = groupNames
        return service
    }

    public var name: String { definition.name }
    public var version: UInt32 { definition.version }
    /// `departure_delay@1`.
    public var reference: String { definition.reference }
}
