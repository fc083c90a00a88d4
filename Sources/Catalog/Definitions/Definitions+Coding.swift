public import FeatureModel

// The JSON form of docs/formats/definitions.md. Encoding leaves defaults out; decoding trusts what it reads (our own log and
// our own server). JSON from a client goes through `DefinitionsReader`, which names what is wrong.

extension FeatureType: Codable {
    public init(from decoder: any Decoder) throws {
        self = try FeatureType.parse(String(from: decoder))
    }

    public func encode(to encoder: any Encoder) throws { try description.encode(to: encoder) }
}

extension TimeSpan: Codable {
    public init(from decoder: any Decoder) throws {
        let text = try String(from: decoder)
        guard let span = TimeSpan(text) else { throw HeadwaterError(.invalidArgument, "bad duration '\(text)'") }
        self = span
    }

    public func encode(to encoder: any Encoder) throws { try description.encode(to: encoder) }
}

extension Bound: Codable {
    public init(from decoder: any Decoder) throws {
        if let whole = try? Int64(from: decoder) { self = .whole(whole) } else { self.init(try Double(from: decoder)) }
    }

    public func encode(to encoder: any Encoder) throws {
        switch self {
        case .whole(let number): try number.encode(to: encoder)
        case .real(let number): try number.encode(to: encoder)
        }
    }
}

extension FeatureReference: Codable {
    public init(from decoder: any Decoder) throws { self = try FeatureReference.parse(String(from: decoder)) }
    public func encode(to encoder: any Encoder) throws { try description.encode(to: encoder) }
}

extension KeyedEncodingContainer {
    mutating func encode(_ values: [String: String], unlessEmpty key: Key) throws {
        if !values.isEmpty { try encode(values, forKey: key) }
    }

    mutating func encode(_ values: [String], unlessEmpty key: Key) throws {
        if !values.isEmpty { try encode(values, forKey: key) }
    }
}

extension KeyedDecodingContainer {
    func tags(_ key: Key) throws -> [String: String] { try decodeIfPresent([String: String].self, forKey: key) ?? [:] }
}

extension Definitions: Codable {
    /// The greatest `format` that this version reads.
    public static let format = 1

    enum CodingKeys: String, CodingKey {
        case format, project, entities, datasets
        case featureGroups = "feature_groups"
        case featureServices = "feature_services"
    }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        project = try values.decode(String.self, forKey: .project)
        entities = try values.decodeIfPresent([EntityDefinition].self, forKey: .entities) ?? []
        featureGroups = try values.decodeIfPresent([GroupDefinition].self, forKey: .featureGroups) ?? []
        featureServices = try values.decodeIfPresent([ServiceDefinition].self, forKey: .featureServices) ?? []
        datasets = try values.decodeIfPresent([DatasetDefinition].self, forKey: .datasets) ?? []
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(Self.format, forKey: .format)
        try values.encode(project, forKey: .project)
        if !entities.isEmpty { try values.encode(entities, forKey: .entities) }
        if !featureGroups.isEmpty { try values.encode(featureGroups, forKey: .featureGroups) }
        if !featureServices.isEmpty { try values.encode(featureServices, forKey: .featureServices) }
        if !datasets.isEmpty { try values.encode(datasets, forKey: .datasets) }
    }
}

extension EntityDefinition: Codable {
    enum CodingKeys: String, CodingKey { case name, keys, description, tags }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        name = try values.decode(String.self, forKey: .name)
        keys = try values.decode([KeyDefinition].self, forKey: .keys)
        description = try values.decodeIfPresent(String.self, forKey: .description)
        tags = try values.tags(.tags)
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(name, forKey: .name)
        try values.encode(keys, forKey: .keys)
        try values.encodeIfPresent(description, forKey: .description)
        try values.encode(tags, unlessEmpty: .tags)
    }
}

extension GroupDefinition: Codable {
    enum CodingKeys: String, CodingKey {
        case name, version, entity, retention, ahead, description, owner, tags, features, deprecated
        case renamedFrom = "renamed_from"
        case eventTime = "event_time"
        case availableTime = "available_time"
        case maxAge = "max_age"
    }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        name = try values.decode(String.self, forKey: .name)
        version = try values.decodeIfPresent(UInt32.self, forKey: .version) ?? 1
        entity = try values.decode(String.self, forKey: .entity)
        eventTime = try values.decodeIfPresent(String.self, forKey: .eventTime)
        availableTime = try values.decodeIfPresent(String.self, forKey: .availableTime)
        maxAge = try values.decodeIfPresent(TimeSpan.self, forKey: .maxAge)
        retention = try values.decodeIfPresent(TimeSpan.self, forKey: .retention)
        ahead = try values.decodeIfPresent(TimeSpan.self, forKey: .ahead)
        description = try values.decodeIfPresent(String.self, forKey: .description)
        owner = try values.decodeIfPresent(String.self, forKey: .owner)
        tags = try values.tags(.tags)
        renamedFrom = try values.decodeIfPresent([String].self, forKey: .renamedFrom) ?? []
        deprecated = try values.decodeIfPresent(String.self, forKey: .deprecated)
        features = try values.decode([FeatureDefinition].self, forKey: .features)
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(name, forKey: .name)
        try values.encode(version, forKey: .version)
        try values.encode(entity, forKey: .entity)
        try values.encodeIfPresent(eventTime, forKey: .eventTime)
        try values.encodeIfPresent(availableTime, forKey: .availableTime)
        try values.encodeIfPresent(maxAge, forKey: .maxAge)
        try values.encodeIfPresent(retention, forKey: .retention)
        try values.encodeIfPresent(ahead, forKey: .ahead)
        try values.encodeIfPresent(description, forKey: .description)
        try values.encodeIfPresent(owner, forKey: .owner)
        try values.encode(tags, unlessEmpty: .tags)
        try values.encode(renamedFrom, unlessEmpty: .renamedFrom)
        try values.encodeIfPresent(deprecated, forKey: .deprecated)
        try values.encode(features, forKey: .features)
    }
}

