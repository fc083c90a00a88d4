import Engine
import FeatureModel
import Transport
import Wire

/// audit on the offline side; the digests and rows it compares with on the online side.
struct AuditHandlers {
    /// How often a client hears how far its audit has come.
    static let progressInterval = Duration.milliseconds(250)

    let services: Services

    func handle(_ request: IncomingRequest, _ responder: Responder) throws(HeadwaterError) {
        switch request.method {
        case .audit: try audit(request, responder)
        case .auditDigest: try digest(request, responder)
        default: try rows(request, responder)
        }
    }

    private func audit(_ request: IncomingRequest, _ responder: Responder) throws(HeadwaterError) {
        let head = try request.decode(AuditRequest.self)
        let offline = try services.needOffline()
        try services.checkLog(head.logID)
        try PositionedStore(offline, services).check(head.minPosition)
        let caller = AuditCaller(services, request, responder)
        let run = AuditRun(services: services, offline: offline, project: head.project, caller: caller)
        let telling = Task {
            while !Task.isCancelled {
                try await Task.sleep(for: Self.progressInterval)
                // A client that does not read is told nothing: what it missed is old by then.
                if responder.credit > 0 { responder.send(head: JSONReply(), body: JSON.encode(report: caller.progress)) }
            }
        }
        let task = Task {
            defer { telling.cancel() }
            do {
                let report = try await run.run(minPosition: head.minPosition)
                responder.respond(head: JSONReply.with { $0.position = report.position }, body: JSON.encode(report: report))
            } catch { services.fail(request, responder, error) }
        }
        responder.onCancel { task.cancel() }
    }

    // MARK: The online side of an audit in another process

    private func local(_ online: OnlineNode, _ request: IncomingRequest) -> LocalOnline {
        LocalOnline(services: services, node: online, owner: .connection(request.connectionID))
    }

    /// Ends a walk when nobody waits for it any more.
    private func stop(_ request: IncomingRequest, _ responder: Responder) -> (Int) throws(HeadwaterError) -> Void {
        { (_) throws(HeadwaterError) in if let reason = request.reasonToStop(responder) { throw reason } }
    }

    private func scope(_ scope: HashScope?) throws(HeadwaterError) -> AuditScope {
        guard let scope else {
            throw HeadwaterError(.invalidArgument, "an audit names the part of the hash space that it asks for")
        }
        return try scope.checked()
    }

    private func digest(_ request: IncomingRequest, _ responder: Responder) throws(HeadwaterError) {
        let head = try request.decode(AuditDigestRequest.self)
        let scope = try scope(head.scope)
        let online = try services.needOnline()
        let local = local(online, request)
        if head.isSameCut {
            services.onWorker(services.workers.audits, request, responder) { () throws(HeadwaterError) in
                let digest = try local.digest(head.groupID, at: head.position, scope, stop(request, responder))
                responder.respond(
                    head: AuditDigestReply.with { $0.position = head.position },
                    body: GroupDigest.encode(digest.map { [$0] } ?? [])[...])
            }
        } else {
            try services.whenApplied(
                [head.position], logID: [], in: PositionedStore(online), pool: services.workers.audits, request,
                responder
            ) { () throws(HeadwaterError) in
                let (position, digests) = try local.firstDigests(scope, stop(request, responder))
                responder.respond(
                    head: AuditDigestReply.with { $0.position = position }, body: GroupDigest.encode(digests)[...])
            }
        }
    }

    private func rows(_ request: IncomingRequest, _ responder: Responder) throws(HeadwaterError) {
        let head = try request.decode(AuditRowsRequest.self)
        let scope = try scope(head.scope)
        let local = local(try services.needOnline(), request)
        services.onWorker(services.workers.audits, request, responder) { () throws(HeadwaterError) in
            let rows = try local.rows(head.groupID, at: head.position, scope, stop(request, responder))
            try send(rows, of: head, request, responder)
        }
    }

    private func send(
        _ rows: [AuditRow], of head: AuditRowsRequest, _ request: IncomingRequest, _ responder: Responder
    ) throws(HeadwaterError) {
        var pace = ClientPace(deadline: request.deadline)
        var next = 0
        repeat {
            let start = next
            var bytes = 0
            while next < rows.count, bytes < WireLimits.dataFrameBytesTarget {
                bytes += rows[next].byteCount
                next += 1
            }
            let data = RowsData.with { $0.rowOffset = UInt64(start) }
            guard try responder.send(head: data, body: AuditRow.batch(rows[start..<next]).bytes, pace: &pace) else { return }
        } while next < rows.count
        responder.respond(
            head: RowsEnd.with {
                $0.position = head.position
                $0.rows = UInt64(rows.count)
            })
    }
}

extension AuditRow {
    /// Bytes that it takes in a batch.
    fileprivate var byteCount: Int { key.count + 48 }
}
