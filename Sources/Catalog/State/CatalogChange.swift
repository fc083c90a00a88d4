public import FeatureModel

/// One resolved change to the catalog: the whole new state of one entity, group, service or dataset, or what a name means.
///
/// Everything that had to be decided (ids, schema versions, pins) was decided when it was planned, so the fold asks nothing
/// and refuses nothing. The JSON form is docs/formats/definitions.md.
public enum CatalogChange: Hashable, Sendable {
    case entity(EntityChange)
    case group(GroupChange)
    case service(ServiceChange)
    case dataset(DatasetChange)
    case promotion(PromotionChange)
    case rename(RenameChange)
    case removal(RemovalChange)

    public var project: String {
        switch self {
        case .entity(let change): change.project
        case .group(let change): change.project
        case .service(let change): change.project
        case .dataset(let change): change.project
        case .promotion(let change): change.project
        case .rename(let change): change.project
        case .removal(let change): change.project
        }
    }
}

public struct EntityChange: Hashable, Sendable, Codable {
    public let project: String
    public let entity: EntityDefinition
}

public struct GroupChange: Hashable, Sendable, Codable {
    public let project: String
    public let id: GroupID
    /// The schema version that `group` has from here on.
    public let schemaVersion: UInt32
    /// The entity's keys when the group was made.
    public let keys: [KeyDefinition]
    /// Features in ordinal order.
    public let group: GroupDefinition

    enum CodingKeys: String, CodingKey {
        case project, id, keys, group
        case schemaVersion = "schema_version"
    }

    /// The schema that this change states.
    var schema: GroupSchema {
        GroupSchema(
            groupID: id, schemaVersion: schemaVersion, keys: keys.map(\.field), eventTimeName: group.eventTime,
            availableTimeName: group.availableTime, features: group.features.map { Field($0.name, $0.type) })
    }
}

public struct ServiceChange: Hashable, Sendable, Codable {
    public let project: String
    public let service: ServiceDefinition
    public let pins: [ServicePin]
    /// Where the definition's expressions stand: for each, how many pins stand before it.
    public let expressionPlaces: [Int]

    init(project: String, service: ServiceDefinition, pins: [ServicePin], expressionPlaces: [Int]) {
        (self.project, self.service, self.pins) = (project, service, pins)
        self.expressionPlaces = expressionPlaces
    }

    enum CodingKeys: String, CodingKey {
        case project, service, pins
        case expressionPlaces = "expression_places"
    }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        project = try values.decode(String.self, forKey: .project)
        service = try values.decode(ServiceDefinition.self, forKey: .service)
        pins = try values.decode([ServicePin].self, forKey: .pins)
        expressionPlaces = try values.decodeIfPresent([Int].self, forKey: .expressionPlaces) ?? []
        let expressions = service.features.count { $0.expression != nil }
        guard expressionPlaces.count == expressions, expressionPlaces == expressionPlaces.sorted(),
            expressionPlaces.allSatisfy({ (0...pins.count).contains($0) })
        else { throw HeadwaterError(.dataLoss, "\(expressionPlaces.count) places of \(expressions) expressions of a service") }
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(project, forKey: .project)
        try values.encode(service, forKey: .service)
        try values.encode(pins, forKey: .pins)
        if !expressionPlaces.isEmpty { try values.encode(expressionPlaces, forKey: .expressionPlaces) }
    }
}

public struct DatasetChange: Hashable, Sendable, Codable {
    public let project: String
    public let dataset: DatasetDefinition
}

/// Of what there are versions.
public enum VersionedKind: String, Hashable, Sendable, Codable, CaseIterable {
    case group
    case service

    var planKind: Plan.Kind { self == .group ? .group : .service }
}

/// Which version a name without one means from here on.
public struct PromotionChange: Hashable, Sendable, Codable {
    public let project: String
    public let what: VersionedKind
    public let name: String
    public let version: UInt32
}

/// A new name of all versions of something; the change that lists the old one among its names stands behind it.
public struct RenameChange: Hashable, Sendable, Codable {
    public let project: String
    public let what: VersionedKind
    public let name: String
    public let to: String
}

/// The end of one thing. Ids and ordinals of what is removed are never used again.
public struct RemovalChange: Hashable, Sendable, Codable {
    public let project: String
    public let what: RemovableKind
    public let name: String
    /// Of a group, a feature's group, or a service.
    public var version: UInt32?
    /// Of a group, or a feature's group.
    public var id: GroupID?
    /// Of a feature.
    public var ordinal: Int?
    /// Whether rows of a group stay for reads as of positions before.
    public var keepsHistory: Bool?

    enum CodingKeys: String, CodingKey {
        case project, what, name, version, id, ordinal
        case keepsHistory = "keep_history"
    }

    /// `orders@2` where there are versions, else the name.
    public var reference: String {
        guard what == .group || what == .service, let version else { return name }
        return "\(name)@\(version)"
    }

    /// What a store takes from it.
    var groupRemoval: GroupRemoval? {
        guard what == .group, let id else { return nil }
        return GroupRemoval(groupID: id, keepsHistory: keepsHistory == true)
    }
}

/// What can be removed by itself.
public enum RemovableKind: String, Hashable, Sendable, Codable, CaseIterable {
    case project, entity, group, feature, service, dataset
}

