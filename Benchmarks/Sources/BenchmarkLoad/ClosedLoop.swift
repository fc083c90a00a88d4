public import FeatureModel
internal import Glibc

/// One connection of a closed loop: it has one request under way, and sends the next when that is answered.
public protocol LoadSession: AnyObject {
    var descriptor: Int32 { get }
    func sendNext() throws(HeadwaterError)
    /// Takes what has come; returns how many requests it answers, 0 or 1.
    func receive() throws(HeadwaterError) -> Int
}

/// What a measured stretch of a closed loop gave.
public struct LoadResult: Sendable {
    public var requests = 0
    public var seconds = 0.0
    /// Nanoseconds of each request, from before it was sent until its answer was read.
    public var latencies: [UInt32] = []

    public var requestsPerSecond: Double { Double(requests) / seconds }
}

/// Keeps one request under way on each of its connections, on the calling thread: the same loop for every system.
///
/// A session may be slower than another; no request of one waits for another's.
public final class ClosedLoop<Session: LoadSession> {
    private let sessions: [Session]
    private var polled: [pollfd]
    private var sentAt: [UInt64]

    public init(_ sessions: [Session]) {
        self.sessions = sessions
        polled = sessions.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
        sentAt = Array(repeating: 0, count: sessions.count)
    }

    /// Loads the server for `warmUp` seconds unmeasured, then for `seconds`; every request is answered when this returns.
    ///
    /// - Parameter onAnswer: told the session and the time of each answer, in nanoseconds.
    public func run(
        warmUp: Double, seconds: Double, onAnswer: (Session, UInt64) throws(HeadwaterError) -> Void = { _, _ in }
    ) throws(HeadwaterError) -> LoadResult {
        var result = LoadResult()
        result.latencies.reserveCapacity(1 << 20)
        let start = monotonicNanoseconds()
        let from = start + UInt64(warmUp * 1e9)
        let until = from + UInt64(seconds * 1e9)
        for index in sessions.indices { try send(index) }
        var open = sessions.count
        while open > 0 {
            let ready = unsafe poll(&polled, nfds_t(polled.count), 10_000)
            if ready < 0 && errno == EINTR { continue }
            guard ready > 0 else { throw HeadwaterError(.deadlineExceeded, "no answer for ten seconds") }
            for index in polled.indices where polled[index].revents != 0 {
                guard try sessions[index].receive() > 0 else { continue }
                let now = monotonicNanoseconds()
                if now >= from && now < until {
                    result.requests += 1
                    result.latencies.append(UInt32(clamping: now - sentAt[index]))
                }
                try onAnswer(sessions[index], now)
                if now < until { try send(index) } else { open -= 1 }
            }
        }
        result.seconds = seconds
        return result
    }

    private func send(_ index: Int) throws(HeadwaterError) {
        sentAt[index] = monotonicNanoseconds()
        try sessions[index].sendNext()
    }
}

/// A clock that nobody sets.
public func monotonicNanoseconds() -> UInt64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
