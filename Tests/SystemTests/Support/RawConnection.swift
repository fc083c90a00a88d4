import Dispatch
import NIOCore
import NIOPosix
import Synchronization

/// A socket that sends what it is told, without knowing the protocol.
final class RawConnection: Sendable {
    private final class Collector: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer

        let received = Mutex<[UInt8]>([])
        let closed = DispatchSemaphore(value: 0)

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = Array(buffer: unwrapInboundIn(data))
            received.withLock { $0 += bytes }
        }

        func channelInactive(context: ChannelHandlerContext) { closed.signal() }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }

    private let channel: any Channel
    private let collector: Collector

    init(path: String) throws {
        let collector = Collector()
        self.collector = collector
        channel = try ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { $0.pipeline.addHandler(collector) }
            .connect(unixDomainSocketPath: path).wait()
    }

    var received: [UInt8] { collector.received.withLock { $0 } }

    /// Whatever the server makes of it: a connection that it closed meanwhile is no error here.
    func send(_ bytes: [UInt8]) {
        try? channel.writeAndFlush(ByteBuffer(bytes: bytes)).wait()
    }

    func waitUntilClosed(seconds: Double) -> Bool {
        guard collector.closed.wait(timeout: .now() + seconds) == .success else { return false }
        collector.closed.signal()
        return true
    }

    func close() { try? channel.close().wait() }
}

/// Frame headers as docs/formats/wire.md has them, made by hand.
enum RawFrame {
    static let headerBytes = 48

    /// A header whose checksum is zero.
    static func header(kind: UInt8, method: UInt16, id: UInt64, headBytes: UInt32, bodyBytes: UInt32) -> [UInt8] {
        var bytes = Array("HWF1".utf8) + [1, kind]
        func append(_ value: some FixedWidthInteger) {
            for shift in stride(from: 0, to: value.bitWidth, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
        }
        append(method)
        append(id)
        append(headBytes)
        append(UInt32(0))
        append(bodyBytes)
        while bytes.count < headerBytes { bytes.append(0) }
        return bytes
    }
}
