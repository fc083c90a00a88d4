public import FeatureModel

/// When a row counts as known.
public enum Availability: Sendable {
    /// From its event time on.
    case event
    /// From its available time on (else its ingest time), tombstones from their ingest time on: what a model could really
    /// have known.
    case ingest
}

/// One group of a point-in-time join.
public struct JoinGroup: Sendable {
    public let schema: GroupSchema
    /// Features to give, by ordinal, and the types to give them in.
    public let features: [(ordinal: Int, type: FeatureType)]
    /// How far back from the spine's time a row may lie; of no effect in a static group.
    public let maxAge: Microseconds?
    /// Spine columns that stand for the group's keys, in key order and of their types.
    public let keyColumns: [Column]
    /// Whether the answer says when each value became true.
    public let eventTimes: Bool

    public init(
        schema: GroupSchema, features: [(ordinal: Int, type: FeatureType)], maxAge: Microseconds?, keyColumns: [Column],
        eventTimes: Bool = false
    ) {
        self.schema = schema
        self.features = features
        self.maxAge = maxAge
        self.keyColumns = keyColumns
        self.eventTimes = eventTimes
    }
}

/// One feature of a join's answer, a cell for each spine row in the spine's order.
public struct JoinedFeature: Sendable {
    /// Null wherever the status is not PRESENT.
    public let column: Column
    public let statuses: StatusColumn
    /// Event time of the row behind each cell, `EventTime.always` where there is none; empty where nobody asked for them. The features of a
    /// group share it.
    public let eventTimes: [Microseconds]

    public init(column: Column, statuses: StatusColumn, eventTimes: [Microseconds] = []) {
        self.column = column
        self.statuses = statuses
        self.eventTimes = eventTimes
    }
}
