import FeatureModel
import Foundation
import Testing
import Transport
import Wire

@testable import Web

@Suite struct SpanTests {
    @Test(arguments: [
        ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"), ("http://127.0.0.1", "http://127.0.0.1:4318/v1/traces"),
        ("http://collector:9/", "http://collector:9/v1/traces"), ("http://[::1]:4318/otel/", "http://[::1]:4318/otel/v1/traces"),
        ("http://[::1]", "http://[::1]:4318/v1/traces"),
    ])
    func aCollectorsAddressIsTheBaseOfItsPath(text: String, whole: String) { #expect(CollectorURL(text)?.description == whole) }

    @Test(arguments: [
        "", "127.0.0.1:4318", "https://127.0.0.1:4318", "http://", "http:///v1", "http://user@host", "http://host:x",
        "http://host?a",
        "http://host/a b", "http://host/\r\nx: y", "unix:/tmp/socket",
    ])
    func otherAddressesAreRefused(text: String) { #expect(CollectorURL(text) == nil) }

    @Test func aSpanIsMadeOfASampledRequest() throws {
        var report = SlowReport.Request(
            method: "write", status: "INTERNAL", endedAt: 1_700_000_000_000_000, microseconds: 1_500, waits: SlowReport.Waits(),
            receivedBytes: 100, sentBytes: 48)
        report.waits.log = 1_500
        let trace = try #require(TraceContext("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"))
        let span = try #require(SpanBatch.Span(EndedRequest(report, trace: trace, failure: "it broke"), spanID: 10))
        #expect(span.traceId == "0af7651916cd43dd8448eb211c80319c" && span.parentSpanId == "b7ad6b7169203331")
        #expect(span.spanId == "000000000000000a")
        #expect(span.startTimeUnixNano == "1699999999998500000")
        #expect(span.endTimeUnixNano == "1700000000000000000")
        #expect(span.status.code == 2 && span.status.message == "it broke")
        #expect(span.attributes.first { $0.key == "headwater.log_us" }?.value.intValue == "1500")
        #expect(SpanBatch.Span(EndedRequest(report)) == nil)
    }
}
