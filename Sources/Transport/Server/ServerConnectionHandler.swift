internal import FeatureModel
internal import NIOCore
internal import Wire

/// One connection of the server, on its event loop: performs what the `Connection` says, and knows nothing of meaning.
final class ServerConnectionHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = Never
    typealias OutboundOut = ByteBuffer

    /// One open request.
    private struct Open {
        let exchange: ServerExchange
        let inbound: InboundStream?
    }

    // All state belongs to the event loop.
    let options: ServerOptions
    let mailbox: Mailbox<ServerMessage>
    private let handler: any RequestHandler
    private let registry: ConnectionRegistry
    private let connectionID: UInt64
    private let immediate: (any ImmediateHandler)?
    var connection: Connection
    var context: ChannelHandlerContext?
    var output = OutputQueue()
    var watch = ConnectionWatch()
    private var hello = HelloRequest()
    private var requests: [UInt64: Open] = [:]
    private var isReading = false
    private var isReadHeldBack = false
    private var isClosing = false
    private var hasEnded = false

    init(handler: any RequestHandler, options: ServerOptions, registry: ConnectionRegistry, eventLoop: any EventLoop) {
        self.handler = handler
        self.options = options
        self.registry = registry
        mailbox = Mailbox(eventLoop: eventLoop)
        connectionID = registry.nextID()
        immediate = handler.immediateHandler(connectionID: connectionID, eventLoop: eventLoop)
        connection = Connection(.server, limits: options.limits)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        mailbox.open { bound.value.readMailbox() }
    }

    func channelActive(context: ChannelHandlerContext) {
        if registry.add(mailbox, id: connectionID) {
            watch.began(at: .now())
            armWatch()
        } else {
            fail(HeadwaterError(.resourceExhausted, "\(options.connectionsMax) connections are open: close some"))
        }
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        disconnect()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        disconnect()
        self.context = nil
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func disconnect() {
        _ = connection.fail(HeadwaterError(.unavailable, "the client is gone"))
        cancelAll()
        _ = mailbox.close()
        registry.remove(id: connectionID)
        guard !hasEnded else { return }
        hasEnded = true
        handler.ended(connectionID: connectionID)
    }

    // MARK: Reading

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        guard !isClosing else { return }
        isReading = true
        if let immediate {
            let taken = answerAtOnce(buffer.readableBytesSpan, immediate)
            buffer.moveReaderIndex(forwardBy: taken)
        }
        if buffer.readableBytes > 0, let bytes = buffer.readBytes(length: buffer.readableBytes) {
            connection.receive(bytes[...])
            while let event = connection.nextEvent() { perform(event) }
        } else if watch.frameSince == nil {
            // Nothing to be timed: most reads are of whole requests.
            return
        }
        watch.received(insideFrame: connection.isInsideFrame, at: .now())
    }

    /// Answers the requests at the front of what has come that need not be opened, cancelled or waited for.
    ///
    /// - Returns: bytes of those requests.
    private func answerAtOnce(_ bytes: RawSpan, _ handler: any ImmediateHandler) -> Int {
        var taken = 0
        while let request = connection.requestToAnswerAtOnce(bytes, at: taken, method: handler.method),
            handler.answer(
                request.header, head: bytes.extracting(request.head), body: bytes.extracting(request.body),
                frameBytesMax: connection.peerLimits.frameBytesMax, into: &output)
        {
            connection.answeredAtOnce(request.header)
            taken = request.end
        }
        return taken
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isReading = false
        readMailbox()
        armWatch()
        context.fireChannelReadComplete()
    }

    /// Holds reading back while this connection has too much output or work waiting.
    func read(context: ChannelHandlerContext) {
        isReadHeldBack = isOverloaded
        if !isReadHeldBack { context.read() }
    }

    var isOverloaded: Bool {
        output.waitingBytes > options.outputBytesMax || connection.requestBytesInFlight > options.requestBytesMax
    }

    private func resumeReading() {
        guard isReadHeldBack, !isOverloaded, let context else { return }
        isReadHeldBack = false
        watch.received(insideFrame: connection.isInsideFrame, at: .now())
        context.read()
    }

    private func perform(_ event: ConnectionEvent) {
        switch event {
        case .hello(let hello, _): greet(hello)
        case .request(let frame, let method): start(frame, method)
        case .data(let frame): requests[frame.header.requestID]?.inbound?.receive(frame)
        case .cancelled(let id):
            requests[id]?.exchange.cancel()
            requests[id]?.inbound?.close()
        case .credit(let id, let bytes): requests[id]?.exchange.grant(bytes)
        case .send(let frame): output.append(frame)
        case .failed(let error): closeFailed(error)
        case .pong, .helloDone, .answered, .goAway: break
        }
    }

    private func greet(_ hello: HelloRequest) {
        do throws(HeadwaterError) {
            let reply = try handler.hello(hello, from: context?.channel.remoteAddress?.description ?? "unknown")
            self.hello = hello
            watch.greeted()
            if let frame = connection.acceptHello(reply) { output.append(frame) }
        } catch {
            if let frame = connection.refuseHello(error) { output.append(frame) }
            closeAfterFlush()
        }
    }

    private func start(_ frame: Frame, _ method: Wire.Method) {
        let header = frame.header
        let exchange = ServerExchange(
            requestID: header.requestID, method: method, peer: connection.peerLimits, mailbox: mailbox)
        let inbound =
            method.takesData ? InboundStream(requestID: header.requestID, mailbox: mailbox, isEnded: header.isEnd) : nil
        requests[header.requestID] = Open(exchange: exchange, inbound: inbound)
        let deadline: ContinuousClock.Instant? =
            header.budgetMilliseconds == 0 ? nil : .now + .milliseconds(Int(header.budgetMilliseconds))
        let request = IncomingRequest(
            hello: hello, connectionID: connectionID, method: method, head: frame.head, body: frame.body,
            extensionBytes: frame.extensionBytes, deadline: deadline, inbound: inbound)
        handler.handle(request, Responder(exchange))
    }

    // MARK: Writing

    /// Sends what other threads, or handlers during this read, have posted.
    private func readMailbox() {
        // During a read everything waits for its end, so that all answers leave in one write.
        guard !isReading else { return }
        for message in mailbox.take() {
            switch message {
            case .frame(let frame): send(frame)
            case .consumed(let id, let bytes):
                if let frame = connection.consumed(bytes, requestID: id) { output.append(frame) }
            case .drain:
                guard !connection.isDraining else { continue }
                if let frame = connection.drain() { output.append(frame) }
                for open in requests.values { open.exchange.drain() }
            case .close: context?.close(promise: nil)
            }
        }
        flush()
        if connection.isDraining && connection.requestsInFlight == 0 { closeAfterFlush() }
        resumeReading()
    }

    private func send(_ frame: EncodedFrame) {
        guard connection.admitFromServer(frame) else { return }
        if frame.header.kind != .data { requests[frame.header.requestID] = nil }
        output.append(frame)
    }

    private func flush() {
        guard let context else { return }
        if let buffer = output.take() {
            let count = buffer.readableBytes
            context.writeAndFlush(NIOAny(buffer), promise: nil)
            // A promise for each write would cost more than to ask whether one is needed.
            if context.hasWrittenAll { wrote(count) } else { notifyWhenWritten(count, context) }
        }
        if output.waitingBytes > 4 * options.outputBytesMax {
            context.close(promise: nil)
        } else if output.waitingBytes > 0 {
            watch.outputWaits(at: .now())
            armWatch()
        }
    }

    private func notifyWhenWritten(_ byteCount: Int, _ context: ChannelHandlerContext) {
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        context.whenWritten { bound.value.wrote(byteCount) }
    }

    private func wrote(_ byteCount: Int) {
        output.written(byteCount)
        if output.waitingBytes > 0 || watch.outputSince != nil {
            watch.outputMoved(isEmpty: output.waitingBytes == 0, at: .now())
        }
        if isClosing && output.waitingBytes == 0 { linger() } else { resumeReading() }
    }

    // MARK: Ending

    /// Ends the connection, and tells the client why.
    func fail(_ error: HeadwaterError) {
        perform(connection.fail(error))
        flush()
    }

    private func closeFailed(_ error: HeadwaterError) {
        output.append(FrameEncoder.goAway(error))
        cancelAll()
        closeAfterFlush()
    }

    private func cancelAll() {
        let open = requests.values
        requests = [:]
        for request in open {
            request.exchange.cancel()
            request.inbound?.close()
        }
    }

    private func closeAfterFlush() {
        guard !isClosing else { return }
        isClosing = true
        if !isReading { flush() }
        if output.waitingBytes == 0 { linger() }
    }

    /// Closes our half, and soon the rest: closing at once with unread input would reset the connection, and the client
    /// would not read our last words.
    private func linger() {
        guard let context else { return }
        context.close(mode: .output, promise: nil)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: .milliseconds(250)) { bound.value.close(promise: nil) }
    }
}
