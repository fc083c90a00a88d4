import NIOCore
import NIOPosix
import Synchronization
import TestSupport

/// A Unix socket in front of a server: hands bytes on after random pauses, in their order, and cuts connections where told.
final class Proxy: Sendable {
    private static let pauseMicrosecondsMax = 2_000

    /// One direction of a connection.
    private final class Hose: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer

        private let partner: any Channel
        private let state: Mutex<(random: SplitMix64, last: NIODeadline)>

        init(to partner: any Channel, seed: UInt64) {
            self.partner = partner
            state = Mutex((SplitMix64(seed: seed), .now()))
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = unwrapInboundIn(data)
            let time = state.withLock { state in
                let pause = TimeAmount.microseconds(Int64(state.random.int(0...Proxy.pauseMicrosecondsMax)))
                state.last = max(state.last + .nanoseconds(1), .now() + pause)
                return state.last
            }
            partner.eventLoop.assumeIsolated().scheduleTask(deadline: time) { [partner] in
                partner.writeAndFlush(bytes, promise: nil)
            }
        }

        func channelInactive(context: ChannelHandlerContext) { partner.close(promise: nil) }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }

    private let open = Mutex<[any Channel]>([])
    private let random: Mutex<SplitMix64>
    private let listener = Mutex<(any Channel)?>(nil)

    /// - Parameters:
    ///   - path: of its own socket.
    ///   - server: the path of the server's socket.
    init(path: String, to server: String, seed: UInt64) throws {
        random = Mutex(SplitMix64(seed: seed))
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let bootstrap = ServerBootstrap(group: loop).childChannelOption(.autoRead, value: false)
            .childChannelInitializer { [weak self] client in
                ClientBootstrap(group: loop).channelOption(.autoRead, value: false).connect(unixDomainSocketPath: server)
                    .flatMap { [weak self] connection in
                        guard let self else { return loop.makeFailedFuture(ChannelError.ioOnClosedChannel) }
                        return join(client, connection)
                    }
            }
        let channel = try bootstrap.bind(unixDomainSocketPath: path).wait()
        listener.withLock { $0 = channel }
    }

    private func join(_ client: any Channel, _ server: any Channel) -> EventLoopFuture<Void> {
        let seeds = random.withLock { ($0.next(), $0.next()) }
        open.withLock { list in
            list.removeAll { !$0.isActive }
            list.append(client)
        }
        return client.pipeline.addHandler(Hose(to: server, seed: seeds.0))
            .flatMap { server.pipeline.addHandler(Hose(to: client, seed: seeds.1)) }
            .flatMap { server.setOption(.autoRead, value: true) }
            .flatMap { client.setOption(.autoRead, value: true) }
    }

    /// Ends every connection at once.
    ///
    /// - Returns: how many there were.
    @discardableResult
    func cut() -> Int {
        let all = open.withLock { list in
            defer { list = [] }
            return list.filter(\.isActive)
        }
        for channel in all { channel.close(promise: nil) }
        return all.count
    }

    /// Takes no more bytes from clients, or goes on.
    func hold(_ isHeld: Bool) throws {
        for channel in open.withLock({ $0 }) where channel.isActive { try channel.setOption(.autoRead, value: !isHeld).wait() }
    }

    func close() {
        listener.withLock { $0 }?.close(promise: nil)
        cut()
    }
}
