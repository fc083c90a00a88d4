import FeatureModel
import Server
import Transport
import Wire

/// Spans as OTLP's JSON: identifiers in hexadecimal, 64-bit numbers as text.
///
/// *Source*: OpenTelemetry Protocol 1.x, ExportTraceServiceRequest in its JSON encoding.
struct SpanBatch: Encodable {
    struct Value: Encodable {
        var stringValue: String?
        var intValue: String?
    }

    struct Attribute: Encodable {
        let key: String
        let value: Value

        init(_ key: String, _ text: String) { (self.key, value) = (key, Value(stringValue: text)) }
        init(_ key: String, _ number: Int64) { (self.key, value) = (key, Value(intValue: "\(number)")) }
    }

    struct Status: Encodable {
        /// 0 where nothing is said, 2 for an error.
        var code: Int
        var message: String?
    }

    struct Span: Encodable {
        let traceId: String
        let spanId: String
        let parentSpanId: String
        /// Whether it is sampled, and that the parent is another process.
        let flags: Int
        let name: String
        /// 2: of a server.
        let kind: Int
        let startTimeUnixNano: String
        let endTimeUnixNano: String
        let attributes: [Attribute]
        let status: Status
    }

    private struct Scope: Encodable {
        let name: String
        let version: String
    }

    private struct ScopeSpans: Encodable {
        let scope: Scope
        let spans: [Span]
    }

    private struct Resource: Encodable { let attributes: [Attribute] }

    private struct ResourceSpans: Encodable {
        let resource: Resource
        let scopeSpans: [ScopeSpans]
    }

    private let resourceSpans: [ResourceSpans]

    init(_ requests: [EndedRequest], resource: [Attribute]) {
        let spans = requests.compactMap { Span($0) }
        resourceSpans = [
            ResourceSpans(
                resource: Resource(attributes: resource),
                scopeSpans: [ScopeSpans(scope: Scope(name: "headwater", version: HeadwaterVersion.current), spans: spans)])
        ]
    }

    func encode() -> [UInt8] { Array(JSON.encode(self)) }
}

extension SpanBatch.Span {
    /// - Parameter spanID: of the span; not zero.
    init?(_ request: EndedRequest, spanID: UInt64 = .random(in: 1 ... .max)) {
        guard let trace = request.trace else { return nil }
        let report = request.report
        traceId = trace.traceID
        spanId = TraceContext.text(spanID)
        parentSpanId = TraceContext.text(trace.parentID)
        flags = Int(trace.flags) | 0x300
        name = report.method
        kind = 2
        let end = report.endedAt * 1_000
        startTimeUnixNano = "\(end - report.microseconds * 1_000)"
        endTimeUnixNano = "\(end)"
        attributes = Self.attributes(report)
        // What the client is to blame for is no error of the server.
        status = request.failure.map { SpanBatch.Status(code: 2, message: $0) } ?? SpanBatch.Status(code: 0)
    }

    private static func attributes(_ report: SlowReport.Request) -> [SpanBatch.Attribute] {
        let parts = report.method.split(separator: " ")
        var attributes: [SpanBatch.Attribute]
        if parts.count == 2 {
            attributes = [
                .init("http.request.method", String(parts[0])), .init("http.route", String(parts[1])),
                .init("http.response.status_code", Int64(report.status) ?? 0),
            ]
        } else {
            attributes = [
                .init("rpc.system", "headwater"), .init("rpc.service", "headwater"), .init("rpc.method", report.method),
                .init("headwater.status", report.status),
            ]
        }
        attributes += [
            .init("headwater.received_bytes", Int64(report.receivedBytes)),
            .init("headwater.sent_bytes", Int64(report.sentBytes)),
        ]
        for (name, microseconds) in report.waits.named { attributes.append(.init("headwater.\(name)_us", microseconds)) }
        let words = [
            ("headwater.project", report.project), ("headwater.subject", report.subject),
            ("client.address", report.clientAddress), ("headwater.client_name", report.clientName),
            ("headwater.client_version", report.clientVersion),
        ]
        return attributes + words.compactMap { name, word in word.map { .init(name, $0) } }
    }
}
