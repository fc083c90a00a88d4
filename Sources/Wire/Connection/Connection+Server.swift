public import FeatureModel

/// The server's half.
extension Connection {
    mutating func serverEvent(_ frame: Frame) throws(HeadwaterError) -> ConnectionEvent? {
        let header = frame.header
        guard phase != .start || (header.kind == .request && header.method == .hello) else {
            throw Self.violation("the first frame is \(header.kind), not a hello request")
        }
        guard phase != .greeting else { throw Self.violation("\(header.kind) before the reply to hello") }
        switch header.kind {
        case .request: return phase == .start ? try receivedHello(frame) : try receivedRequest(frame)
        case .data: return try receivedData(frame)
        case .credit: return try receivedCredit(header)
        case .cancel: return try receivedCancel(header)
        case .ping: return .send(FrameEncoder.encode(FrameHeader(.pong, requestID: header.requestID)))
        case .pong: return .pong(requestID: header.requestID)
        case .response, .end, .goAway: throw Self.violation("\(header.kind) from a client")
        }
    }

    private mutating func receivedHello(_ frame: Frame) throws(HeadwaterError) -> ConnectionEvent {
        guard frame.header.requestID > 0 else { throw Self.violation("request id 0") }
        let hello = try HelloRequest(decoding: frame.head)
        guard (hello.versionMin...max(hello.versionMin, hello.versionMax)).contains(UInt32(FrameHeader.version)) else {
            throw HeadwaterError(
                .unimplemented,
                "the client speaks frame versions \(hello.versionMin) to \(hello.versionMax), this server \(FrameHeader.version)")
        }
        lastRequestID = frame.header.requestID
        helloID = lastRequestID
        peerLimits = WireLimits(hello.limits)
        phase = .greeting
        return .hello(hello, requestID: helloID)
    }

    /// Opens the connection.
    ///
    /// - Returns: the reply to send, with this side's limits filled in; `nil` where no hello waits for one.
    package mutating func acceptHello(_ reply: HelloReply) -> EncodedFrame? {
        guard phase == .greeting else { return nil }
        phase = .open
        decoder.frameBytesMax = limits.frameBytesMax
        var reply = reply
        reply.version = UInt32(FrameHeader.version)
        reply.limits = ReceiveLimits(limits)
        return FrameEncoder.answer(.hello, requestID: helloID, head: reply.encode())
    }

    /// Refuses the client, after which the connection is over.
    ///
    /// - Returns: the refusal to send before closing.
    public mutating func refuseHello(_ error: HeadwaterError) -> EncodedFrame? {
        guard phase == .greeting else { return nil }
        phase = .failed
        return FrameEncoder.failure(.hello, requestID: helloID, error)
    }

    private mutating func receivedRequest(_ frame: Frame) throws(HeadwaterError) -> ConnectionEvent {
        let header = frame.header
        guard header.requestID > lastRequestID else {
            throw Self.violation("request id \(header.requestID) after \(lastRequestID): ids must rise")
        }
        lastRequestID = header.requestID
        func refuse(_ code: StatusCode, _ message: String) -> ConnectionEvent {
            .send(FrameEncoder.failure(nil, requestID: header.requestID, HeadwaterError(code, message)))
        }
        guard let method = header.method else {
            return refuse(.unimplemented, "this server does not know method \(header.methodCode): is it older than the client?")
        }
        guard method != .hello else { throw Self.violation("a second hello") }
        guard header.isEnd || method.takesData else { throw Self.violation("\(method) takes no data, yet END is not set") }
        guard !isDraining else { return refuse(.unavailable, "the server is shutting down: connect again") }
        guard exchanges.count < limits.requestsInFlightMax else {
            return refuse(.resourceExhausted, "\(exchanges.count) requests in flight on this connection: wait for answers")
        }
        guard !method.isStream || streamsOpen < limits.streamsOpenMax else {
            return refuse(.resourceExhausted, "\(streamsOpen) streams open on this connection: finish one first")
        }
        open(header.requestID, method, header)
        return .request(frame, method)
    }

    private mutating func receivedCancel(_ header: FrameHeader) throws(HeadwaterError) -> ConnectionEvent? {
        let id = header.requestID
        guard id <= lastRequestID, id > 0 else { throw Self.violation("cancel of request \(id), which was never sent") }
        guard exchanges[id] != nil, exchanges[id]?.isCancelled == false else { return nil }
        exchanges[id]?.isCancelled = true
        exchanges[id]?.clientSends = false
        return .cancelled(requestID: id)
    }

    /// Asks whether a handler's frame may be sent now; an answer frees the request's slot.
    ///
    /// - Returns: `false` where the request is over, and the frame is to be dropped.
    public mutating func admitFromServer(_ frame: EncodedFrame) -> Bool {
        guard phase == .open else { return false }
        switch frame.header.kind {
        case .response, .end: return close(frame.header.requestID) != nil
        case .data: return admitData(frame)
        default: return true
        }
    }

    /// Takes no new requests from here on; running ones finish.
    ///
    /// - Returns: the frame that tells the client; `nil` where it was told, or there is nobody to tell.
    public mutating func drain() -> EncodedFrame? {
        guard !isDraining, phase != .failed else { return nil }
        isDraining = true
        return phase == .open ? FrameEncoder.goAway(nil) : nil
    }
}
