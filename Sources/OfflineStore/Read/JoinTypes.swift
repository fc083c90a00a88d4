public import FeatureModel

/// When a row counts as known.
public enum Availability: Sendable {
    /// A row counts from its event time on.
    case event
    /// A row counts from its available time on, or its ingest time where it has none;
    /// a tombstone from its ingest time on: what a model could really have known.
    case ingest
}

/// One feature of a join's answer, a cell for each spine row in the spine's order.
public struct JoinedFeature: Sendable {
    /// Null wherever the status is not PRESENT.
    public let column: Column
    public let statuses: StatusColumn
    /// Event time of the row behind each cell, `EventTime.always` where there is
    /// none; empty where nobody asked for them. The features of a group share it.
    public let eventTimes: [Microseconds]

    public init(column: Column, statuses: StatusColumn, eventTimes: [Microseconds] = []) {
        self.column = column
        self.statuses = statuses
        self.eventTimes = eventTimes
    }
}
