/// A named, typed column.
public struct Field: Hashable, Sendable {
    public let name: String
    public let type: FeatureType

    public init(_ name: String, _ type: FeatureType) {
        self.name = name
        self.type = type
    }
}

/// The columns of one feature group at one schema version: all that stores and codecs need to know of it.
///
/// Columns are numbered by *ordinal*: keys, then the event time, then the available time (where the group has them),
/// then features in the order in which they were added. A schema change only appends features or widens one, so an
/// ordinal names the same column for ever, and a batch of an old schema version reads as a prefix of a newer one.
public struct GroupSchema: Hashable, Sendable {
    public let groupID: GroupID
    /// From 1; one higher with each schema change.
    public let schemaVersion: UInt32
    public let keys: [Field]
    /// Name of the event time column; `nil` for a static table.
    public let eventTimeName: String?
    /// Name of the column that stands for ingest_time in backfilled history.
    public let availableTimeName: String?
    public let features: [Field]
    private let featurePlaces: NameIndex

    public init(
        groupID: GroupID, schemaVersion: UInt32, keys: [Field], eventTimeName: String?, availableTimeName: String? = nil,
        features: [Field]
    ) {
        self.groupID = groupID
        self.schemaVersion = schemaVersion
        self.keys = keys
        self.eventTimeName = eventTimeName
        self.availableTimeName = availableTimeName
        self.features = features
        featurePlaces = NameIndex(features)
    }

    public var isStatic: Bool { eventTimeName == nil }
    public var eventTimeOrdinal: Int? { eventTimeName == nil ? nil : keys.count }
    public var availableTimeOrdinal: Int? { availableTimeName == nil ? nil : keys.count + (isStatic ? 0 : 1) }
    /// Ordinal of the first feature.
    public var featureBase: Int { keys.count + (isStatic ? 0 : 1) + (availableTimeName == nil ? 0 : 1) }
    public var columnCount: Int { featureBase + features.count }

    /// Every column in ordinal order.
    public var columns: [Field] {
        keys + [eventTimeName, availableTimeName].compactMap { $0.map { Field($0, .timestamp) } } + features
    }

    public func type(ofOrdinal ordinal: Int) -> FeatureType {
        if ordinal < keys.count { return keys[ordinal].type }
        return ordinal < featureBase ? .timestamp : features[ordinal - featureBase].type
    }

    /// The ordinal of the column with this name, compared as bytes.
    public func ordinal(ofColumn name: String) -> Int? {
        columns.firstIndex { $0.name.utf8.elementsEqual(name.utf8) }
    }

    /// The ordinal of the feature with this name, compared as bytes.
    ///
    /// - Complexity: O(1): requests name thousands.
    public func ordinal(ofFeature name: String) -> Int? { featurePlaces[name].map { featureBase + $0 } }
}

/// Where each name stands in a list of fields; of equal names the first.
/// It follows from the list, so that all are equal to each other.
private struct NameIndex: Hashable, Sendable {
    private let places: [ByteString: Int]

    init(_ fields: [Field]) {
        places = Dictionary(
            fields.enumerated().map { (ByteString($0.element.name), $0.offset) }, uniquingKeysWith: { first, _ in first })
    }

    subscript(_ name: String) -> Int? { places[ByteString(name)] }

    static func == (_: NameIndex, _: NameIndex) -> Bool { true }
    func hash(into hasher: inout Hasher) {}
}
