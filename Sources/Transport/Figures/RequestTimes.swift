internal import NIOCore
internal import Wire

/// What a request waits for, if not for work on itself.
package enum RequestWait: Int, Sendable, CaseIterable {
    case work
    case thread
    case position
    case memory
    case client
    /// At the writer of the log.
    case log
}

/// Where one request's time goes: always to one thing.
struct RequestTimes {
    private var nanoseconds = InlineArray<6, Int64>(repeating: 0)
    private var current: RequestWait
    private var since: NIODeadline

    init(_ first: RequestWait, at now: NIODeadline) { (current, since) = (first, now) }

    /// From now on it goes to this.
    mutating func enter(_ wait: RequestWait, at now: NIODeadline) {
        nanoseconds[current.rawValue] += max(0, (now - since).nanoseconds)
        (current, since) = (wait, now)
    }

    /// All that has passed.
    func waits(until end: NIODeadline) -> SlowReport.Waits {
        var all = self
        all.enter(.work, at: end)
        func microseconds(_ wait: RequestWait) -> Int64 { all.nanoseconds[wait.rawValue] / 1_000 }
        var waits = SlowReport.Waits()
        waits.thread = microseconds(.thread)
        waits.position = microseconds(.position)
        waits.memory = microseconds(.memory)
        waits.client = microseconds(.client)
        waits.log = microseconds(.log)
        waits.work = microseconds(.work)
        return waits
    }
}
