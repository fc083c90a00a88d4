public import FeatureModel

/// What a user writes: the entities, feature groups and feature services of one project.
///
/// The form, as YAML and as JSON, is docs/formats/definitions.md.
public struct Definitions: Hashable, Sendable {
    public var project: String
    public var entities: [EntityDefinition]
    public var featureGroups: [GroupDefinition]
    public var featureServices: [ServiceDefinition]
    /// Saved training sets, which `history --save` writes.
    public var datasets: [DatasetDefinition]

    public init(
        project: String, entities: [EntityDefinition] = [], featureGroups: [GroupDefinition] = [],
        featureServices: [ServiceDefinition] = [], datasets: [DatasetDefinition] = []
    ) {
        self.project = project
        self.entities = entities
        self.featureGroups = featureGroups
        self.featureServices = featureServices
        self.datasets = datasets
    }
}

/// A business key: zero or more typed key columns.
public struct EntityDefinition: Hashable, Sendable {
    public var name: String
    public var keys: [KeyDefinition]
    public var description: String?
    public var tags: [String: String] = [:]

    public init(name: String, keys: [KeyDefinition]) {
        self.name = name
        self.keys = keys
    }
}

extension EntityDefinition: Definition {
    package static let words: [DefinitionField<Self>] = [
        .init("description", \.description, rule: .description),
        .init("tags", \.tags, rule: .tags),
    ]
    package static let fieldNames = ["name", "keys"] + fields.map(\.name)
    package static let shapeAliases = ["join_keys": "keys", "primary_key": "keys"]
}

/// One key column of an entity.
public struct KeyDefinition: Hashable, Sendable {
    public var name: String
    public var type: FeatureType
    public var description: String?

    public init(name: String, type: FeatureType) {
        self.name = name
        self.type = type
    }

    var field: Field { Field(name, type) }
}

extension KeyDefinition: Definition {
    package static let words: [DefinitionField<Self>] = [.init("description", \.description, rule: .description)]
    package static let fieldNames = ["name", "type"] + fields.map(\.name)
}

/// Limits of what definitions may hold, beside those of `Limits`. Units stand last in the names.
public enum DefinitionLimits {
    /// Bytes of one file, or of definitions as JSON.
    public static let textBytesMax = 8 << 20
    /// Values of one file, with those that aliases repeat.
    public static let nodesMax = 1_000_000
    /// Bytes of a description, an owner or a tag's value.
    public static let descriptionBytesMax = 4_096
    /// Tags of one thing.
    public static let tagsMax = 64
    /// Values of one `one_of`.
    public static let oneOfMax = 1_024
    /// Entities, groups and services of one file each.
    public static let itemsMax = 4_096
    /// Features of one service.
    public static let serviceFeaturesMax = 4_096
    /// Columns of a service's requests beside the keys.
    public static let requestColumnsMax = 256
    /// Old names of one thing.
    public static let oldNamesMax = 16
    /// Parts of one split.
    public static let splitPartsMax = 64
    /// Problems that one refusal lists; the rest is a count.
    public static let problemsListedMax = 20
}
