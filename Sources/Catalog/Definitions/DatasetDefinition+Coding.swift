import FeatureModel

// The JSON form of docs/formats/dataset.md; defaults are left out.

extension DatasetDefinition: Codable {
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: FieldKey.self)
        name = try values.decode(String.self, forKey: "name")
        query = try values.decode(Query.self, forKey: "query")
        rows = try values.decode(Int.self, forKey: "rows")
        spine = try values.decode(Table.self, forKey: "spine")
        features = try values.decode(Table.self, forKey: "features")
        labels = try values.decodeIfPresent(Table.self, forKey: "labels")
        split = try values.decodeIfPresent(Split.self, forKey: "split")
        source = try values.decodeIfPresent(String.self, forKey: "source")
        created = try values.decodeIfPresent(Microseconds.self, forKey: "created")
        isReleased = try values.decodeIfPresent(Bool.self, forKey: "released") ?? false
        try values.decodeFields(of: &self)
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: FieldKey.self)
        try values.encode(name, forKey: "name")
        try values.encode(query, forKey: "query")
        try values.encode(rows, forKey: "rows")
        try values.encode(spine, forKey: "spine")
        try values.encode(features, forKey: "features")
        try values.encodeIfPresent(labels, forKey: "labels")
        try values.encodeIfPresent(split, forKey: "split")
        try values.encodeIfPresent(source, forKey: "source")
        try values.encodeIfPresent(created, forKey: "created")
        if isReleased { try values.encode(true, forKey: "released") }
        try values.encodeFields(of: self)
    }
}

extension DatasetDefinition.Query: Codable {
    enum CodingKeys: String, CodingKey {
        case service, features, availability
        case fullFeatureNames = "full_feature_names"
        case asOf = "as_of"
        case spineTime = "spine_time"
    }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        if let service = try values.decodeIfPresent(String.self, forKey: .service) {
            selection = .service(service)
        } else {
            selection = .features(try values.decode([String].self, forKey: .features))
        }
        fullFeatureNames = try values.decodeIfPresent(Bool.self, forKey: .fullFeatureNames) ?? false
        availabilityIngest = try values.decodeIfPresent(String.self, forKey: .availability) == "ingest"
        asOf = try values.decode(Position.self, forKey: .asOf)
        spineTime = try values.decode(String.self, forKey: .spineTime)
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        switch selection {
        case .service(let service): try values.encode(service, forKey: .service)
        case .features(let features): try values.encode(features, forKey: .features)
        }
        if fullFeatureNames { try values.encode(true, forKey: .fullFeatureNames) }
        if availabilityIngest { try values.encode("ingest", forKey: .availability) }
        try values.encode(asOf, forKey: .asOf)
        try values.encode(spineTime, forKey: .spineTime)
    }
}

extension DatasetDefinition.Split: Codable {
    enum CodingKeys: String, CodingKey { case by, seed, parts }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        by = try values.decode(String.self, forKey: .by)
        seed = try values.decodeIfPresent(UInt64.self, forKey: .seed) ?? 0
        parts = try values.decode([Part].self, forKey: .parts)
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(by, forKey: .by)
        if seed != 0 { try values.encode(seed, forKey: .seed) }
        try values.encode(parts, forKey: .parts)
    }
}
