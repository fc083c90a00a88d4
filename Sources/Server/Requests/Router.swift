import Engine
import FeatureModel
import NIOCore
import Transport
import Wire

/// Takes requests from connections to their handlers.
struct Router: RequestHandler {
    let services: Services

    func hello(_ hello: HelloRequest) throws(HeadwaterError) -> HelloReply {
        // Taking one unseen would look like a check of who asks.
        guard hello.token == nil else {
            throw HeadwaterError(.unimplemented, "this server checks no tokens, and takes none: connect without one")
        }
        return HelloReply.with {
            $0.serverVersion = HeadwaterVersion.current
            $0.roles = services.configuration.roleNames
            $0.peers = PeerFiles(services).peers()
            $0.logID = services.logID
            $0.wallTime = services.clock.now()
            $0.capabilities = [RecordBody.compactCapability]
        }
    }

    func handle(_ request: IncomingRequest, _ responder: Responder) {
        guard !request.isExpired else {
            let error = HeadwaterError(.deadlineExceeded, "the deadline had passed when the request came up")
            return responder.fail(error, appliedPosition: services.appliedPosition(for: request.method))
        }
        do throws(HeadwaterError) { try dispatch(request, responder) } catch { responder.fail(error) }
    }

    func immediateHandler(connectionID: UInt64, eventLoop: any EventLoop) -> (any ImmediateHandler)? {
        guard let online = services.online else { return nil }
        let scratch = services.scratches.scratch(of: eventLoop, online.store)
        return PreparedGetHandler(services, online, connectionID: connectionID, scratch: scratch)
    }

    var requestSink: (any RequestSink)? { services.requestLog }

    func ended(connectionID: UInt64) {
        services.handles.remove(connection: connectionID)
        services.auditViews.drop(.connection(connectionID))
    }

    private func dispatch(_ request: IncomingRequest, _ responder: Responder) throws(HeadwaterError) {
        switch request.method {
        case .hello: throw HeadwaterError(.failedPrecondition, "hello was said already")
        case .apply, .plan, .promote, .remove, .list, .describe:
            try DefinitionHandlers(services: services).handle(request, responder)
        case .write, .openProducer: try WriteHandlers(services: services).handle(request, responder)
        case .getByNames:
            throw HeadwaterError(
                .unimplemented, "gets by names are no more: prepare the list, and get by its handle (use a newer client)")
        case .prepare, .getPrepared: try GetHandlers(services: services).handle(request, responder)
        case .history: try HistoryHandler(services: services).handle(request, responder)
        case .scan, .latest: try RowsHandlers(services: services).handle(request, responder)
        case .status, .snapshot, .compact, .acceptClock, .report:
            try OperationHandlers(services: services).handle(request, responder)
        case .follow, .acknowledge, .forget: try FollowHandlers(services: services).handle(request, responder)
        case .bootstrap: try BootstrapHandler(services: services).handle(request, responder)
        case .audit, .auditDigest, .auditRows: try AuditHandlers(services: services).handle(request, responder)
        }
    }
}

extension IncomingRequest {
    func decode<H: Head>(_ type: H.Type = H.self) throws(HeadwaterError) -> H { try H(decoding: head) }
}
