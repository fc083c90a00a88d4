import Engine
import FeatureModel
import Logging
import OfflineStore
import StorageIO
import Synchronization
import Transport
import Wire

/// Follows another server's log over the protocol, and comes back after every break.
///
/// A follower is registered with the online service: from then on the log keeps what it
/// has not. One that is new, or was forgotten, registers at its position; where the log
/// no longer holds what follows, it fetches the history of another offline service first.
final class RemoteFollower: Sendable {
    private static let pauseLeast = Duration.milliseconds(50)
    private static let pauseMost = Duration.seconds(2)

    private let services: Services
    private let endpoint: Endpoint
    private let name: String
    private let connection = Mutex<ClientTransport?>(nil)
    /// What keeps it from following, as it was said last; `nil` while it follows.
    private let saidFailure = Mutex<HeadwaterError?>(nil)

    private var logger: Logger { services.logger }

    init(services: Services, endpoint: Endpoint, name: String) {
        self.services = services
        self.endpoint = endpoint
        self.name = name
    }

    /// Follows until the task is cancelled. What went wrong last stands in the node's `sourceFailure`.
    ///
    /// - Parameter open: opens the store of this directory for the log with this id.
    /// - Throws: where there is no history here yet and `endpoint` cannot be followed.
    func run(open: @Sendable ([UInt8]) throws -> Void) async throws {
        var pause = Self.pauseLeast
        while !Task.isCancelled {
            do {
                let transport = try await current()
                if let node = services.offline {
                    try await follow(node, transport, open)
                } else {
                    try await begin(transport, open)
                }
                pause = Self.pauseLeast
            } catch {
                connection.withLock { $0 = nil }
                if Task.isCancelled { return }
                let failure = asHeadwaterError(error)
                note(failure)
                // Nothing to serve, and nobody to get it from: whoever started this must know.
                if services.offline == nil, services.history.fetch == nil, failure.code != .unavailable { throw failure }
                // A break in the connection mends soon; what the server refuses does not mend by asking again at once.
                pause = failure.code == .unavailable ? min(pause * 2, Self.pauseMost) : Self.pauseMost
            }
            try? await Task.sleep(for: pause)
        }
    }

    private func note(_ failure: HeadwaterError) {
        services.offline?.sourceFailure.withLock { $0 = failure }
        // Said once: a server that is down for a night says nothing new each second.
        let isNew = saidFailure.withLock { said in
            defer { said = failure }
            return said?.code != failure.code
        }
        logger.log(
            level: isNew ? .warning : .debug, "following \(endpoint) broke off: waiting for it", metadata: ["error": "\(failure)"]
        )
    }

    /// Says that it goes on where it had broken off.
    private func noteFollowing(_ node: OfflineNode) {
        node.sourceFailure.withLock { $0 = nil }
        guard saidFailure.withLock({ $0.take() }) != nil else { return }
        logger.info("following \(endpoint) again", metadata: ["position": "\(node.store.appliedPosition)"])
    }

    /// - Throws: `.unavailable` where nobody answers, `.failedPrecondition` where it is no online service, or one of another log.
    private func current() async throws(HeadwaterError) -> ClientTransport {
        if let open = connection.withLock({ $0 }), open.isConnected { return open }
        var options = ClientOptions()
        // A frame may hold one record of any size.
        options.limits.frameBytesMax = WireLimits.frameBytesCeiling
        let hello = HelloRequest.with {
            $0.clientName = name
            $0.clientVersion = HeadwaterVersion.current
            $0.capabilities = [RecordBody.compactCapability]
        }
        let transport = try await ClientTransport.connect(to: endpoint, hello: hello, options: options)
        guard transport.hello.roles.contains("online") else {
            throw HeadwaterError(
                .failedPrecondition, "\(endpoint) is no online service: follow the one that owns the log")
        }
        if let node = services.offline, node.logID != transport.hello.logID {
            throw HeadwaterError(
                .failedPrecondition,
                "\(endpoint) serves another log than the one this history is of: use an empty data directory")
        }
        connection.withLock { $0 = transport }
        return transport
    }

    // MARK: Getting to a position that the log goes on from

