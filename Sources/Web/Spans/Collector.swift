import FeatureModel
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import Transport

/// Posts to a collector, on a thread of its own; each time over a new connection.
struct Collector {
    private typealias Channel = NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>

    /// What it takes of an answer.
    private static let answerBytesMax = 64 << 10
    private static let timeout = TimeAmount.seconds(10)

    let url: CollectorURL
    let group: MultiThreadedEventLoopGroup

    /// Posts JSON.
    ///
    /// - Returns: the answer's status and body.
    /// - Throws: `.unavailable` where there is none within ten seconds, or before the task is cancelled.
    func post(_ body: [UInt8]) async throws(HeadwaterError) -> (status: HTTPResponseStatus, body: [UInt8]) {
        let attempt = Attempt()
        do {
            return try await withTaskCancellationHandler {
                try await exchange(body, attempt)
            } onCancel: {
                attempt.end()
            }
        } catch {
            throw error as? HeadwaterError ?? HeadwaterError(.unavailable, "\(error)")
        }
    }

    private func exchange(_ body: [UInt8], _ attempt: Attempt) async throws -> (HTTPResponseStatus, [UInt8]) {
        let channel = try await ClientBootstrap(group: group)
            .connectTimeout(Self.timeout)
            .connect(to: try url.endpoint.resolved()) { channel in
                attempt.begin(channel)
                return channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    return try Channel(wrappingChannelSynchronously: channel)
                }
            }
        let raw = channel.channel
        let timer = raw.eventLoop.scheduleTask(in: Self.timeout) { raw.close(promise: nil) }
        defer { timer.cancel() }
        return try await channel.executeThenClose { inbound, outbound in
            try await outbound.write(contentsOf: [
                .head(head(bodyBytes: body.count)), .body(.byteBuffer(ByteBuffer(bytes: body))), .end(nil),
            ])
            return try await Self.answer(inbound)
        }
    }

    private func head(bodyBytes: Int) -> HTTPRequestHead {
        let headers: HTTPHeaders = [
            "host": url.host, "content-type": "application/json", "content-length": "\(bodyBytes)", "connection": "close",
            "user-agent": "headwater/\(HeadwaterVersion.current)",
        ]
        return HTTPRequestHead(version: .http1_1, method: .POST, uri: url.path, headers: headers)
    }

    private static func answer(
        _ inbound: NIOAsyncChannelInboundStream<HTTPClientResponsePart>
    ) async throws -> (HTTPResponseStatus, [UInt8]) {
        var status: HTTPResponseStatus?
        var body: [UInt8] = []
        for try await part in inbound {
            switch part {
            case .head(let head): status = head.status
            case .body(let bytes):
                guard body.count + bytes.readableBytes <= answerBytesMax else { break }
                body.append(contentsOf: bytes.readableBytesView)
            case .end:
                if let status { return (status, body) }
            }
        }
        throw HeadwaterError(.unavailable, "the collector closed the connection before it had answered, or took too long")
    }
}

/// The connection of one post, which another task can end at any time, also while it is made.
private final class Attempt: Sendable {
    private struct State {
        var channel: (any Channel)?
        var isOver = false
    }

    private let state = Mutex(State())

    func begin(_ channel: any Channel) {
        let isOver = state.withLock { state in
            state.channel = channel
            return state.isOver
        }
        if isOver { channel.close(promise: nil) }
    }

    func end() {
        let channel = state.withLock { state in
            state.isOver = true
            return state.channel
        }
        channel?.close(promise: nil)
    }
}
