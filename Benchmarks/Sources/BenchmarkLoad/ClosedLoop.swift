public import FeatureModel
internal import Glibc

/// One connection of a closed loop: it sends the next request when one of those under way is answered.
public protocol LoadSession: AnyObject {
    var descriptor: Int32 { get }
    /// Sends the next requests, in one call where they are small.
    func sendNext(_ count: Int) throws(HeadwaterError)
    /// Takes what has come; returns how many requests it answers, in the order in which they were sent.
    func receive() throws(HeadwaterError) -> Int
}

/// What a measured stretch of a closed loop gave.
public struct LoadResult: Sendable {
    public var requests = 0
    public var seconds = 0.0
    /// Nanoseconds of each request, from before it was sent until its answer was read.
    public var latencies: [UInt32] = []
    /// The share of its core that the loop itself used, warm-up included.
    public var coreShare = 0.0

    public var requestsPerSecond: Double { Double(requests) / seconds }
}

/// Keeps the same number of requests under way on each of its connections, on the calling thread: the same loop for every system.
///
/// A session may be slower than another; no request of one waits for another's.
public final class ClosedLoop<Session: LoadSession> {
    private let sessions: [Session]
    private let depth: Int
    private var polled: [pollfd]
    /// When the requests under way of each session were sent, the oldest first.
    private var sentAt: [[UInt64]]

    /// - Parameter depth: requests under way on each connection.
    public init(_ sessions: [Session], depth: Int = 1) {
        self.sessions = sessions
        self.depth = depth
        polled = sessions.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
        sentAt = Array(repeating: [], count: sessions.count)
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
        let busy = threadNanoseconds()
        let from = start + UInt64(warmUp * 1e9)
        let until = from + UInt64(seconds * 1e9)
        for index in sessions.indices { try send(index, depth) }
        var open = sessions.count * depth
        while open > 0 {
            let ready = unsafe poll(&polled, nfds_t(polled.count), 10_000)
            if ready < 0 && errno == EINTR { continue }
            guard ready > 0 else { throw HeadwaterError(.deadlineExceeded, "no answer for ten seconds") }
            for index in polled.indices where polled[index].revents != 0 {
                let answered = try sessions[index].receive()
                guard answered > 0 else { continue }
                let now = monotonicNanoseconds()
                for sent in sentAt[index].prefix(answered) where now >= from && now < until {
                    result.requests += 1
                    result.latencies.append(UInt32(clamping: now - sent))
                }
                sentAt[index].removeFirst(answered)
                try onAnswer(sessions[index], now)
                if now < until { try send(index, answered) } else { open -= answered }
            }
        }
        result.seconds = seconds
        result.coreShare = Double(threadNanoseconds() - busy) / Double(monotonicNanoseconds() - start)
        return result
    }

    private func send(_ index: Int, _ count: Int) throws(HeadwaterError) {
        sentAt[index] += repeatElement(monotonicNanoseconds(), count: count)
        try sessions[index].sendNext(count)
    }
}

/// The time that the calling thread has used a core.
private func threadNanoseconds() -> UInt64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// A clock that nobody sets.
public func monotonicNanoseconds() -> UInt64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
