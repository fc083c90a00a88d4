import FeatureModel
import Logging
import Synchronization
package import Transport
import Wire

/// Takes requests whose trace is sampled, to tell a collector of them.
package protocol SpanSink: Sendable {
    /// A request has ended. Called on the thread that answered it, so it must not block.
    func ended(_ request: EndedRequest)
}

/// Hears of requests that have ended: logs slow ones, and those that failed by the server's fault, and hands those of sampled
/// traces on.
final class RequestLog: RequestSink {
    /// Lines in a second; what comes beyond is counted, and the next line tells of it.
    static let linesPerSecond = 10

    private struct Rate {
        var second: Int64 = 0
        var lines = 0
        var suppressed = 0
    }

    let slowNanoseconds: Int64
    /// Requests by HTTP; those of the wire are kept by its loops.
    let http = SlowRequests()
    private let logger: Logger
    private let spans: (any SpanSink)?
    private let rate = Mutex(Rate())

    /// - Parameter slow: how long a request takes that is logged; `nil`: none is.
    init(slow: Duration?, logger: Logger, spans: (any SpanSink)? = nil) {
        slowNanoseconds = slow.map { $0.microseconds * 1_000 } ?? .max
        self.logger = logger
        self.spans = spans
        http.tell(self)
    }

    var takesTraces: Bool { spans != nil }

    func ended(_ request: EndedRequest) {
        if request.trace?.isSampled == true { spans?.ended(request) }
        let isSlow = slowNanoseconds != .max && request.report.microseconds >= slowNanoseconds / 1_000
        guard isSlow || request.failure != nil, let suppressed = takeLine(at: Monotonic.now() / 1_000_000) else { return }
        var metadata = Self.metadata(of: request)
        if suppressed > 0 { metadata["suppressed"] = "\(suppressed)" }
        if request.failure != nil {
            logger.error("a request failed", metadata: metadata)
        } else {
            logger.notice("a slow request", metadata: metadata)
        }
    }

    /// - Returns: how many lines were left out since the last one; `nil` where this one is left out too.
    func takeLine(at second: Int64) -> Int? {
        rate.withLock { rate in
            if rate.second != second { (rate.second, rate.lines) = (second, 0) }
            guard rate.lines < Self.linesPerSecond else {
                rate.suppressed += 1
                return nil
            }
            rate.lines += 1
            defer { rate.suppressed = 0 }
            return rate.suppressed
        }
    }

    private static func metadata(of request: EndedRequest) -> Logger.Metadata {
        let report = request.report
        var metadata: Logger.Metadata = [
            "method": "\(report.method)", "status": "\(report.status)", "ms": "\(milliseconds(report.microseconds))",
            "received_bytes": "\(report.receivedBytes)", "sent_bytes": "\(report.sentBytes)",
        ]
        for (name, microseconds) in report.waits.named where microseconds > 0 {
            metadata["\(name)_ms"] = "\(milliseconds(microseconds))"
        }
        let words = [
            ("project", report.project), ("subject", report.subject), ("client", report.clientAddress),
            ("client_name", report.clientName), ("client_version", report.clientVersion),
            ("together", report.together.map { "\($0)" }), ("trace_id", report.traceID), ("error", request.failure),
        ]
        for (name, word) in words { if let word { metadata[name] = "\(word)" } }
        return metadata
    }

    /// `12.345`.
    private static func milliseconds(_ microseconds: Int64) -> String {
        "\(microseconds / 1_000).\((microseconds % 1_000).zeroPadded(to: 3))"
    }
}

extension Services {
    /// The connections that have said hello.
    func clients() -> ClientsReport {
        let now = clock.now()
        return ClientsReport(wallTime: now, clients: listening.transport?.clients(wallTime: now) ?? [])
    }

    /// The slowest requests of the last hour.
    func slowRequests() -> SlowReport {
        let kept = (listening.transport?.slowRequests ?? []) + [requestLog.http]
        return SlowReport(
            wallTime: clock.now(), windowSeconds: SlowRequests.windowSeconds, requestsPerMethod: SlowRequests.perMethod,
            requests: SlowRequests.slowest(of: kept))
    }
}
