/// An instant: microseconds since 1970-01-01T00:00:00Z, without leap seconds.
public typealias Microseconds = Int64

/// One log record's place in the one order, from 1. 0 stands for "before every record".
public typealias Position = UInt64

/// Names a feature group (one version of it) across all projects, from 1.
public typealias GroupID = UInt32

/// Where an instant comes from. The core never reads one: the edge passes instants in.
public protocol WallClock: Sendable {
    func now() -> Microseconds
}

public enum EventTime {
    /// The event time of every row of a static table (`event_time: none`): always true.
    public static let always = Microseconds.min
}
