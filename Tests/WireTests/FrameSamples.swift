import FeatureModel

@testable import Wire

/// One frame of which the golden file holds the bytes.
struct FrameSample: Sendable {
    let name: String
    let frame: EncodedFrame
}

/// Frames of every method and of every kind, with heads as a client or a server fills them in.
enum FrameSamples {
    static let all = Wire.Method.allCases.flatMap(exchange) + others

    private static let logID = [UInt8](0..<16)
    private static let outputs = [
        Output.with { ($0.name, $0.type, $0.group) = ("temp", "float64", "weather@1") },
        Output.with { ($0.name, $0.type) = ("dest", "string") },
    ]
    /// What stands in bodies here: frames carry them and do not look into them.
    private static let body: [UInt8] = [0xB0, 0xD1, 0, 0xFF]

    /// What goes from the client and what comes back, each with its head and body.
    private static func exchange(_ method: Wire.Method) -> [FrameSample] {
        switch method {
        case .hello:
            answered(
                method, HelloRequest.with { ($0.project, $0.clientName) = ("flights", "golden") },
                HelloReply.with { ($0.serverVersion, $0.roles, $0.logID) = ("1.0", ["online"], logID) })
        case .apply, .plan:
            answered(
                method, ApplyRequest.with { $0.project = "flights" },
                ApplyReply.with { ($0.position, $0.catalogVersion, $0.changed) = (7, 2, true) }, isFull: true)
        case .list: answered(method, ListRequest.with { $0.project = "flights" }, json, isFull: true)
        case .describe: answered(method, DescribeRequest.with { ($0.name, $0.asOf) = ("weather", 300) }, json, isFull: true)
        case .write:
            answered(
                method, WriteRequest.with { ($0.producer, $0.epoch, $0.sequence, $0.catalogVersion) = (3, 1, 9, 2) },
                WriteReply.with { ($0.position, $0.ingestTime, $0.rowCounts) = (8, 1_700_000_000_000_000, [1, 2]) },
                isFull: true)
        // No client sends it any more.
        case .getByNames: []
        case .getPrepared:
            answered(method, GetPreparedRequest.with { ($0.at, $0.minPosition, $0.logID) = (5, 9, logID) }, nil, isFull: true)
        case .prepare:
            answered(
                method, PrepareRequest.with { ($0.project, $0.service) = ("flights", "delays@2") },
                PrepareReply.with { ($0.handle, $0.outputs) = (1, outputs) })
        case .history, .scan, .latest, .auditRows, .audit, .follow, .bootstrap: stream(method)
        case .status: answered(method, StatusRequest.with { $0.project = "flights" }, json, isFull: true)
        default: operation(method)
        }
    }

    private static func operation(_ method: Wire.Method) -> [FrameSample] {
        switch method {
        case .snapshot: answered(method, SnapshotRequest(), SnapshotReply.with { ($0.position, $0.rows, $0.bytes) = (1, 2, 3) })
        case .compact:
            answered(method, CompactRequest.with { $0.group = "weather" }, CompactReply.with { $0.chunksBefore = 200 })
        case .openProducer:
            answered(
                method, OpenProducerRequest.with { $0.name = "loader" },
                OpenProducerReply.with { ($0.producer, $0.epoch, $0.logID) = (3, 1, logID) })
        case .acknowledge:
            answered(
                method, AcknowledgeRequest.with { ($0.follower, $0.position, $0.register) = ("f", 4, true) },
                AcknowledgeReply.with { $0.durablePosition = 6 })
        case .forget: answered(method, ForgetRequest.with { $0.follower = "f" }, ForgetReply.with { $0.position = 4 })
        case .auditDigest:
            answered(
                method, AuditDigestRequest.with { ($0.position, $0.scope) = (4, HeadSamples.scope) },
                AuditDigestReply.with { $0.position = 4 }, isFull: true)
        case .promote:
            answered(method, PromoteRequest.with { ($0.kind, $0.name) = ("group", "weather@2") }, ApplyReply(), isFull: true)
        case .remove:
            answered(method, RemoveRequest.with { ($0.kind, $0.name) = ("group", "weather@1") }, ApplyReply(), isFull: true)
        case .acceptClock: answered(method, AcceptClockRequest(), AcceptClockReply.with { ($0.ahead, $0.now) = (-1, 2) })
        case .report: answered(method, ReportRequest.with { $0.name = "slow" }, json, isFull: true)
        default: []
        }
    }

