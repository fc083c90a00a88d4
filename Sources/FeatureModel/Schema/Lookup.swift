/// One feature group looked up by one choice of a request's key
/// columns: what every read of features is made of, online and offline.
public struct Lookup: Hashable, Sendable {
    /// One feature asked for.
    public struct Feature: Hashable, Sendable {
        /// Its column in the group's schema.
        public let ordinal: Int
        /// What it is given as: its own type in some schema version, or one that that widens to.
        public let type: FeatureType

        public init(ordinal: Int, type: FeatureType) {
            self.ordinal = ordinal
            self.type = type
        }
    }

    /// The group's schema that the features were looked up in.
    public let schema: GroupSchema
    /// `weather@1`, for messages.
    public let group: String
    /// How old a row may be, in microseconds before the read's time; `nil` for any age. Of no effect in a static table.
    public let maxAge: Microseconds?
    /// For each key column of the group, in order, its place among the request's key columns.
    public let keys: [Int]
    public var features: [Feature]

    public init(
        schema: GroupSchema, group: String = "", maxAge: Microseconds? = nil, keys: [Int], features: [Feature]
    ) {
        self.schema = schema
        self.group = group
        self.maxAge = maxAge
        self.keys = keys
        self.features = features
    }

    public var groupID: GroupID { schema.groupID }
}
