import Engine
import FeatureModel
import Logging
import OfflineStore
import StorageIO
import Synchronization
import Transport
import Wire

/// Follows another server's log over the protocol, and comes back after every break.
final class RemoteFollower: Sendable {
    private static let pauseLeast = Duration.milliseconds(50)
    private static let pauseMost = Duration.seconds(2)

    private let endpoint: Endpoint
    private let name: String
    private let logger: Logger
    private let connection = Mutex<ClientTransport?>(nil)

    init(endpoint: Endpoint, name: String, logger: Logger) {
        self.endpoint = endpoint
        self.name = name
        self.logger = logger
    }

    /// Connects once; what the server says of itself has the log's id.
    ///
    /// - Throws: `.unavailable` where nobody answers, `.failedPrecondition` where it is no online service.
    static func connect(to endpoint: Endpoint, name: String) async throws(HeadwaterError) -> ClientTransport {
        var options = ClientOptions()
        // A frame may hold one record of any size.
        options.limits.frameBytesMax = WireLimits.frameBytesCeiling
        let transport = try await ClientTransport.connect(
            to: endpoint, hello: HelloRequest.with { $0.clientName = name }, options: options)
        guard transport.hello.roles.contains("online") else {
            throw HeadwaterError(
                .failedPrecondition, "\(endpoint) is no online service: follow the one that owns the log")
        }
        return transport
    }

    /// Follows until the task is cancelled. What went wrong last stands in the node's `sourceFailure`.
    func run(_ node: OfflineNode) async {
        var pause = Self.pauseLeast
        while !Task.isCancelled {
            do {
                try await follow(node, current(node.logID))
                pause = Self.pauseLeast
            } catch {
                connection.withLock { $0 = nil }
                if Task.isCancelled { return }
                let failure = asHeadwaterError(error)
                node.sourceFailure.withLock { $0 = failure }
                logger.warning("following \(endpoint) broke off", metadata: ["error": "\(failure)"])
                // A break in the connection mends soon; what the server refuses does not mend by asking again at once.
                pause = failure.code == .unavailable ? min(pause * 2, Self.pauseMost) : Self.pauseMost
            }
            try? await Task.sleep(for: pause)
        }
    }

    private func current(_ logID: [UInt8]) async throws(HeadwaterError) -> ClientTransport {
        if let open = connection.withLock({ $0 }), open.isConnected { return open }
        let transport = try await Self.connect(to: endpoint, name: name)
        guard transport.hello.logID == logID else {
            throw HeadwaterError(
                .failedPrecondition,
                "\(endpoint) serves another log than the one this history is of: use an empty data directory")
        }
        connection.withLock { $0 = transport }
        return transport
    }

    private func follow(_ node: OfflineNode, _ transport: ClientTransport) async throws {
        let request = FollowRequest.with {
            $0.fromPosition = node.store.appliedPosition + 1
            $0.durablePosition = node.store.durablePosition
            $0.follower = name
            $0.logID = node.logID
        }
        for try await item in transport.stream(.follow, head: request) {
            let head = try FollowData(decoding: item.head)
            try await node.apply(LogRecords.decode(item.body))
            node.sourcePosition.withLock { $0 = head.durablePosition }
            node.sourceFailure.withLock { $0 = nil }
        }
    }

    /// Tells the server how far chunks have come, so that it may let go of its log.
    func acknowledge(_ position: Position, logID: [UInt8]) {
        guard let transport = connection.withLock({ $0 }) else { return }
        let request = AcknowledgeRequest.with {
            $0.follower = name
            $0.position = position
            $0.logID = logID
        }
        Task {
            do {
                _ = try await transport.call(.acknowledge, request, deadline: .seconds(30), reply: AcknowledgeReply.self)
            } catch {
                logger.warning("the acknowledgement did not get through", metadata: ["error": "\(error)"])
            }
        }
    }
}
