/// An instant: microseconds since 1970-01-01T00:00:00Z, without leap seconds.
public typealias Microseconds = Int64

/// One log record's place in the one order, from 1. 0 stands for "before every record".
public typealias Position = UInt64

/// Names a feature group (one version of it) across all projects, from 1.
public typealias GroupID = UInt32

/// An instant of a clock that nobody sets: how long the machine has been on, the time that it slept included.
public struct BootTime: Hashable, Sendable {
    /// Which start of the machine it counts from: another at each. The kernel's random id.
    public struct BootID: Hashable, Sendable {
        public let high: UInt64
        public let low: UInt64

        public init(high: UInt64, low: UInt64) {
            self.high = high
            self.low = low
        }
    }

    public let boot: BootID
    public let elapsed: Microseconds

    public init(boot: BootID, elapsed: Microseconds) {
        self.boot = boot
        self.elapsed = elapsed
    }
}

/// Where an instant comes from. The core never reads one: the edge passes instants in.
public protocol WallClock: Sendable {
    func now() -> Microseconds
    /// The clock that nobody sets; `nil` where the machine has none.
    func bootTime() -> BootTime?
}

extension WallClock {
    public func bootTime() -> BootTime? { nil }
}

public enum EventTime {
    /// The event time of every row of a static table (`event_time: none`): always true.
    public static let always = Microseconds.min
}
