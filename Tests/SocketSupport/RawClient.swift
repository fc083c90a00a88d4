import FeatureModel
public import NIOCore
import NIOPosix
import Synchronization
@testable public import Transport
public import Wire

/// A socket without a protocol: what hostile clients use.
public final class RawClient: Sendable {
    private final class Collector: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        let received: Mutex<[UInt8]> = Mutex([])
        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let buffer = unwrapInboundIn(data)
            received.withLock { $0.append(contentsOf: buffer.readableBytesView) }
        }
        func errorCaught(context: ChannelHandlerContext, error: any Error) {}
    }

    private let shared: Shared
    public let channel: any Channel

    /// Sendable because all that others read of a collector is behind its mutex.
    private struct Shared: @unchecked Sendable { let collector: Collector }

    public init(_ endpoint: Endpoint) async throws {
        let shared = Shared(collector: Collector())
        self.shared = shared
        channel = try await ClientBootstrap(group: NIOSingletons.posixEventLoopGroup)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(shared.collector) }
            }
            .connect(to: endpoint.resolved()).get()
    }

    public func send(_ bytes: [UInt8]) async throws { try await channel.writeAndFlush(ByteBuffer(bytes: bytes)) }

    public var received: [UInt8] { shared.collector.received.withLock { $0 } }
    public var isClosed: Bool { !channel.isActive }

    /// The frames received so far.
    public func frames() throws -> [Frame] {
        var decoder = FrameDecoder()
        decoder.frameBytesMax = WireLimits().frameBytesMax
        decoder.receive(received[...])
        var frames: [Frame] = []
        while let frame = try decoder.next() { frames.append(frame) }
        return frames
    }

    public static var hello: [UInt8] {
        var header = FrameHeader(.request, method: .hello, requestID: 1)
        header.isEnd = true
        return FrameEncoder.encode(header, head: HelloRequest().encode()).bytes
    }
}