extension [CatalogChange] {
    /// The groups that the changes remove.
    public var groupRemovals: [GroupRemoval] {
        compactMap { if case .removal(let change) = $0 { change.groupRemoval } else { nil } }
    }
}

/// One output of a service, resolved when the service was applied.
public struct ServicePin: Hashable, Sendable {
    public let group: GroupID
    public let groupVersion: UInt32
    /// The feature's column in the group's schema.
    public let ordinal: Int
    /// The feature's own name.
    public let feature: String
    public let alias: String?
    /// Key column of the group → column of the request, where they differ.
    public let keys: [String: String]
    /// Whether it only goes into expressions.
    public var isHidden = false

    /// What it is called in the service, unless it is asked for by full names.
    public var shortName: String { alias ?? feature }
}

extension ServicePin: Codable {
    enum CodingKeys: String, CodingKey {
        case group, ordinal, feature, keys
        case isHidden = "hidden"
        case groupVersion = "group_version"
        case alias = "as"
    }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        group = try values.decode(GroupID.self, forKey: .group)
        groupVersion = try values.decode(UInt32.self, forKey: .groupVersion)
        ordinal = try values.decode(Int.self, forKey: .ordinal)
        feature = try values.decode(String.self, forKey: .feature)
        alias = try values.decodeIfPresent(String.self, forKey: .alias)
        keys = try values.tags(.keys)
        isHidden = try values.decodeIfPresent(Bool.self, forKey: .isHidden) ?? false
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(group, forKey: .group)
        try values.encode(groupVersion, forKey: .groupVersion)
        try values.encode(ordinal, forKey: .ordinal)
        try values.encode(feature, forKey: .feature)
        try values.encodeIfPresent(alias, forKey: .alias)
        try values.encode(keys, unlessEmpty: .keys)
        if isHidden { try values.encode(true, forKey: .isHidden) }
    }
}

extension CatalogChange: Codable {
    private enum CodingKeys: String, CodingKey { case kind }

    public init(from decoder: any Decoder) throws {
        let kind = try decoder.container(keyedBy: CodingKeys.self).decode(String.self, forKey: .kind)
        switch kind {
        case "entity": self = .entity(try EntityChange(from: decoder))
        case "group": self = .group(try GroupChange(from: decoder))
        case "service": self = .service(try ServiceChange(from: decoder))
        case "dataset": self = .dataset(try DatasetChange(from: decoder))
        case "promotion": self = .promotion(try PromotionChange(from: decoder))
        case "rename": self = .rename(try RenameChange(from: decoder))
        case "removal": self = .removal(try RemovalChange(from: decoder))
        default: throw HeadwaterError(.unimplemented, "a change of kind '\(kind)' is not known to this version")
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .entity(let change):
            try values.encode("entity", forKey: .kind)
            try change.encode(to: encoder)
        case .group(let change):
            try values.encode("group", forKey: .kind)
            try change.encode(to: encoder)
        case .service(let change):
            try values.encode("service", forKey: .kind)
            try change.encode(to: encoder)
        case .dataset(let change):
            try values.encode("dataset", forKey: .kind)
            try change.encode(to: encoder)
        case .promotion(let change):
            try values.encode("promotion", forKey: .kind)
            try change.encode(to: encoder)
        case .rename(let change):
            try values.encode("rename", forKey: .kind)
            try change.encode(to: encoder)
        case .removal(let change):
            try values.encode("removal", forKey: .kind)
            try change.encode(to: encoder)
        }
    }
}

/// The body of a definitions record.
public enum CatalogRecordBody {
    /// The greatest that this version reads.
    static let format = 2

    /// What is read before anything else: a newer body may have any shape.
    struct Header: Decodable { let format: Int }

    private struct Body: Codable {
        let format: Int
        let changes: [CatalogChange]
    }

    public static func encode(_ changes: [CatalogChange]) -> [UInt8] {
        CanonicalJSON.encode(Body(format: format(of: changes), changes: changes))
    }

    /// - Throws: `.dataLoss` where the bytes are no changes, `.unimplemented` for a newer format.
    public static func decode(_ bytes: ArraySlice<UInt8>) throws(HeadwaterError) -> [CatalogChange] {
        try checkFormat(bytes, what: "definitions record")
        return try CanonicalJSON.decode(Body.self, from: bytes, orElse: .dataLoss, what: "definitions record").changes
    }

    /// The least format that holds the changes: what says nothing new is read by older versions too. Services with a request or
    /// expressions are of format 2.
    static func format(of changes: some Sequence<CatalogChange>) -> Int {
        let needsNewer = changes.contains { change in
            guard case .service(let change) = change else { return false }
            return !change.service.request.isEmpty
                || change.service.features.contains { $0.expression != nil || $0.feature?.isHidden == true }
        }
        return needsNewer ? 2 : 1
    }

    static func checkFormat(_ bytes: ArraySlice<UInt8>, what: String) throws(HeadwaterError) {
        let header = try CanonicalJSON.decode(Header.self, from: bytes, orElse: .dataLoss, what: what)
        guard (1...format).contains(header.format) else {
            throw HeadwaterError(
                .unimplemented, "\(what) of format \(header.format); this version reads 1 to \(format): use a newer headwater")
        }
    }
}
