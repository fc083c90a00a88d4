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
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: FieldKey.self)
        name = try values.decode(String.self, forKey: "name")
        keys = try values.decode([KeyDefinition].self, forKey: "keys")
        try values.decodeFields(of: &self)
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: FieldKey.self)
        try values.encode(name, forKey: "name")
        try values.encode(keys, forKey: "keys")
        try values.encodeFields(of: self)
    }
}

extension KeyDefinition: Codable {
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: FieldKey.self)
        name = try values.decode(String.self, forKey: "name")
        type = try values.decode(FeatureType.self, forKey: "type")
        try values.decodeFields(of: &self)
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: FieldKey.self)
        try values.encode(name, forKey: "name")
        try values.encode(type, forKey: "type")
        try values.encodeFields(of: self)
    }
}

extension GroupDefinition: Codable {
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: FieldKey.self)
        name = try values.decode(String.self, forKey: "name")
        version = try values.decodeIfPresent(UInt32.self, forKey: "version") ?? 1
        entity = try values.decode(String.self, forKey: "entity")
        eventTime = try values.decodeIfPresent(String.self, forKey: "event_time")
        availableTime = try values.decodeIfPresent(String.self, forKey: "available_time")
        features = try values.decode([FeatureDefinition].self, forKey: "features")
        try values.decodeFields(of: &self)
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: FieldKey.self)
        try values.encode(name, forKey: "name")
        try values.encode(version, forKey: "version")
        try values.encode(entity, forKey: "entity")
        try values.encodeIfPresent(eventTime, forKey: "event_time")
        try values.encodeIfPresent(availableTime, forKey: "available_time")
        try values.encode(features, forKey: "features")
        try values.encodeFields(of: self)
    }
}

extension FeatureDefinition: Codable {
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: FieldKey.self)
        name = try values.decode(String.self, forKey: "name")
        type = try values.decode(FeatureType.self, forKey: "type")
        checks = try values.decodeIfPresent(FeatureChecks.self, forKey: "checks")
        try values.decodeFields(of: &self)
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: FieldKey.self)
        try values.encode(name, forKey: "name")
        try values.encode(type, forKey: "type")
        try values.encodeIfPresent(checks, forKey: "checks")
        try values.encodeFields(of: self)
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
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: FieldKey.self)
        name = try values.decode(String.self, forKey: "name")
        version = try values.decodeIfPresent(UInt32.self, forKey: "version") ?? 1
        request = try values.decodeIfPresent([RequestColumn].self, forKey: "request") ?? []
        features = try values.decode([ServiceLine].self, forKey: "features")
        try values.decodeFields(of: &self)
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: FieldKey.self)
        try values.encode(name, forKey: "name")
        try values.encode(version, forKey: "version")
        if !request.isEmpty { try values.encode(request, forKey: "request") }
        try values.encode(features, forKey: "features")
        try values.encodeFields(of: self)
    }
}

extension RequestColumn: Codable {
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: FieldKey.self)
        name = try values.decode(String.self, forKey: "name")
        type = try values.decode(FeatureType.self, forKey: "type")
        try values.decodeFields(of: &self)
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: FieldKey.self)
        try values.encode(name, forKey: "name")
        try values.encode(type, forKey: "type")
        try values.encodeFields(of: self)
    }
}

extension ServiceLine: Codable {
    public init(from decoder: any Decoder) throws {
        let values = try? decoder.container(keyedBy: FieldKey.self)
        if values?.contains("expr") == true {
            self = .expression(try ServiceExpression(from: decoder))
        } else {
            self = .feature(try ServiceFeature(from: decoder))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        switch self {
        case .feature(let feature): try feature.encode(to: encoder)
        case .expression(let expression): try expression.encode(to: encoder)
        }
    }
}

extension ServiceExpression: Codable {
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: FieldKey.self)
        name = try values.decode(String.self, forKey: "name")
        text = try values.decode(String.self, forKey: "expr")
        language = try values.decode(Int.self, forKey: "language")
        isHidden = try values.decodeIfPresent(Bool.self, forKey: "hidden") ?? false
        try values.decodeFields(of: &self)
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: FieldKey.self)
        try values.encode(name, forKey: "name")
        try values.encode(text, forKey: "expr")
        try values.encode(language, forKey: "language")
        if isHidden { try values.encode(true, forKey: "hidden") }
        try values.encodeFields(of: self)
    }
}

extension ServiceFeature: Codable {
    enum CodingKeys: String, CodingKey {
        case feature, keys
        case alias = "as"
        case isHidden = "hidden"
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
            keys: try values.tags(.keys), isHidden: try values.decodeIfPresent(Bool.self, forKey: .isHidden) ?? false)
    }

    public func encode(to encoder: any Encoder) throws {
        if alias == nil && keys.isEmpty && !isHidden { return try feature.encode(to: encoder) }
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(feature, forKey: .feature)
        try values.encodeIfPresent(alias, forKey: .alias)
        try values.encode(keys, unlessEmpty: .keys)
        if isHidden { try values.encode(true, forKey: .isHidden) }
    }
}