    private static func stream(_ method: Wire.Method) -> [FrameSample] {
        let data = RowsData.with { $0.outputs = outputs }
        let end = RowsEnd.with { ($0.position, $0.rows, $0.logID) = (9, 300, logID) }
        return switch method {
        case .history:
            streamed(
                method, HistoryRequest.with { ($0.service, $0.spineColumns, $0.spineTime) = ("s", HeadSamples.columns, "t") },
                data, end)
        case .scan: streamed(method, ScanRequest.with { ($0.group, $0.start, $0.end) = ("weather", -1, 1 << 40) }, data, end)
        case .latest: streamed(method, LatestRequest.with { ($0.group, $0.brief) = ("weather", true) }, data, end)
        case .auditRows: streamed(method, AuditRowsRequest.with { $0.scope = HeadSamples.scope }, data, end)
        case .audit: streamed(method, AuditRequest.with { $0.minPosition = 9 }, json, json)
        case .follow:
            streamed(
                method, FollowRequest.with { ($0.fromPosition, $0.follower) = (2, "f") },
                FollowData.with { $0.durablePosition = 5 }, FollowEnd.with { $0.durablePosition = 6 })
        default:
            streamed(
                method, BootstrapRequest.with { $0.follower = "f" },
                BootstrapData.with { ($0.fileBytes, $0.checksum) = (4, 0xC0DE) }, BootstrapEnd.with { $0.totalBytes = 4 })
        }
    }

    private static let json = JSONReply.with { $0.position = 300 }

    private static func answered(
        _ method: Wire.Method, _ request: some Head, _ reply: (any Head)?, isFull: Bool = false
    ) -> [FrameSample] {
        let body = isFull ? body[...] : []
        return [
            sample(method, .request, request.encode(), body),
            FrameSample(
                name: "\(method)/response",
                frame: FrameEncoder.answer(method, requestID: 2, head: reply?.encode() ?? [], body: body)),
        ]
    }

    private static func streamed(
        _ method: Wire.Method, _ request: some Head, _ data: some Head, _ end: some Head
    ) -> [FrameSample] {
        [
            sample(method, .request, request.encode(), body[...]), sample(method, .data, data.encode(), body[...]),
            FrameSample(name: "\(method)/end", frame: FrameEncoder.answer(method, requestID: 2, head: end.encode())),
        ]
    }

    private static func sample(
        _ method: Wire.Method, _ kind: FrameKind, _ head: [UInt8], _ body: ArraySlice<UInt8>
    ) -> FrameSample {
        var header = FrameHeader(kind, method: method, requestID: 2)
        header.isEnd = kind == .request && !method.takesData
        header.budgetMilliseconds = kind == .request ? 2_500 : 0
        return FrameSample(name: "\(method)/\(kind)", frame: FrameEncoder.encode(header, head: head, body: body))
    }

    /// A request that names the trace which it belongs to.
    private static var traced: EncodedFrame {
        var header = FrameHeader(.request, method: .status, requestID: 2)
        header.isEnd = true
        let trace = TraceContext("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")!
        return FrameEncoder.encode(header, extensionBytes: trace.extensionBytes)
    }

    /// Frames that carry no head of a method.
    private static var others: [FrameSample] {
        let error = HeadwaterError(.deadlineExceeded, "position 9 is not applied", at: "here")
        return [
            FrameSample(
                name: "failure/response", frame: FrameEncoder.failure(.getPrepared, requestID: 2, error, appliedPosition: 8)),
            FrameSample(name: "failure/end", frame: FrameEncoder.failure(.scan, requestID: 2, error)),
            FrameSample(name: "cancel", frame: FrameEncoder.encode(FrameHeader(.cancel, method: .scan, requestID: 2))),
            FrameSample(name: "credit", frame: FrameEncoder.credit(.scan, requestID: 2, bytes: 1 << 20)),
            FrameSample(name: "goAway/draining", frame: FrameEncoder.goAway(nil)),
            FrameSample(name: "goAway/failed", frame: FrameEncoder.goAway(error)),
            FrameSample(name: "traced/request", frame: traced),
            FrameSample(name: "ping", frame: FrameEncoder.encode(FrameHeader(.ping, requestID: .max))),
            FrameSample(name: "pong", frame: FrameEncoder.encode(FrameHeader(.pong, requestID: .max))),
        ]
    }
}
