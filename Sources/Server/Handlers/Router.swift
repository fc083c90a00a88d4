import Engine
import FeatureModel
import Transport
import Wire

/// Takes requests from connections to their handlers.
struct Router: RequestHandler {
    let services: Services

    func hello(_ hello: HelloRequest, from peer: String) throws(HeadwaterError) -> HelloReply {
        HelloReply.with {
            $0.serverVersion = HeadwaterVersion.current
            $0.roles = services.configuration.roleNames
            $0.peers = PeerFiles(services).peers()
            $0.logID = services.logID
            $0.wallTime = services.clock.now()
        }
    }

    func handle(_ request: IncomingRequest, _ responder: Responder) {
        guard !request.isExpired else {
            return responder.fail(HeadwaterError(.deadlineExceeded, "the deadline had passed when the request came up"))
        }
        do throws(HeadwaterError) { try dispatch(request, responder) } catch { responder.fail(error) }
    }

    private func dispatch(_ request: IncomingRequest, _ responder: Responder) throws(HeadwaterError) {
        switch request.method {
        case .hello: throw HeadwaterError(.failedPrecondition, "hello was said already")
        case .apply, .plan, .list, .describe: try DefinitionHandlers(services: services).handle(request, responder)
        case .write, .openProducer: try WriteHandlers(services: services).handle(request, responder)
        case .get, .prepare: try GetHandlers(services: services).handle(request, responder)
        case .history: try HistoryHandler(services: services).handle(request, responder)
        case .scan, .latest: try RowsHandlers(services: services).handle(request, responder)
        case .status, .snapshot, .compact: try OperationHandlers(services: services).handle(request, responder)
        case .follow, .acknowledge, .forget: try FollowHandlers(services: services).handle(request, responder)
        case .audit, .auditDigest, .auditRows: try AuditHandlers(services: services).handle(request, responder)
        }
    }
}

extension IncomingRequest {
    func decode<H: Head>(_ type: H.Type = H.self) throws(HeadwaterError) -> H { try H(decoding: head) }

    /// The deadline on the wall clock that position waits go by; a minute where the client named none.
    func waitDeadline(_ clock: any WallClock) -> Microseconds {
        guard let deadline else { return clock.now() + 60_000_000 }
        let (seconds, attoseconds) = (deadline - .now).components
        return clock.now() + seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    }
}

extension Services {
    /// Waits until `position` is applied in the online or offline store, then runs `read`; answers DEADLINE_EXCEEDED at the deadline.
    ///
    /// - Throws: `.failedPrecondition` for a position of another log, `.outOfRange` for one that was never given out.
    func whenApplied(
        _ position: Position, logID: [UInt8], gate: PositionGate, request: IncomingRequest, responder: Responder,
        _ read: @escaping @Sendable () throws(HeadwaterError) -> Void
    ) throws(HeadwaterError) {
        if !logID.isEmpty && logID != self.logID {
            throw HeadwaterError(
                .failedPrecondition, "the position is of another log: the store was replaced; forget the position")
        }
        if position <= gate.applied { return try read() }
        if let online, position > online.state.current.lastPosition {
            throw HeadwaterError(
                .outOfRange, "position \(position) lies beyond the log's end, \(online.state.current.lastPosition)")
        }
        gate.wait(for: position, deadline: request.waitDeadline(clock)) { result in
            switch result {
            case .failure(let error): responder.fail(error, appliedPosition: gate.applied)
            case .success:
                do throws(HeadwaterError) { try read() } catch { responder.fail(error) }
            }
        }
    }
}
