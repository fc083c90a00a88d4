import FeatureModel

@testable import Wire

/// The first frame of a connection, and a get by handle with its answer.
enum WireExamples {
    static let makers: [String: @Sendable () throws -> [UInt8]] = [
        "frame-hello": {
            let head = HelloRequest.with { ($0.project, $0.versionMin, $0.versionMax) = ("shop", 1, 1) }
            return frame(.request, .hello, id: 1, head: head.encode())
        },
        "frame-get": { frame(.request, .getPrepared, id: 3, body: try RowExamples.keys()) },
        "frame-answer": { frame(.response, .getPrepared, id: 3, body: try RowExamples.answer()) },
    ]

    private static func frame(
        _ kind: FrameKind, _ method: Wire.Method, id: UInt64, head: [UInt8] = [], body: [UInt8] = []
    ) -> [UInt8] {
        var header = FrameHeader(kind, method: method, requestID: id)
        header.isEnd = true
        return FrameEncoder.encode(header, head: head, body: body[...]).bytes
    }
}
