/// What a model reads: features of several groups, with aliases and key mappings; versioned.
public struct ServiceDefinition: Hashable, Sendable {
    public var name: String
    public var version: UInt32
    public var description: String?
    public var owner: String?
    public var tags: [String: String] = [:]
    /// Names that it had before, and that still mean it.
    public var renamedFrom: [String] = []
    /// Why it should not be used any more, and what to use: shown to who does.
    public var deprecated: String?
    public var features: [ServiceFeature]

    public init(name: String, version: UInt32 = 1, features: [ServiceFeature]) {
        self.name = name
        self.version = version
        self.features = features
    }

    /// `departure_delay@1`.
    public var reference: String { "\(name)@\(version)" }
}

extension ServiceDefinition: Definition {
    package static let words: [DefinitionField<Self>] = [
        .init("description", \.description, rule: .description),
        .init("owner", \.owner, rule: .description),
        .init("tags", \.tags, rule: .tags),
    ]
    package static let lifecycle: [DefinitionField<Self>] = [
        .init("renamed_from", \.renamedFrom, label: "renamed from", isToldOfNew: false, rule: .oldNames),
        .init("deprecated", \.deprecated, rule: .deprecation),
    ]
    package static let fieldNames = ["name", "version"] + fields.map(\.name) + ["features"]
}

/// One line of a service: a reference, and how it is named and keyed in this service.
public struct ServiceFeature: Hashable, Sendable, ExpressibleByStringLiteral {
    public var feature: FeatureReference
    /// The output's name; `nil` for the feature's own.
    public var alias: String?
    /// Key columns of the group that the request calls otherwise: `origin` → `dest`.
    public var keys: [String: String]

    public init(_ feature: FeatureReference, as alias: String? = nil, keys: [String: String] = [:]) {
        self.feature = feature
        self.alias = alias
        self.keys = keys
    }

    /// Traps where the literal is no reference.
    public init(stringLiteral text: String) {
        guard let reference = try? FeatureReference.parse(text) else {
            preconditionFailure(
                "'\(text)' is no feature "
                    + "reference")
        }
        self.init(reference)
    }
}
