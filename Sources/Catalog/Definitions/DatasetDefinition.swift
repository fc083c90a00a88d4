public import FeatureModel

/// A saved training set: the query that made it, and hashes of what went in and came out, so that it can be made again and
/// proved equal. The rows themselves are not kept.
///
/// Hashes are SHA-256 of canonical cells, as 64 hexadecimal digits (docs/formats/dataset.md).
public struct DatasetDefinition: Hashable, Sendable {
    /// What was asked for. At `asOf` the answer is the same for ever.
    public struct Query: Hashable, Sendable {
        public var selection: FeatureSelection
        public var fullFeatureNames: Bool
        /// Whether a row had to be known by its spine row's time.
        public var availabilityIngest: Bool
        public var asOf: Position
        /// Which column of the spine was the time.
        public var spineTime: String

        public init(
            _ selection: FeatureSelection, fullFeatureNames: Bool = false, availabilityIngest: Bool = false, asOf: Position,
            spineTime: String
        ) {
            self.selection = selection
            self.fullFeatureNames = fullFeatureNames
            self.availabilityIngest = availabilityIngest
            self.asOf = asOf
            self.spineTime = spineTime
        }
    }

    /// Columns of equal length, each with the hash of its cells.
    public struct Table: Hashable, Sendable, Codable {
        public struct Column: Hashable, Sendable, Codable {
            public var name: String
            public var type: FeatureType
            public var hash: String

            public init(name: String, type: FeatureType, hash: String) {
                self.name = name
                self.type = type
                self.hash = hash
            }

            public var field: Field { Field(name, type) }
        }

        public var columns: [Column]
        /// Of the row count and all columns.
        public var hash: String

        public init(columns: [Column], hash: String) {
            self.columns = columns
            self.hash = hash
        }
    }

    /// How the rows were dealt out to several files.
    public struct Split: Hashable, Sendable {
        public struct Part: Hashable, Sendable, Codable {
            public var name: String
            /// Share of the whole, above 0 and at most 1.
            public var share: Double
            public var rows: Int

            public init(name: String, share: Double, rows: Int) {
                self.name = name
                self.share = share
                self.rows = rows
            }
        }

        /// `key` or `time`.
        public var by: String
        /// Of the hash of keys; 0 for a split by time.
        public var seed: UInt64
        public var parts: [Part]

        public init(by: String, seed: UInt64, parts: [Part]) {
            self.by = by
            self.seed = seed
            self.parts = parts
        }
    }

    public var name: String
    public var description: String?
    public var owner: String?
    public var tags: [String: String] = [:]
    public var query: Query
    public var rows: Int
    /// The spine's keys and time: all of the spine that the answer depends on.
    public var spine: Table
    /// The features with their statuses.
    public var features: Table
    /// Further columns of the spine, such as labels; `nil` where they were not hashed when it was saved.
    public var labels: Table?
    public var split: Split?
    /// Where the spine was read from; a hint for people and for verifying. Not part of what the dataset is.
    public var source: String?
    /// When it was saved, by the clock of who saved it. Not part of what the dataset is.
    public var created: Microseconds?
    /// Whether retention may drop rows that it reads, and so end it: until then retention waits for it. Once true, for ever.
    public var isReleased: Bool

    public init(
        name: String, query: Query, rows: Int, spine: Table, features: Table, labels: Table? = nil, split: Split? = nil,
        source: String? = nil, created: Microseconds? = nil, isReleased: Bool = false
    ) {
        self.name = name
        self.query = query
        self.rows = rows
        self.spine = spine
        self.features = features
        self.labels = labels
        self.split = split
        self.source = source
        self.created = created
        self.isReleased = isReleased
    }

    /// Whether both are the same rows of the same query, dealt out in the same way; labels count where both have them.
    func hasSameContent(as other: DatasetDefinition) -> Bool {
        query == other.query && rows == other.rows && spine == other.spine && features == other.features && split == other.split
            && (labels == nil || other.labels == nil || labels == other.labels)
    }
}

extension DatasetDefinition: Definition {
    package static let words: [DefinitionField<Self>] = [
        .init("description", \.description, rule: .description),
        .init("owner", \.owner, rule: .description),
        .init("tags", \.tags, rule: .tags),
    ]
    package static let fieldNames =
        ["name"] + fields.map(\.name)
        + ["query", "rows", "spine", "features", "labels", "split", "source", "created", "released"]
}
