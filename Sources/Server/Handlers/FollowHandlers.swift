import Engine
import FeatureModel
import Log
import Transport
import Wire

/// follow, acknowledge, forget: the log for an offline service elsewhere.
struct FollowHandlers {
    /// How often a follower that has everything looks for more.
    static let pollInterval = Duration.milliseconds(5)

    let services: Services

    func handle(_ request: IncomingRequest, _ responder: Responder) throws(HeadwaterError) {
        let online = try services.needOnline()
        switch request.method {
        case .follow:
            let head = try request.decode(FollowRequest.self)
            try check(head.logID, name: head.follower)
            Task {
                do { try await follow(head, online, responder) } catch { responder.fail(asHeadwaterError(error)) }
            }
        case .acknowledge:
            let head = try request.decode(AcknowledgeRequest.self)
            try check(head.logID, name: head.follower)
            acknowledge(head.follower, head.position, online) { result in
                switch result {
                case .failure(let error): responder.fail(error)
                case .success:
                    responder.respond(head: AcknowledgeReply.with { $0.durablePosition = online.state.current.durablePosition })
                }
            }
        default:
            let head = try request.decode(ForgetRequest.self)
            online.engine.run { engine in
                do throws(HeadwaterError) {
                    let position = try engine.forgetFollower(named: ByteString(head.follower))
                    responder.respond(head: ForgetReply.with { $0.position = position })
                } catch { responder.fail(error) }
            }
        }
    }

    private func check(_ logID: [UInt8], name: String) throws(HeadwaterError) {
        guard logID.isEmpty || logID == services.logID else {
            throw HeadwaterError(.failedPrecondition, "the follower has followed another log: give it an empty data directory")
        }
        guard !name.isEmpty, name.utf8.count <= Limits.nameBytesMax else {
            throw HeadwaterError(.invalidArgument, "a follower's name has 1 to \(Limits.nameBytesMax) bytes")
        }
        guard ByteString(name) != OnlineEngine.localFollowerName else {
            throw HeadwaterError(.invalidArgument, "'\(name)' is the follower of the log's own data directory: take another name")
        }
    }

    private func acknowledge(
        _ name: String, _ position: Position, _ online: OnlineNode,
        _ done: @escaping @Sendable (Result<Void, HeadwaterError>) -> Void
    ) {
        online.engine.run { engine in
            done(Result { () throws(HeadwaterError) in try engine.acknowledge(follower: ByteString(name), position: position) })
        }
    }

    /// Streams records as they become durable, until the follower goes away.
    private func follow(_ head: FollowRequest, _ online: OnlineNode, _ responder: Responder) async throws {
        guard head.fromPosition >= 1 else { throw HeadwaterError(.invalidArgument, "positions start at 1") }
        let reader = try LogReader(storage: services.storage, directory: services.logDirectory)
        var position = head.fromPosition - 1
        guard position <= reader.durablePosition else {
            throw HeadwaterError(
                .dataLoss,
                "the follower has position \(position), but the log ends at \(reader.durablePosition): the log lost its end")
        }
        // Registered before the first record: from here on the log keeps what the follower has not.
        try await online.engine.call { try $0.acknowledge(follower: ByteString(head.follower), position: head.fromPosition - 1) }
        while !responder.isCancelled {
            let records =
                position < reader.durablePosition
                ? try reader.read(after: position, limitBytes: WireLimits.dataFrameBytesTarget) : []
            guard let last = records.last else {
                try await Task.sleep(for: Self.pollInterval)
                continue
            }
            await withCheckedContinuation { continuation in responder.whenWritable { continuation.resume() } }
            let data = FollowData.with { $0.durablePosition = reader.durablePosition }
            guard responder.send(head: data, body: LogRecords.encode(records)[...]) else { return }
            position = last.position
        }
    }
}
