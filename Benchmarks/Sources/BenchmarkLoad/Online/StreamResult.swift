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
    /// The share of its core that the load used for all streams of the run; looks at the clock until the next request falls due
    /// are left out.
    public var coreShare = 0.0

    public var requestsPerSecond: Double { Double(requests) / seconds }
    /// Of the whole run, which goes on until all are answered: in an open loop below its rate where the server falls behind.
    public var answeredPerSecond: Double { Double(requestsInAll) / max(secondsInAll, 1e-9) }
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
