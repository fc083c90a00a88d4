internal import FeatureModel
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
        activity.setBusy(true)
        let exchange = ServerExchange(
            requestID: header.requestID, method: method, peer: connection.peerLimits, mailbox: mailbox, room: memory.room,
            figures: figures, began: loop.turnBegan)
        let inbound =
            method.takesData ? InboundStream(requestID: header.requestID, mailbox: mailbox, isEnded: header.isEnd) : nil
        requests.add(exchange, inbound)
        let deadline: ContinuousClock.Instant? =
            header.budgetMilliseconds == 0 ? nil : .now + .milliseconds(Int(header.budgetMilliseconds))
        let request = IncomingRequest(
            hello: hello, connectionID: connectionID, method: method, head: frame.head, body: frame.body,
            extensionBytes: frame.extensionBytes, deadline: deadline, inbound: inbound)
        handler.handle(request, Responder(exchange))
    }
}
