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
    func connect() async throws(HeadwaterError) -> ClientTransport {
        let transport = try await ClientTransport.connect(to: endpoint, hello: HelloRequest.with { $0.clientName = name })
        guard transport.hello.roles.contains("online") else {
            throw HeadwaterError(.failedPrecondition, "\(endpoint) is no online service: follow the one that owns the log")
        }
        connection.withLock { $0 = transport }
        return transport
    }

    /// Follows until the task is cancelled.
    func run(_ node: OfflineNode) async {
        var pause = Duration.milliseconds(50)
        while !Task.isCancelled {
            do {
                let transport = try await current()
                try await follow(node, transport)
                pause = .milliseconds(50)
            } catch {
                connection.withLock { $0 = nil }
                let failure = asHeadwaterError(error)
                if failure.code == .cancelled && Task.isCancelled { return }
                node.sourceFailure.withLock { $0 = failure }
                logger.warning("following \(endpoint) broke off", metadata: ["error": "\(failure)"])
                if node.state.failure != nil || failure.code == .outOfRange || failure.code == .dataLoss
                    || failure.code == .failedPrecondition
                {
                    pause = .seconds(10)
                }
                try? await Task.sleep(for: pause)
                pause = min(pause * 2, .seconds(2))
            }
        }
    }

    private func current() async throws(HeadwaterError) -> ClientTransport {
        if let open = connection.withLock({ $0 }), open.isConnected { return open }
        return try await connect()
    }

    private func follow(_ node: OfflineNode, _ transport: ClientTransport) async throws {
        let request = FollowRequest.with {
            $0.fromPosition = node.store.appliedPosition + 1
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
            do { _ = try await transport.call(.acknowledge, request, deadline: .seconds(30), reply: AcknowledgeReply.self) } catch
            {
                logger.warning("the acknowledgement did not get through", metadata: ["error": "\(error)"])
            }
        }
    }
}
