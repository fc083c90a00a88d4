public import FeatureModel

/// Every shape of type that a column can have: scalars, arrays of each, vectors of a few lengths.
public let everyType: [FeatureType] =
    FeatureType.allScalars + FeatureType.allScalars.map { .array($0) } + [.vector(1), .vector(3), .vector(17)]

/// The types a key column may have.
public let everyKeyType: [FeatureType] = FeatureType.allScalars.filter(\.isKeyType)

extension SplitMix64 {
    public mutating func type() -> FeatureType { pick(everyType) }

    public mutating func keyTypes(_ count: ClosedRange<Int> = 1...4) -> [FeatureType] {
        (0..<int(count)).map { _ in pick(everyKeyType) }
    }

    /// A group with one to three keys, with or without event and available time, and one to twelve features.
    public mutating func schema(groupID: GroupID = 1, schemaVersion: UInt32 = 1) -> GroupSchema {
        GroupSchema(
            groupID: groupID, schemaVersion: schemaVersion,
            keys: keyTypes(1...3).enumerated().map { Field("key\($0)", $1) },
            eventTimeName: chance(0.8) ? "event_time" : nil, availableTimeName: chance(0.2) ? "available_time" : nil,
            features: (0..<int(1...12)).map { Field("feature\($0)", type()) })
    }
}
