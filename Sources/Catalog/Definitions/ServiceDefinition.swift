public import FeatureModel

/// What a model reads: features of several groups, with aliases and key mappings, and expressions over them; versioned.
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
    /// Columns beside the keys that whoever asks brings along, for the expressions.
    public var request: [RequestColumn]
    public var features: [ServiceLine]

    public init(name: String, version: UInt32 = 1, request: [RequestColumn] = [], features: [ServiceLine]) {
        self.name = name
        self.version = version
        self.request = request
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
    package static let fieldNames = ["name", "version"] + fields.map(\.name) + ["request", "features"]
}

/// One column of a request that is no key: of any type, and null where it is not known.
public struct RequestColumn: Hashable, Sendable {
    public var name: String
    public var type: FeatureType
    public var description: String?

    public init(name: String, type: FeatureType) { (self.name, self.type) = (name, type) }

    public var field: Field { Field(name, type) }
}

extension RequestColumn: Definition {
    package static let words: [DefinitionField<Self>] = [.init("description", \.description, rule: .description)]
    package static let fieldNames = ["name", "type"] + fields.map(\.name)
}

/// One line of a service.
public enum ServiceLine: Hashable, Sendable, ExpressibleByStringLiteral {
    case feature(ServiceFeature)
    case expression(ServiceExpression)

    /// The feature that the line names, or all of a group.
    public var feature: ServiceFeature? { if case .feature(let feature) = self { feature } else { nil } }
    public var expression: ServiceExpression? { if case .expression(let expression) = self { expression } else { nil } }

    /// Traps where the literal is no reference.
    public init(stringLiteral text: String) { self = .feature(ServiceFeature(stringLiteral: text)) }
}

/// A reference, and how it is named and keyed in this service.
public struct ServiceFeature: Hashable, Sendable, ExpressibleByStringLiteral {
    public var feature: FeatureReference
    /// The output's name; `nil` for the feature's own.
    public var alias: String?
    /// Key columns of the group that the request calls otherwise: `origin` → `dest`.
    public var keys: [String: String]
    /// Whether it only goes into expressions, and is no output.
    public var isHidden: Bool

    public init(_ feature: FeatureReference, as alias: String? = nil, keys: [String: String] = [:], isHidden: Bool = false) {
        self.feature = feature
        self.alias = alias
        self.keys = keys
        self.isHidden = isHidden
    }

    /// Traps where the literal is no reference.
    public init(stringLiteral text: String) {
        guard let reference = try? FeatureReference.parse(text) else { preconditionFailure("'\(text)' is no feature reference") }
        self.init(reference)
    }
}

/// An output that is worked out when it is asked for, from outputs that stand before it and from the request
/// (docs/expressions.md).
public struct ServiceExpression: Hashable, Sendable {
    public var name: String
    /// The canonical text.
    public var text: String
    /// The version of the language that it is written in.
    public var language: Int
    public var description: String?
    /// Whether it only goes into other expressions, and is no output.
    public var isHidden = false

    public init(name: String, text: String, language: Int = 1) {
        self.name = name
        self.text = text
        self.language = language
    }
}

extension ServiceExpression: Definition {
    package static let words: [DefinitionField<Self>] = [.init("description", \.description, rule: .description)]
    package static let fieldNames = ["name", "expr", "language", "hidden"] + fields.map(\.name)
}
