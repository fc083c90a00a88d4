package import FeatureModel
internal import Glibc
internal import NIOCore
internal import Synchronization
package import Wire

/// A server's listening sockets and its connections.
public final class ServerTransport: Sendable {
    /// Connections that may wait to be accepted.
    private static let backlog: Int32 = 1_024

    private let loops: [ServerLoop]
    private let listeners: [NIOLoopBound<Listener>]
    private let registry: ConnectionRegistry
    private let budget: NetworkBudget
    private let isStopping = Atomic<Bool>(false)
    /// The addresses on which the server listens, with the ports that the system chose.
    public let endpoints: [Endpoint]

    private init(
        loops: [ServerLoop], listeners: [NIOLoopBound<Listener>], endpoints: [Endpoint], registry: ConnectionRegistry,
        budget: NetworkBudget
    ) {
        self.budget = budget
        self.loops = loops
        self.listeners = listeners
        self.endpoints = endpoints
        self.registry = registry
    }

    public var connectionCount: Int { registry.count }
    /// Connections that it takes: fewer than were asked for where the limit of open files does not allow so many.
    public var connectionsMax: Int { registry.limits.openMax }
    /// Memory that input and output of all connections hold.
    public var networkBytes: Int { budget.usedBytes }
    /// What they may hold together; it may change while they do.
    public var networkBytesMax: Int {
        get { budget.bytesMax }
        set { budget.bytesMax = newValue }
    }
    /// The longest that a loop ran in one turn since the start: so long
    /// others of its connections waited for what one of them wanted.
    public var longestTurn: Duration { .nanoseconds(loops.map(\.turnTimes.longestRunNanoseconds).max() ?? 0) }
    /// The longest turn by the clock: with what kept the loop's thread from its core, and with locks that it waited for.
    public var longestTurnByClock: Duration { .nanoseconds(loops.map(\.turnTimes.longestNanoseconds).max() ?? 0) }

    /// What all connections' requests came to since the start.
    public var requestCounts: RequestFigures.Counts {
        var counts = RequestFigures.Counts()
        for loop in loops { loop.figures.add(to: &counts) }
        return counts
    }

    /// The connections that have said hello.
    package func clients(wallTime: Microseconds) -> [ClientsReport.Client] { registry.clients(wallTime: wallTime) }

    /// The slowest requests, as each loop has kept them.
    package var slowRequests: [SlowRequests] { loops.map(\.figures.slow) }

    /// Whether much less memory is held than was, so that it is worth giving back to the system; asked once a second.
    public func isTrimDue(above bytes: Int) -> Bool { budget.isTrimDue(above: bytes) }
    /// Connections that were ever opened.
    public var everConnectedCount: UInt64 { registry.everCount }

    /// Since when no client has been connected; `nil` while one is.
    public var idleSince: ContinuousClock.Instant? { registry.emptySince }

    /// Returns once no client is connected, at once where none is.
    ///
    /// - Throws: `CancellationError` where the task is cancelled first.
    public func untilNoneIsConnected() async throws {
        try await registry.emptied.wait { registry.emptySince != nil }
    }

