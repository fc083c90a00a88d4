public import FeatureModel
internal import Synchronization
public import Wire

/// What a server's requests came to since its start: how many of each method ended how, and how long they took.
///
/// Each event loop has its own, so that loops do not wait for each other's memory; who reads adds them up.
public final class RequestFigures: Sendable {
    /// Of one method.
    public struct MethodCounts: Sendable {
        /// From the turn of the loop in which a request had come to its answer's hand-over to the connection.
        public var durations = DurationHistogram.Counts()
        /// Answers by status, those that there were.
        public var answers: [StatusCode: UInt64] = [:]

        public init() {}
    }

    public struct Counts: Sendable {
        public var methods: [Wire.Method: MethodCounts] = [:]
        /// Requests that have no answer yet.
        public var inFlight = 0
        public var receivedBytes: UInt64 = 0
        public var sentBytes: UInt64 = 0

        public init() {}
    }

    private final class OfMethod: Sendable {
        let durations = DurationHistogram()
        let answers = InlineArray<17, Atomic<UInt64>> { _ in Atomic(0) }
    }

    /// Indexed by the methods' codes.
    private let methods: [OfMethod] = (0...Wire.Method.allCases.map { Int($0.rawValue) }.max()!).map { _ in OfMethod() }
    let slow = SlowRequests()
    private let inFlight = Atomic<Int>(0)
    private let received = Atomic<UInt64>(0)
    private let sent = Atomic<UInt64>(0)

    init() {}

    func begin() { inFlight.add(1, ordering: .relaxed) }

    /// A request that `begin` was told of has its answer.
    func end(_ method: Wire.Method, _ status: StatusCode, nanoseconds: Int64) {
        inFlight.subtract(1, ordering: .relaxed)
        answered(method, status, nanoseconds: nanoseconds, count: 1)
    }

    /// Requests were answered without having been open.
    func answered(_ method: Wire.Method, _ status: StatusCode, nanoseconds: Int64, count: Int) {
        let figures = methods[Int(method.rawValue)]
        figures.durations.add(nanoseconds: nanoseconds, count: count)
        figures.answers[Int(status.rawValue)].add(UInt64(count), ordering: .relaxed)
    }

    func received(_ bytes: Int) { received.add(UInt64(bytes), ordering: .relaxed) }
    func sent(_ bytes: Int) { sent.add(UInt64(bytes), ordering: .relaxed) }

    /// Adds what has been counted so far.
    func add(to counts: inout Counts) {
        for method in Wire.Method.allCases {
            let figures = methods[Int(method.rawValue)]
            for status in StatusCode.allCases {
                let count = figures.answers[Int(status.rawValue)].load(ordering: .relaxed)
                if count > 0 { counts.methods[method, default: MethodCounts()].answers[status, default: 0] += count }
            }
            if counts.methods[method] != nil { counts.methods[method]!.durations += figures.durations.counts }
        }
        counts.inFlight += inFlight.load(ordering: .relaxed)
        counts.receivedBytes += received.load(ordering: .relaxed)
        counts.sentBytes += sent.load(ordering: .relaxed)
    }
}