    /// Gets a store where there is none: empty where the log still has its beginning, else with the history of another service.
    private func begin(_ transport: ClientTransport, _ open: ([UInt8]) throws -> Void) async throws {
        let logID = transport.hello.logID
        if !OfflineStore.exists(in: services.configuration.dataDirectory, storage: services.storage) {
            if try await !register(transport, at: 0) { try await fetch(transport, beside: nil) }
        }
        services.history.fetch = nil
        try open(logID)
    }

    /// Follows the log; where the follower is unknown there, or too far behind, does what it takes to follow next time.
    private func follow(_ node: OfflineNode, _ transport: ClientTransport, _ open: ([UInt8]) throws -> Void) async throws {
        do { return try await follow(node, transport) } catch {
            let failure = asHeadwaterError(error)
            guard failure.code == .notFound || failure.code == .outOfRange else { throw failure }
            logger.warning("\(endpoint) does not go on from here", metadata: ["reason": "\(failure)"])
        }
        // What is applied need not be fetched, and must not be replaced by less.
        if node.state.failure == nil { try await node.flush() }
        let position = node.store.durablePosition
        if try await register(transport, at: position) {
            logger.info("registered with \(endpoint)", metadata: ["follower": "\(name)", "position": "\(position)"])
            return
        }
        // What is here answers until the other history is whole.
        try await fetch(transport, beside: node)
        let logID = node.logID
        await services.history.take()?.close(isReplaced: true)
        services.history.fetch = nil
        try open(logID)
    }

    /// - Returns: whether the log still holds what follows `position`.
    private func register(_ transport: ClientTransport, at position: Position) async throws -> Bool {
        do {
            try await send(transport, position, logID: transport.hello.logID, register: true)
            return true
        } catch {
            let failure = asHeadwaterError(error)
            guard failure.code == .outOfRange else { throw failure }
            logger.warning("the log does not reach back to this follower", metadata: ["reason": "\(failure)"])
            return false
        }
    }

    private func fetch(_ transport: ClientTransport, beside node: OfflineNode?) async throws {
        let fetch = HistoryFetch(services: services, name: name, online: transport, node: node) { position, isNew in
            try await self.send(transport, position, logID: transport.hello.logID, register: isNew)
        }
        try await fetch.run()
    }

    // MARK: Following

    private func follow(_ node: OfflineNode, _ transport: ClientTransport) async throws {
        let request = FollowRequest.with {
            $0.fromPosition = node.store.appliedPosition + 1
            $0.durablePosition = node.store.durablePosition
            $0.follower = name
            $0.logID = node.logID
            $0.addresses = services.listening.endpoints.filter(\.isReachable).map(\.description)
        }
        for try await item in transport.stream(.follow, head: request) {
            let head = try FollowData(decoding: item.head)
            try await node.apply(LogRecords.decode(item.body))
            node.sourcePosition.withLock { $0 = head.durablePosition }
            noteFollowing(node)
        }
    }

    /// Tells the server how far chunks have come, so that it may let go of its log.
    func acknowledge(_ position: Position, logID: [UInt8]) {
        guard let transport = connection.withLock({ $0 }) else { return }
        Task {
            do { try await send(transport, position, logID: logID, register: false) } catch {
                logger.warning("the acknowledgement did not get through", metadata: ["error": "\(error)"])
            }
        }
    }

    private func send(_ transport: ClientTransport, _ position: Position, logID: [UInt8], register: Bool) async throws {
        let request = AcknowledgeRequest.with {
            $0.follower = name
            $0.position = position
            $0.logID = logID
            $0.register = register
        }
        _ = try await transport.call(.acknowledge, request, deadline: .seconds(30), reply: AcknowledgeReply.self)
    }
}

extension Endpoint {
    /// Whether it is an address that others may connect to: not one that stands for all of a machine's.
    fileprivate var isReachable: Bool {
        if case .tcp(let host, _) = self { return !["0.0.0.0", "::", "*"].contains(host) }
        return true
    }

    private var isLoopback: Bool {
        guard case .tcp(let host, _) = self else { return true }
        return host.hasPrefix("127.") || host == "::1" || host == "localhost"
    }

    /// The address under which a peer that a server on another machine names is reached from here: one that stands for all of a
    /// machine's addresses, or for the machine itself, is meant on that server's machine.
    func seen(through server: Endpoint) -> Endpoint {
        guard !server.isLoopback, case .tcp(let host, _) = server, case .tcp(_, let port) = self, isLoopback || !isReachable
        else { return self }
        return .tcp(host: host, port: port)
    }
}