    /// Listens on all endpoints, or on none.
    ///
    /// - Throws: `.invalidArgument` for an address that is not known here, `.failedPrecondition` for one beyond this machine
    ///   without `allowInsecure`, `.alreadyExists` where somebody listens there, `.unavailable` for other refusals of the system.
    package static func start(
        endpoints: [Endpoint], handler: any RequestHandler, options: ServerOptions = ServerOptions()
    ) async throws(HeadwaterError) -> ServerTransport {
        var sockets: [Socket] = []
        var actual: [Endpoint] = []
        do throws(HeadwaterError) {
            for endpoint in endpoints {
                sockets.append(try listen(endpoint, options))
                actual.append(endpoint.withPort(sockets.last?.port))
            }
        } catch {
            for socket in sockets { socket.close() }
            removeSocketFiles(actual)
            throw error
        }
        var loops: [ServerLoop] = []
        var listeners: [NIOLoopBound<Listener>] = []
        do {
            let started = try ServerLoop.start(count: EventLoops.coreCount)
            loops = started
            if let sink = handler.requestSink { for loop in started { loop.figures.slow.tell(sink) } }
            // All that is not a connection has its descriptors by now.
            let registry = ConnectionRegistry(try ConnectionLimits(options))
            let budget = NetworkBudget(bytesMax: options.networkBytesMax)
            budget.whenPressed { for loop in started { loop.execute { loop.watchPressure(budget) } } }
            for (socket, endpoint) in zip(sockets, actual) {
                let listener = started[0].submit {
                    let listener = try Listener(socket, loops: started, isTCP: endpoint.isTCP, registry: registry) {
                        connection, loop in
                        ServerConnection.serve(
                            connection, on: loop, handler: handler, options: options, registry: registry, budget: budget)
                    }
                    return NIOLoopBound(listener, eventLoop: started[0])
                }
                listeners.append(try await listener.get())
            }
            return ServerTransport(loops: loops, listeners: listeners, endpoints: actual, registry: registry, budget: budget)
        } catch {
            // Those that are watched go with their loop.
            for socket in sockets.dropFirst(listeners.count) { socket.close() }
            for loop in loops { loop.stop() }
            removeSocketFiles(actual)
            throw (error as? SystemFailure)?.error("serving") ?? (error as? HeadwaterError)
                ?? HeadwaterError(.unavailable, "serving failed: \(error)")
        }
    }

    private static func listen(_ endpoint: Endpoint, _ options: ServerOptions) throws(HeadwaterError) -> Socket {
        let address = try endpoint.resolved()
        guard address.isLocal || options.allowInsecure else {
            throw HeadwaterError(
                .failedPrecondition,
                "listening on \(endpoint) would let other machines in, unencrypted: use 127.0.0.1, or pass --insecure")
        }
        guard case .unix(let path) = endpoint else {
            do throws(SystemFailure) {
                return try Socket.listening(at: address, backlog: backlog, bothFamilies: endpoint.isEveryAddress)
            } catch {
                guard error.code == EADDRINUSE else { throw refused(error, endpoint) }
                throw HeadwaterError(.alreadyExists, "another server listens on \(endpoint): stop it, or use another port")
            }
        }
        let isOtherFile: Bool
        do throws(SystemFailure) {
            isOtherFile = try Socket.isOtherFile(path)
            if !isOtherFile, try !Socket.isListening(at: address) { return try listen(address, path) }
        } catch { throw refused(error, endpoint) }
        guard !isOtherFile else {
            throw HeadwaterError(
                .failedPrecondition, "a file that is no socket stands there: name another path, or move it away",
                at: "\(endpoint)")
        }
        throw HeadwaterError(.alreadyExists, "another server listens on \(endpoint): stop it, or use another path")
    }

    private static func refused(_ failure: SystemFailure, _ endpoint: Endpoint) -> HeadwaterError {
        ListeningFailure.error(failure.code, on: endpoint) ?? failure.error("listening on \(endpoint)")
    }

    /// Listens at a path where nobody does, so that a socket file that is
    /// there is stale. Only its owner may connect, from the first moment on.
    private static func listen(_ address: SocketAddress, _ path: String) throws(SystemFailure) -> Socket {
        try Socket.removeFile(path)
        let mask = umask(0o177)
        defer { umask(mask) }
        return try Socket.listening(at: address, backlog: backlog)
    }

    private static func removeSocketFiles(_ endpoints: [Endpoint]) {
        for case .unix(let path) in endpoints { try? Socket.removeFile(path) }
    }

    /// Takes no new connections and requests, lets running requests finish, and closes; what still runs at the deadline is
    /// cut off. A second call returns at once.
    public func shutdownGracefully(within limit: Duration) async {
        guard !isStopping.exchange(true, ordering: .relaxed) else { return }
        for listener in listeners { try? await loops[0].submit { listener.value.close() }.get() }
        Self.removeSocketFiles(endpoints)
        // Connections that were accepted before are counted from here on.
        for loop in loops { try? await loop.submit {}.get() }
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
        for loop in loops { loop.stop() }
    }
}

extension Endpoint {
    var isTCP: Bool { if case .tcp = self { true } else { false } }

    func withPort(_ actual: Int?) -> Endpoint {
        guard case .tcp(let host, _) = self, let actual else { return self }
        return .tcp(host: host, port: actual)
    }
}
