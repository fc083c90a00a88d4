internal import FeatureModel
internal import NIOCore
internal import Synchronization
package import Wire

/// A request that has ended, as it is told to those who want to know.
package struct EndedRequest: Sendable {
    package var report: SlowReport.Request
    package var trace: TraceContext?
    /// Why it failed, where that is the server's affair.
    package var failure: String?

    package init(_ report: SlowReport.Request, trace: TraceContext? = nil, failure: String? = nil) {
        (self.report, self.trace, self.failure) = (report, trace, failure)
        self.report.traceID = trace?.traceID
    }
}

/// Hears of requests that have ended: of slow ones, of those that failed by the server's fault, and of sampled traces.
package protocol RequestSink: AnyObject, Sendable {
    /// How long a request takes of which it wants to hear; `.max` where of none.
    var slowNanoseconds: Int64 { get }
    /// Whether it wants to hear of requests whose trace is sampled.
    var takesTraces: Bool { get }
    /// Called on the thread that answered the request, which may be an event loop: it must not block.
    func ended(_ request: EndedRequest)
}

/// Keeps the slowest requests of each method that ended within the last hour, and tells a sink of those that it wants.
///
/// Each event loop has its own, as with `RequestFigures`. Whether a request is wanted at all is asked without a lock.
package final class SlowRequests: Sendable {
    package static let perMethod = 10
    package static let windowSeconds = 3_600
    /// The time of gets that are answered together at once is noted from this on.
    private static let togetherLeast: Int64 = 1_000_000
    /// Where requests by HTTP are kept: no method of the wire has this code.
    package static let httpCode = 0

    private struct Kept {
        let report: SlowReport.Request
        let nanoseconds: Int64
        let ended: NIODeadline
    }

    private final class OfMethod: Sendable {
        /// What a request has to take to be kept; −1 while there is room.
        let least = Atomic<Int64>(-1)
        /// When the first of those that are kept leaves.
        let expiry = Atomic<UInt64>(.max)
        let kept = Mutex<[Kept]>([])
    }

    private let methods: [OfMethod] = (0...Wire.Method.allCases.map { Int($0.rawValue) }.max()!).map { _ in OfMethod() }
    private let sink = Mutex<(any RequestSink)?>(nil)
    private let sinkLeast = Atomic<Int64>(.max)
    private let takesTraces = Atomic<Bool>(false)

    package init() {}

    /// From now on the sink hears of what it wants.
    package func tell(_ sink: any RequestSink) {
        self.sink.withLock { $0 = sink }
        sinkLeast.store(sink.slowNanoseconds, ordering: .relaxed)
        takesTraces.store(sink.takesTraces, ordering: .relaxed)
    }

    /// Whether anybody wants to know of a request.
    @inline(__always)
    func wants(_ method: Wire.Method, _ status: StatusCode, nanoseconds: Int64, now: NIODeadline, _ trace: TraceContext?) -> Bool
    {
        if trace?.isSampled == true, takesTraces.load(ordering: .relaxed) { return true }
        // A follower's stream lasts for as long as the follower: its time says nothing.
        if method == .follow { return false }
        return isSlow(Int(method.rawValue), nanoseconds, now) || status.isServersFault
    }

    private func isSlow(_ code: Int, _ nanoseconds: Int64, _ now: NIODeadline) -> Bool {
        let kept = methods[code]
        return nanoseconds > kept.least.load(ordering: .relaxed)
            || now.uptimeNanoseconds >= kept.expiry.load(ordering: .relaxed)
            || nanoseconds >= sinkLeast.load(ordering: .relaxed)
    }

    /// Whether anybody wants to know of gets that were answered together.
    func wantsTogether(_ method: Wire.Method, nanoseconds: Int64, now: NIODeadline) -> Bool {
        nanoseconds >= Self.togetherLeast && isSlow(Int(method.rawValue), nanoseconds, now)
    }

    /// Keeps a request, where it is one of the slowest, and tells the sink of it, where that wants it.
    func ended(_ request: EndedRequest, _ method: Wire.Method, _ status: StatusCode, nanoseconds: Int64, now: NIODeadline) {
        if method != .follow { keep(request.report, Int(method.rawValue), nanoseconds, now) }
        tellSink(of: request, nanoseconds, isFailure: status.isServersFault)
    }

    /// A request by HTTP has ended.
    package func endedByHTTP(_ request: EndedRequest, nanoseconds: Int64) {
        let now = NIODeadline.now()
        if isSlow(Self.httpCode, nanoseconds, now) { keep(request.report, Self.httpCode, nanoseconds, now) }
        tellSink(of: request, nanoseconds, isFailure: request.failure != nil)
    }

    private func tellSink(of request: EndedRequest, _ nanoseconds: Int64, isFailure: Bool) {
        let isTraced = request.trace?.isSampled == true && takesTraces.load(ordering: .relaxed)
        guard isTraced || isFailure || nanoseconds >= sinkLeast.load(ordering: .relaxed) else { return }
        sink.withLock { $0 }?.ended(request)
    }

    private func keep(_ report: SlowReport.Request, _ code: Int, _ nanoseconds: Int64, _ now: NIODeadline) {
        let method = methods[code]
        method.kept.withLock { kept in
            Self.dropOld(&kept, now)
            let fresh = Kept(report: report, nanoseconds: nanoseconds, ended: now)
            if kept.count < Self.perMethod {
                kept.append(fresh)
            } else if let fastest = kept.indices.min(by: { kept[$0].nanoseconds < kept[$1].nanoseconds }),
                kept[fastest].nanoseconds < nanoseconds
            {
                kept[fastest] = fresh
            }
            let isFull = kept.count == Self.perMethod
            method.least.store(isFull ? kept.map(\.nanoseconds).min() ?? -1 : -1, ordering: .relaxed)
            let oldest = kept.map(\.ended).min() ?? now
            method.expiry.store(
                isFull ? (oldest + .seconds(Int64(Self.windowSeconds))).uptimeNanoseconds : .max, ordering: .relaxed)
        }
    }

    private static func dropOld(_ kept: inout [Kept], _ now: NIODeadline) {
        kept.removeAll { now - $0.ended >= .seconds(Int64(windowSeconds)) }
    }

    /// What is kept, of several together: the slowest first.
    package static func slowest(of all: [SlowRequests]) -> [SlowReport.Request] { slowest(of: all, now: .now()) }

    static func slowest(of all: [SlowRequests], now: NIODeadline) -> [SlowReport.Request] {
        guard let count = all.first?.methods.count else { return [] }
        var found: [Kept] = []
        for code in 0..<count {
            var kept = all.flatMap { $0.methods[code].kept.withLock { $0 } }
            dropOld(&kept, now)
            found += kept.sorted { $0.nanoseconds > $1.nanoseconds }.prefix(perMethod)
        }
        return found.sorted { $0.nanoseconds > $1.nanoseconds }.map(\.report)
    }
}

extension StatusCode {
    /// Whether an answer with it is worth a line in the log: neither the client nor the load is to blame.
    var isServersFault: Bool { self == .internal || self == .dataLoss || self == .unknown }
}

extension String {
    /// What is kept of a text that a client has sent: its first 128 Unicode scalars.
    package var keptPart: String {
        let max = 128
        return utf8.count <= max ? self : String(String.UnicodeScalarView(unicodeScalars.prefix(max)))
    }
}
