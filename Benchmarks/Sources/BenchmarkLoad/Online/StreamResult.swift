/// What a stream did in one run.
public struct StreamResult: Sendable {
    /// Answered inside the measured window; in an open loop: fell due inside it.
    public var requests = 0
    /// Answered in the whole run.
    public var requestsInAll = 0
    /// Of the answers inside the window.
    public var replyBytes = 0
    /// The measured window, and from the run's start to the last answer.
    public var seconds = 0.0
    public var secondsInAll = 0.0
    /// Fell due in an open loop and could not be sent: the server is far behind.
    public var unsent = 0
    /// Replies whose checksum was verified.
    public var checked = 0
    /// Nulls in replies of Redis.
    public var nulls = 0
    public var latencies = LatencyCounts()

    public var requestsPerSecond: Double { Double(requests) / seconds }
    public var bytesPerSecond: Double { Double(replyBytes) / seconds }
}

/// Latencies in nanoseconds, each value (less than 0.1 % wide) with how often it came.
public struct LatencyCounts: Sendable {
    public var counts: [UInt64: Int] = [:]
    public var max: UInt64 = 0

    public init() {}

    public mutating func add(_ other: LatencyCounts) {
        counts.merge(other.counts, uniquingKeysWith: +)
        max = Swift.max(max, other.max)
    }
}
