package import FeatureModel
package import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
package import Server
import Synchronization
package import Transport

/// The HTTP listener of a server: health, metrics and status, on threads of its own.
package final class WebServer: Door {
    package struct Options: Sendable {
        package var endpoint: Endpoint
        /// Allows addresses that other machines can reach, without TLS.
        package var allowInsecure = false
        /// Whether writes are taken.
        package var allowsWrites = false
        /// Names by which requests may call this server, beside addresses and `localhost`.
        package var hosts: [String] = []
        /// Whose counters are among the metrics.
        package var spans: SpanExporter?
        /// Connections at once: fewer where few files may be open. One more is closed as it comes.
        package var connectionsMax = min(256, Descriptors.limit / 8)

        package init(endpoint: Endpoint) { self.endpoint = endpoint }
    }

    private struct Open {
        let channel: any Channel
        /// `nil` until it has begun.
        var task: Task<Void, Never>?
        var isBusy = false
    }

    private struct State {
        var listener: (any Channel)?
        var accepting: Task<Void, Never>?
        var open: [UInt64: Open] = [:]
        var lastID: UInt64 = 0
        var isClosing = false
    }

    private let options: Options
    private let logger: Logger
    private let view = Mutex<ServerView?>(nil)
    private let group: MultiThreadedEventLoopGroup
    private let threads: WebThreads
    private let bodies = LargeBodies()
    private let figures = WebFigures()
    private let clients = StoreClients()
    private let keys = IdempotencyKeys()
    private let state = Mutex(State())

    package convenience init(_ options: Options, logger: Logger) {
        self.init(options, logger: logger, threads: WebThreads(System.coreCount, name: "http"))
    }

    /// - Parameter threads: what requests are answered on.
    init(_ options: Options, logger: Logger, threads: WebThreads) {
        self.options = options
        self.logger = logger
        self.threads = threads
        group = MultiThreadedEventLoopGroup(numberOfThreads: System.coreCount)
    }

    // MARK: Door

    /// Of connections, and both ends of the clients inside.
    package var descriptorsMax: Int {
        options.connectionsMax + 2 * (StoreClients.projectsMax + StoreClients.streamsMax) + Self.descriptorsOwn
    }
    /// A listening socket, and what loops need.
    private static let descriptorsOwn = 16

    package func open() async throws(HeadwaterError) -> [String] {
        guard case .tcp(let host, _) = options.endpoint else {
            throw HeadwaterError(.invalidArgument, "--http takes HOST:PORT, such as 127.0.0.1:7072; it got '\(options.endpoint)'")
        }
        let address = try options.endpoint.resolved()
        guard address.isLocal || options.allowInsecure else {
            throw HeadwaterError(
                .failedPrecondition,
                "--http \(options.endpoint) would let other machines in, unencrypted: use 127.0.0.1, or pass --insecure")
        }
        let listener = try await listen(at: address)
        state.withLock { state in
            state.listener = listener.channel
            state.accepting = Task { await self.accept(listener) }
        }
        let port = listener.channel.localAddress?.port ?? 0
        return ["http://\(Endpoint.tcp(host: host == "*" ? "127.0.0.1" : host, port: port))"]
    }

    package func serve(_ view: ServerView) { self.view.withLock { $0 = view } }

    package func close(within limit: Duration) async {
        let (isFirst, listener, accepting) = state.withLock { state in
            defer { state.isClosing = true }
            return (!state.isClosing, state.listener, state.accepting)
        }
        guard isFirst else { return }
        try? await listener?.close()
        await accepting?.value
        // Between two requests nothing is lost.
        for open in state.withLock({ Array($0.open.values) }) where !open.isBusy { open.channel.close(promise: nil) }
        let deadline = ContinuousClock.now + limit
        while state.withLock({ !$0.open.isEmpty }), ContinuousClock.now < deadline {
            try? await Task.sleep(for: .milliseconds(10))
        }
        for open in state.withLock({ Array($0.open.values) }) {
            open.task?.cancel()
            open.channel.close(promise: nil)
        }
        // What still waits for an answer of the server gets an error instead.
        await clients.close()
        for task in state.withLock({ $0.open.values.compactMap(\.task) }) { await task.value }
        try? await group.shutdownGracefully()
        await threads.shutdown()
        await bodies.shutdown()
    }

    // MARK: Connections

    private typealias Listening = NIOAsyncChannel<HTTPConnection.Accepted, Never>

    private func listen(at address: SocketAddress) async throws(HeadwaterError) -> Listening {
        do {
            return try await ServerBootstrap(group: group)
                .serverChannelOption(.backlog, value: 256)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                .bind(to: address) { channel in
                    channel.eventLoop.makeCompletedFuture { try Self.prepare(channel) }
                }
        } catch let error as IOError where error.errnoCode == EADDRINUSE {
            throw HeadwaterError(
                .alreadyExists, "another server listens on \(options.endpoint): stop it, or give --http another port")
        } catch {
            throw (error as? IOError).flatMap { ListeningFailure.error($0.errnoCode, on: options.endpoint, for: " for HTTP") }
                ?? HeadwaterError(.unavailable, "listening on \(options.endpoint) for HTTP failed: \(error)")
        }
    }

    private static func prepare(_ channel: any Channel) throws -> HTTPConnection.Accepted {
        let pipeline = channel.pipeline.syncOperations
        let slowClients = SlowClients()
        try pipeline.addHandler(slowClients)
        try pipeline.configureHTTPServerPipeline(withPipeliningAssistance: true, withErrorHandling: true)
        try pipeline.addHandler(SlowClientsMarks(slowClients))
        return HTTPConnection.Accepted(
            channel: try HTTPConnection.Channel(wrappingChannelSynchronously: channel),
            clients: NIOLoopBound(slowClients, eventLoop: channel.eventLoop))
    }

    private func accept(_ listener: Listening) async {
        do {
            try await listener.executeThenClose { connections in
                for try await connection in connections { begin(connection) }
            }
        } catch {
            guard !state.withLock({ $0.isClosing }) else { return }
            logger.error("the HTTP listener ended", metadata: ["error": "\(error)"])
        }
    }

    private func begin(_ accepted: HTTPConnection.Accepted) {
        let channel = accepted.channel
        let routes = Routes(
            view: { [self] in view.withLock { $0 } }, figures: figures, clients: clients, keys: keys,
            bodies: bodies, threads: threads, allowsWrites: options.allowsWrites, spans: options.spans)
        let place = state.withLock { state -> UInt64? in
            guard state.open.count < options.connectionsMax, !state.isClosing else { return nil }
            state.lastID += 1
            state.open[state.lastID] = Open(channel: channel.channel)
            return state.lastID
        }
        guard let id = place else {
            // Its ends must be finished, or nobody ever is told that nobody reads them.
            _ = Task { try? await channel.executeThenClose { _, _ in } }
            return
        }
        figures.opened()
        let connection = HTTPConnection(
            accepted: accepted, routes: routes, hosts: HostCheck(names: options.hosts), logger: logger,
            mark: { [self] isBusy in mark(id, isBusy) })
        // Not under the lock, which it takes: where the system has no room for a thread it begins here and now.
        let task = Task(executorPreference: threads) {
            await connection.run()
            self.figures.closed()
            _ = self.state.withLock { $0.open.removeValue(forKey: id) }
        }
        // It may have ended already. Closing waits for all that are accepted, so it finds the task of each that has not.
        state.withLock { $0.open[id]?.task = task }
        // Who is gone waits for no answer.
        channel.channel.closeFuture.whenComplete { _ in task.cancel() }
    }

    private func mark(_ id: UInt64, _ isBusy: Bool) -> Bool {
        state.withLock { state in
            state.open[id]?.isBusy = isBusy
            return isBusy || !state.isClosing
        }
    }
}
