import FeatureModel
import Logging
import Synchronization
import Testing
import Transport
import Wire

@testable import Server

@Suite struct RequestLogTests {
    private final class Spans: SpanSink {
        let count = Mutex(0)

        func ended(_ request: EndedRequest) { count.withLock { $0 += 1 } }
    }

    private func request(microseconds: Int64, trace: String? = nil, failure: String? = nil) -> EndedRequest {
        var report = SlowReport.Request(
            method: "write", status: failure == nil ? "OK" : "INTERNAL", endedAt: 0, microseconds: microseconds,
            waits: SlowReport.Waits(), receivedBytes: 1, sentBytes: 2)
        (report.project, report.subject, report.waits.log) = ("shop", "orders@1", microseconds)
        return EndedRequest(report, trace: trace.flatMap { TraceContext($0) }, failure: failure)
    }

    @Test func aSlowRequestIsALineThatSaysWhatItWaitedFor() throws {
        let kept = KeptLines()
        let log = RequestLog(slow: .milliseconds(50), logger: kept.logger)
        log.ended(request(microseconds: 49_999))
        log.ended(request(microseconds: 50_005, trace: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"))
        let lines = kept.lines
        let line = try #require(lines.first)
        #expect(lines.count == 1)
        #expect(line.message == "a slow request" && line.level == .notice)
        #expect(
            line.metadata == [
                "method": "write", "status": "OK", "ms": "50.005", "log_ms": "50.005", "received_bytes": "1", "sent_bytes": "2",
                "project": "shop", "subject": "orders@1", "trace_id": "0af7651916cd43dd8448eb211c80319c",
            ])
    }

    @Test func aFailureIsALineHoweverShort() throws {
        let kept = KeptLines()
        RequestLog(slow: nil, logger: kept.logger).ended(request(microseconds: 1, failure: "it broke"))
        let line = try #require(kept.lines.first)
        #expect(line.message == "a request failed" && line.level == .error && line.metadata["error"] == "it broke")
    }

    @Test func linesBeyondTenASecondAreCounted() {
        let log = RequestLog(slow: .milliseconds(1), logger: KeptLines().logger)
        #expect((0..<14).map { _ in log.takeLine(at: 7) } == [Int?](repeating: 0, count: 10) + [nil, nil, nil, nil])
        #expect(log.takeLine(at: 8) == 4)
        #expect(log.takeLine(at: 8) == 0)
    }

    @Test func onlySampledTracesBecomeSpans() {
        let spans = Spans()
        let log = RequestLog(slow: nil, logger: KeptLines().logger, spans: spans)
        #expect(log.takesTraces)
        log.ended(request(microseconds: 1))
        log.ended(request(microseconds: 1, trace: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"))
        log.ended(request(microseconds: 1, trace: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"))
        #expect(spans.count.withLock { $0 } == 1)
    }
}
