public import FeatureModel

/// The client's half.
extension Connection {
    /// The first frame, with this side's limits filled in.
    ///
    /// - Precondition: nothing was sent yet.
    package mutating func hello(_ request: HelloRequest) -> EncodedFrame {
        precondition(side == .client && phase == .start, "hello comes first, and once")
        var request = request
        request.limits = ReceiveLimits(limits)
        phase = .greeting
        lastRequestID = 1
        helloID = 1
        var header = FrameHeader(.request, method: .hello, requestID: helloID)
        header.isEnd = true
        return FrameEncoder.encode(header, head: request.encode(), extensionBytes: Self.lineEnd)
    }

    /// The extension of a hello, an entry `eol` of two line ends: a server of another protocol that waits for a line, such as
    /// HTTP's, answers at once then, and not when one of both has waited long enough.
    private static let lineEnd: [UInt8] = [3, 0, 4, 0] + Array("eol\r\n\r\n".utf8)

    /// Opens a request.
    ///
    /// - Parameters:
    ///   - extensionBytes: metadata of the request, such as its trace.
    ///   - isEnd: no data follows; must be true but for methods that take data.
    /// - Throws: `.unavailable` where the connection takes no requests, `.resourceExhausted` above the server's limits.
    public mutating func request(
        _ method: Method, head: [UInt8], extensionBytes: [UInt8] = [], body: ArraySlice<UInt8> = [],
        budgetMilliseconds: UInt32 = 0, isEnd: Bool = true
    ) throws(HeadwaterError) -> EncodedFrame {
        precondition(side == .client && (isEnd || method.takesData))
        guard phase == .open else { throw HeadwaterError(.unavailable, "the connection is not open: connect again") }
        guard !isDraining else { throw HeadwaterError(.unavailable, "the server is shutting down: connect again") }
        guard exchanges.count < peerLimits.requestsInFlightMax else {
            throw HeadwaterError(.resourceExhausted, "\(exchanges.count) requests in flight on this connection: wait for answers")
        }
        guard !method.isStream || streamsOpen < peerLimits.streamsOpenMax else {
            throw HeadwaterError(.resourceExhausted, "\(streamsOpen) streams open on this connection: finish one first")
        }
        let byteCount = FrameHeader.byteCount + head.count + extensionBytes.count + body.count
        guard head.count <= WireLimits.headBytesMax else {
            throw HeadwaterError(
                .resourceExhausted,
                "the request's list of names takes \(head.count) bytes, and \(WireLimits.headBytesMax) are allowed: name fewer at once"
            )
        }
        guard byteCount <= peerLimits.frameBytesMax else {
            throw HeadwaterError(
                .resourceExhausted,
                "a request of \(byteCount) bytes; the server takes \(peerLimits.frameBytesMax): send smaller batches")
        }
        lastRequestID += 1
        var header = FrameHeader(.request, method: method, requestID: lastRequestID)
        header.budgetMilliseconds = budgetMilliseconds
        header.isEnd = isEnd
        let frame = FrameEncoder.encode(header, head: head, extensionBytes: extensionBytes, body: body)
        open(lastRequestID, method, frame.header)
        return frame
    }

    /// A data frame of a request's own stream.
    ///
    /// - Returns: `nil` where the request is over or has sent its END.
    public mutating func data(_ body: ArraySlice<UInt8>, requestID: UInt64, isEnd: Bool) -> EncodedFrame? {
        guard let exchange = exchanges[requestID] else { return nil }
        var header = FrameHeader(.data, method: exchange.method, requestID: requestID)
        header.isEnd = isEnd
        let frame = FrameEncoder.encode(header, body: body)
        return admitData(frame) ? frame : nil
    }

    /// Gives a request up. Its slot is free when the server has answered; events for it have ended.
    ///
    /// - Returns: the frame that tells the server; `nil` where the request is over.
    public mutating func cancel(requestID: UInt64) -> EncodedFrame? {
        guard let exchange = exchanges[requestID], !exchange.isCancelled else { return nil }
        exchanges[requestID]?.isCancelled = true
        exchanges[requestID]?.clientSends = false
        return FrameEncoder.encode(FrameHeader(.cancel, method: exchange.method, requestID: requestID))
    }

    public func ping(_ number: UInt64) -> EncodedFrame { FrameEncoder.encode(FrameHeader(.ping, requestID: number)) }

    mutating func clientEvent(_ frame: Frame) throws(HeadwaterError) -> ConnectionEvent? {
        let header = frame.header
        switch header.kind {
        case .goAway:
            if let error = frame.error { throw error }
            isDraining = true
            return .goAway
        case .ping: return .send(FrameEncoder.encode(FrameHeader(.pong, requestID: header.requestID)))
        case .pong: return .pong(requestID: header.requestID)
        case .request, .cancel: throw Self.violation("\(header.kind) from a server")
        case .response where phase == .greeting: return try receivedHelloReply(frame)
        case .response, .end, .data, .credit:
            guard phase == .open else { throw Self.violation("\(header.kind) before the reply to hello") }
        }
        switch header.kind {
        case .data: return try receivedData(frame)
        case .credit: return try receivedCredit(header)
        default: return try receivedAnswer(frame)
        }
    }

    private mutating func receivedHelloReply(_ frame: Frame) throws(HeadwaterError) -> ConnectionEvent {
        guard frame.header.requestID == helloID else { throw Self.violation("the first answer is not that of hello") }
        if let error = frame.error { throw error }
        let reply = try HelloReply(decoding: frame.head)
        guard reply.version == UInt32(FrameHeader.version) else {
            throw HeadwaterError(.unimplemented, "the server chose frame version \(reply.version), which was not offered")
        }
        peerLimits = WireLimits(reply.limits)
        decoder.frameBytesMax = limits.frameBytesMax
        phase = .open
        return .helloDone(reply)
    }

    private mutating func receivedAnswer(_ frame: Frame) throws(HeadwaterError) -> ConnectionEvent? {
        let id = frame.header.requestID
        guard let exchange = close(id) else { throw Self.violation("an answer to request \(id), which is not open") }
        let isRefusal = frame.header.kind == .response && frame.header.status != .ok
        guard isRefusal || (frame.header.kind == .end) == exchange.method.isStream else {
            throw Self.violation("\(frame.header.kind) for \(exchange.method)")
        }
        return exchange.isCancelled ? nil : .answered(frame)
    }
}
