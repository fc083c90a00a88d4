public import FeatureModel
internal import FoundationEssentials
internal import Glibc
public import NIOCore
internal import NIOPosix
internal import Synchronization
internal import Wire

/// A server's listening sockets and its connections.
public final class ServerTransport: Sendable {
    private let listeners: [any Channel]
    private let registry: ConnectionRegistry
    private let isStopping = Atomic<Bool>(false)
    /// Where the server listens: the ports are the real ones.
    public let endpoints: [Endpoint]

    private init(listeners: [any Channel], endpoints: [Endpoint], registry: ConnectionRegistry) {
        self.listeners = listeners
        self.endpoints = endpoints
        self.registry = registry
    }

    public var connectionCount: Int { registry.count }

    /// Listens on all endpoints, or on none.
    ///
    /// - Parameter group: the event loops to use; else those that the process shares.
    /// - Throws: `.invalidArgument` for an address that is not known here, `.failedPrecondition` for one beyond this machine
    ///   without `allowInsecure`, `.alreadyExists` where somebody listens there, `.unavailable` for other refusals of the system.
    public static func start(
        endpoints: [Endpoint], handler: any RequestHandler, options: ServerOptions = ServerOptions(),
        group: (any EventLoopGroup)? = nil
    ) async throws(HeadwaterError) -> ServerTransport {
        let group = group ?? NIOSingletons.posixEventLoopGroup
        let registry = ConnectionRegistry(connectionsMax: options.connectionsMax)
        let rounds = ReadRounds()
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1_024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 64 << 10))
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        ServerConnectionHandler(
                            handler: handler, options: options, registry: registry,
                            round: rounds.round(of: channel.eventLoop), eventLoop: channel.eventLoop))
                }
            }
        var listeners: [any Channel] = []
        var actual: [Endpoint] = []
        do throws(HeadwaterError) {
            for endpoint in endpoints {
                let channel = try await bind(endpoint, bootstrap, options, group)
                listeners.append(channel)
                actual.append(endpoint.withPort(channel.localAddress?.port))
            }
        } catch {
            for listener in listeners { try? await listener.close() }
            removeSocketFiles(actual)
            throw error
        }
        return ServerTransport(listeners: listeners, endpoints: actual, registry: registry)
    }

    private static func bind(
        _ endpoint: Endpoint, _ bootstrap: ServerBootstrap, _ options: ServerOptions, _ group: any EventLoopGroup
    ) async throws(HeadwaterError) -> any Channel {
        let address = try endpoint.resolved()
        guard address.isLocal || options.allowInsecure else {
            throw HeadwaterError(
                .failedPrecondition,
                "listening on \(endpoint) would let other machines in, unencrypted: use 127.0.0.1, or pass --insecure")
        }
        do {
            guard case .unix(let path) = endpoint else {
                return try await bootstrap.childChannelOption(.tcpOption(.tcp_nodelay), value: 1).bind(to: address).get()
            }
            if let other = try? await ClientBootstrap(group: group).connect(to: address).get() {
                try? await other.close()
                throw HeadwaterError(.alreadyExists, "another server listens on \(endpoint): stop it, or use another path")
            }
            // Nobody listens, so a socket file that is there is stale. Only its owner may connect, from the first moment on.
            let mask = umask(0o077)
            defer { umask(mask) }
            let channel = try await bootstrap.bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).get()
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
            return channel
        } catch let error as HeadwaterError {
            throw error
        } catch let error as IOError where error.errnoCode == EADDRINUSE {
            throw HeadwaterError(.alreadyExists, "another server listens on \(endpoint): stop it, or use another port")
        } catch {
            throw HeadwaterError(.unavailable, "listening on \(endpoint) failed: \(error)")
        }
    }

    private static func removeSocketFiles(_ endpoints: [Endpoint]) {
        for case .unix(let path) in endpoints { try? FileManager.default.removeItem(atPath: path) }
    }

    /// Takes no new connections and requests, lets running requests finish, and closes; what still runs at the deadline is
    /// cut off. A second call returns at once.
    public func shutdownGracefully(within limit: Duration) async {
        guard !isStopping.exchange(true, ordering: .relaxed) else { return }
        for listener in listeners { try? await listener.close() }
        Self.removeSocketFiles(endpoints)
        let deadline = ContinuousClock.now + limit
        while registry.count > 0, ContinuousClock.now < deadline {
            // Told again each time: a connection may have been accepted just before the listeners closed.
            registry.tellAll(.drain)
            try? await Task.sleep(for: .milliseconds(10))
        }
        for _ in 0..<100 where registry.count > 0 {
            registry.tellAll(.close)
            try? await Task.sleep(for: .milliseconds(10))
        }
    }
}

extension Endpoint {
    func withPort(_ actual: Int?) -> Endpoint {
        guard case .tcp(let host, _) = self, let actual else { return self }
        return .tcp(host: host, port: actual)
    }
}
