internal import FeatureModel
internal import NIOCore
internal import Wire

extension ServerConnection {
    func perform(_ event: ConnectionEvent) {
        switch event {
        case .hello(let hello, _): greet(hello)
        case .request(let frame, let method): start(frame, method)
        case .data(let frame):
            requests.received(frame.header)?.receive(frame)
            refuseDataWhereMemoryIsShort(frame.header.requestID)
        case .cancelled(let id):
            requests.exchange(id)?.cancel()
            requests.inbound(id)?.close()
        case .credit(let id, let bytes): requests.exchange(id)?.grant(bytes)
        case .send(let frame): output.append(frame)
        case .failed(let error): closeFailed(error)
        case .pong, .helloDone, .answered, .goAway: break
        }
    }
    func greet(_ hello: HelloRequest) {
        do throws(HeadwaterError) {
            let reply = try handler.hello(hello)
            try registry.admit(mailbox, id: connectionID, ConnectionPeer(of: socket), activity)
            activity.greeted(ClientIdentity(hello, PeerAddress(of: socket)))
            self.hello = hello
            watch.greeted()
            if let frame = connection.acceptHello(reply) { output.append(frame) }
        } catch {
            if let frame = connection.refuseHello(error) { output.append(frame) }
            closeAfterFlush()
        }
    }

    func start(_ frame: Frame, _ method: Wire.Method) {
        let header = frame.header
        let trace = TraceContext(extension: frame.extensionBytes)
        let exchange = ServerExchange(
            header, method: method, peer: connection.peerLimits, mailbox: mailbox, room: memory.room, activity: activity,
            trace: trace, began: loop.turnBegan)
        let inbound = method.takesData ? InboundStream(exchange, isEnded: header.isEnd) : nil
        requests.add(exchange, inbound)
        activity.came(1)
        activity.setInFlight(requests.count)
        let deadline: ContinuousClock.Instant? =
            header.budgetMilliseconds == 0 ? nil : .now + .milliseconds(Int(header.budgetMilliseconds))
        let request = IncomingRequest(
            hello: hello, connectionID: connectionID, method: method, head: frame.head, body: frame.body,
            trace: trace, deadline: deadline, inbound: inbound)
        handler.handle(request, Responder(exchange))
    }
    /// Notes requests that were answered at once, by the time of all of them together.
    func noteTogether(
        _ count: Int, _ method: Wire.Method, bytes: Int, sentBytes: Int, nanoseconds: Int64, now: NIODeadline
    ) {
        var waits = SlowReport.Waits()
        waits.work = nanoseconds / 1_000
        var report = SlowReport.Request(
            method: method.plainName, status: StatusCode.ok.name, endedAt: SystemClock().now(), microseconds: waits.work,
            waits: waits, receivedBytes: bytes, sentBytes: sentBytes)
        report.together = count
        activity.describe(&report)
        activity.figures.slow.ended(EndedRequest(report), method, .ok, nanoseconds: nanoseconds, now: now)
    }
}
