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
    private let round: ReadRound
    /// What was read since the last round.
    private var received = ByteBuffer()
    /// Memory for the bodies of requests that have come together.
    private var bodiesAhead: [Range<Int>] = []
    private var isReading = false
    private var isReadHeldBack = false
    private var isClosing = false
    private var hasLingered = false
    /// Whether we are told when the kernel has taken what was flushed.
    private var isNoticeDue = false
    private var noticeNumber = 0
    private var isInRound = false
    /// Output of one connection in one round, after which the rest of what it asked for waits for the next.
    private static let gatheredBytesMax = 1 << 20
    /// Bytes flushed after which we ask whether the kernel has taken them.
    private static let unsettledBytesMax = 256 << 10
    private var hasEnded = false

    init(
        handler: any RequestHandler, options: ServerOptions, registry: ConnectionRegistry, round: ReadRound,
        eventLoop: any EventLoop
    ) {
        self.handler = handler
        self.round = round
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
        // What came before the end counts.
        if context != nil { takeReceived() }
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
        guard immediate != nil else {
            isReading = true
            return take(&buffer)
        }
        if received.readableBytes > 0 { received.writeBuffer(&buffer) } else { received = buffer }
        joinRound()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        // Where a round is to come, all answers leave at its end.
        if immediate == nil { finishReading() }
        context.fireChannelReadComplete()
    }

    /// Takes all that has come.
    private func take(_ buffer: inout ByteBuffer) {
        guard buffer.readableBytes > 0, let bytes = buffer.readBytes(length: buffer.readableBytes) else {
            // Nothing to be timed: most reads are of whole requests.
            if watch.frameSince == nil { return }
            return watch.received(insideFrame: connection.isInsideFrame, at: .now())
        }
        connection.receive(bytes[...])
        while let event = connection.nextEvent() { perform(event) }
        watch.received(insideFrame: connection.isInsideFrame, at: .now())
    }

    private func finishReading() {
        isReading = false
        readMailbox()
        armWatch()
    }

    // MARK: Rounds

    private func joinRound() {
        guard !isInRound else { return }
        isInRound = true
        round.add(self)
    }

    /// Takes what waits for a round, as no round may come any more.
    private func takeReceived() {
        var buffer = ByteBuffer()
        swap(&buffer, &received)
        if !isClosing { take(&buffer) }
    }

    /// Looks at what has come, before any connection of the round is answered.
    func beginRound() {
        bodiesAhead.removeAll(keepingCapacity: true)
        guard let immediate, !isClosing, !isOverloaded else { return }
        let buffer = received
        look(at: buffer.readableBytesSpan, immediate)
    }

    private func look(at bytes: RawSpan, _ handler: any ImmediateHandler) {
        connection.bodiesAhead(bytes, method: handler.method, into: &bodiesAhead)
        if !bodiesAhead.isEmpty { handler.begin(bytes, bodies: bodiesAhead) }
    }

    /// Starts to load what the requests of all connections of the round will touch.
    func loadAhead() { immediate?.loadAhead() }

    /// Takes all that has come.
    ///
    /// - Returns: bytes of output gathered.
    func answerRound() -> Int {
        isInRound = false
        // While too much waits, the rest waits too: `resumeReading` comes back to it.
        guard let immediate, !isClosing, !isOverloaded else { return 0 }
        isReading = true
        var buffer = ByteBuffer()
        swap(&buffer, &received)
        if !bodiesAhead.isEmpty {
            let taken = answerAtOnce(buffer.readableBytesSpan, immediate)
            buffer.moveReaderIndex(forwardBy: taken)
        }
        if output.gatheredBytes >= Self.gatheredBytesMax, buffer.readableBytes > 0 {
            // Enough for one round.
            received = buffer
            joinRound()
        } else {
            take(&buffer)
        }
        return output.gatheredBytes
    }

    /// Sends the answers.
    func sendRound() { if isReading { finishReading() } }

    /// All connections of the round have been answered.
    func endRound() { immediate?.end() }

    /// Answers the requests at the front of what has come that need not be opened, cancelled or waited for.
    ///
    /// - Returns: bytes of those requests.
    private func answerAtOnce(_ bytes: RawSpan, _ handler: any ImmediateHandler) -> Int {
        var taken = 0
        var output = OutputQueue()
        swap(&output, &self.output)
        defer { swap(&output, &self.output) }
        output.use(&round.buffers)
        while output.gatheredBytes < Self.gatheredBytesMax,
            let request = connection.requestToAnswerAtOnce(bytes, at: taken, method: handler.method),
            handler.answer(
                request.header, head: bytes.extracting(request.head), body: bytes.extracting(request.body),
                frameBytesMax: connection.peerLimits.frameBytesMax, into: &output)
        {
            connection.answeredAtOnce(request.header)
            taken = request.end
        }
        return taken
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
        if received.readableBytes > 0, !isOverloaded { joinRound() }
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
                takeReceived()
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
        guard let context, let buffer = output.take() else { return }
        context.writeAndFlush(NIOAny(buffer), promise: nil)
        round.buffers.give(buffer)
        watch.hasUnsettledOutput = true
        if output.waitingBytes > 4 * options.outputBytesMax { return context.close(promise: nil) }
        if output.waitingBytes >= Self.unsettledBytesMax || isClosing { settle() } else { armWatch() }
    }

    /// Finds out whether the kernel has taken what was flushed. Not after each flush: asking costs as much as a tenth of a small answer.
    func settle() {
        guard let context, watch.hasUnsettledOutput else { return }
        if context.hasWrittenAll {
            // A notice that comes later has nothing to tell.
            noticeNumber += 1
            isNoticeDue = false
            return wrote(output.flushedBytes)
        }
        watch.outputWaits(at: .now())
        armWatch()
        guard !isNoticeDue else { return }
        isNoticeDue = true
        noticeNumber += 1
        let (count, number) = (output.flushedBytes, noticeNumber)
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        context.whenWritten { bound.value.noticed(count, number) }
    }

    private func noticed(_ byteCount: Int, _ number: Int) {
        guard number == noticeNumber else { return }
        isNoticeDue = false
        wrote(byteCount)
        // What was flushed since may be gone too, and somebody may wait for that.
        if isClosing || isReadHeldBack || output.flushedBytes >= Self.unsettledBytesMax { settle() }
    }

    private func wrote(_ byteCount: Int) {
        output.written(byteCount)
        watch.hasUnsettledOutput = output.flushedBytes > 0
        if watch.outputSince != nil { watch.outputMoved(isEmpty: !watch.hasUnsettledOutput, at: .now()) }
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
        if output.waitingBytes == 0 { linger() } else { settle() }
    }

    /// Closes our half, and soon the rest: closing at once with unread input would reset the connection, and the client
    /// would not read our last words.
    private func linger() {
        guard let context, !hasLingered else { return }
        hasLingered = true
        context.close(mode: .output, promise: nil)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: .milliseconds(250)) { bound.value.close(promise: nil) }
    }
}