extension FeatureDefinition: Codable {
    enum CodingKeys: String, CodingKey {
        case name, type, description, tags, checks, deprecated
        case renamedFrom = "renamed_from"
    }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        name = try values.decode(String.self, forKey: .name)
        type = try values.decode(FeatureType.self, forKey: .type)
        description = try values.decodeIfPresent(String.self, forKey: .description)
        tags = try values.tags(.tags)
        renamedFrom = try values.decodeIfPresent([String].self, forKey: .renamedFrom) ?? []
        deprecated = try values.decodeIfPresent(String.self, forKey: .deprecated)
        checks = try values.decodeIfPresent(FeatureChecks.self, forKey: .checks)
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(name, forKey: .name)
        try values.encode(type, forKey: .type)
        try values.encodeIfPresent(description, forKey: .description)
        try values.encode(tags, unlessEmpty: .tags)
        try values.encode(renamedFrom, unlessEmpty: .renamedFrom)
        try values.encodeIfPresent(deprecated, forKey: .deprecated)
        try values.encodeIfPresent(checks, forKey: .checks)
    }
}

extension FeatureChecks: Codable {
    enum CodingKeys: String, CodingKey {
        case min, max
        case notNull = "not_null"
        case oneOf = "one_of"
        case maxLength = "max_length"
    }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        min = try values.decodeIfPresent(Bound.self, forKey: .min)
        max = try values.decodeIfPresent(Bound.self, forKey: .max)
        notNull = try values.decodeIfPresent(Bool.self, forKey: .notNull) ?? false
        oneOf = try values.decodeIfPresent([String].self, forKey: .oneOf)
        maxLength = try values.decodeIfPresent(Int.self, forKey: .maxLength)
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encodeIfPresent(min, forKey: .min)
        try values.encodeIfPresent(max, forKey: .max)
        if notNull { try values.encode(true, forKey: .notNull) }
        try values.encodeIfPresent(oneOf, forKey: .oneOf)
        try values.encodeIfPresent(maxLength, forKey: .maxLength)
    }
}

extension ServiceDefinition: Codable {
    enum CodingKeys: String, CodingKey {
        case name, version, description, owner, tags, features, deprecated
        case renamedFrom = "renamed_from"
    }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        name = try values.decode(String.self, forKey: .name)
        version = try values.decodeIfPresent(UInt32.self, forKey: .version) ?? 1
        description = try values.decodeIfPresent(String.self, forKey: .description)
        owner = try values.decodeIfPresent(String.self, forKey: .owner)
        tags = try values.tags(.tags)
        renamedFrom = try values.decodeIfPresent([String].self, forKey: .renamedFrom) ?? []
        deprecated = try values.decodeIfPresent(String.self, forKey: .deprecated)
        features = try values.decode([ServiceFeature].self, forKey: .features)
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(name, forKey: .name)
        try values.encode(version, forKey: .version)
        try values.encodeIfPresent(description, forKey: .description)
        try values.encodeIfPresent(owner, forKey: .owner)
        try values.encode(tags, unlessEmpty: .tags)
        try values.encode(renamedFrom, unlessEmpty: .renamedFrom)
        try values.encodeIfPresent(deprecated, forKey: .deprecated)
        try values.encode(features, forKey: .features)
    }
}

extension ServiceFeature: Codable {
    enum CodingKeys: String, CodingKey {
        case feature, keys
        case alias = "as"
    }

    public init(from decoder: any Decoder) throws {
        if let reference = try? FeatureReference(from: decoder) {
            self.init(reference)
            return
        }
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            try values.decode(FeatureReference.self, forKey: .feature),
            as: try values.decodeIfPresent(String.self, forKey: .alias),
            keys: try values.tags(.keys))
    }

    public func encode(to encoder: any Encoder) throws {
        if alias == nil && keys.isEmpty { return try feature.encode(to: encoder) }
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(feature, forKey: .feature)
        try values.encodeIfPresent(alias, forKey: .alias)
        try values.encode(keys, unlessEmpty: .keys)
    }
}
