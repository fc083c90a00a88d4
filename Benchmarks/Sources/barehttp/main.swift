import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix

// usage: BareHTTPServer BODY-FILE [THREADS]
//
// What an HTTP server of this library costs where it does nothing but move bytes: it answers every request with the file's bytes,
// behind the headers that Headwater's listener sends. Listens on a port of 127.0.0.1 that the system chooses, and prints it.

/// Answers each request when it has come whole.
final class SameAnswer: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let body: ByteBuffer
    private let headers: HTTPHeaders

    init(_ body: ByteBuffer) {
        self.body = body
        headers = [
            "content-type": "application/json", "headwater-position": "1", "x-content-type-options": "nosniff",
            "cache-control": "no-store", "content-length": "\(body.readableBytes)",
        ]
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .end = unwrapInboundIn(data) else { return }
        let head = HTTPResponseHead(version: .http1_1, status: .ok, headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

let arguments = CommandLine.arguments
guard arguments.count >= 2, let file = FileManager.default.contents(atPath: arguments[1]) else {
    FileHandle.standardError.write(Data("usage: BareHTTPServer BODY-FILE [THREADS]\n".utf8))
    exit(64)
}
let threads = arguments.count > 2 ? Int(arguments[2]) ?? System.coreCount : System.coreCount
let body = ByteBuffer(bytes: file)
let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup(numberOfThreads: threads))
    .serverChannelOption(.backlog, value: 256)
    .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
    .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            try pipeline.configureHTTPServerPipeline(withPipeliningAssistance: true, withErrorHandling: true)
            try pipeline.addHandler(SameAnswer(body))
        }
    }
    .bind(host: "127.0.0.1", port: 0)
    .get()
FileHandle.standardOutput.write(Data("http://127.0.0.1:\(server.localAddress?.port ?? 0)\n".utf8))
try await server.closeFuture.get()
