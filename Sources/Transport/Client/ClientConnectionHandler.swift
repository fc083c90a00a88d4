internal import FeatureModel
internal import NIOCore
internal import Wire

/// One connection of a client, on its event loop: performs what the `Connection` says.
final class ClientConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private struct Open {
        let sink: any ReplySink
        let timer: Scheduled<Void>?
    }

    // All state belongs to the event loop.
    private let mailbox: Mailbox<ClientMessage>
    private let request: HelloRequest
    private let endpoint: Endpoint
    private let helloDone: EventLoopPromise<(HelloReply, WireLimits)>
    private var connection: Connection
    private var context: ChannelHandlerContext?
    /// Frames gathered since the last flush.
    private var output = ByteBuffer()
    private var requests: [UInt64: Open] = [:]
    private var isReading = false
    private var isClosing = false
    private var wasConnected = false
    private var isGreeted = false
    /// The first bytes that came, until the server has answered our hello.
    private var firstBytes: [UInt8] = []

    init(
        _ request: HelloRequest, to endpoint: Endpoint, options: ClientOptions, mailbox: Mailbox<ClientMessage>,
        helloDone: EventLoopPromise<(HelloReply, WireLimits)>
    ) {
        self.request = request
        self.endpoint = endpoint
        self.mailbox = mailbox
        self.helloDone = helloDone
        connection = Connection(.client, limits: options.limits)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        mailbox.open { bound.value.readMailbox() }
    }

    func channelActive(context: ChannelHandlerContext) {
        wasConnected = true
        output.append(connection.hello(request))
        flush()
    }

    func channelInactive(context: ChannelHandlerContext) {
        end(lost("the server closed the connection: is it running? Connect again"))
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        end(HeadwaterError(.unavailable, "the connection is closed"))
        self.context = nil
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        end(lost("the connection broke: \(error)"))
        context.close(promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        guard !isClosing, let bytes = buffer.readBytes(length: buffer.readableBytes) else { return }
        isReading = true
        if !isGreeted { firstBytes += bytes.prefix(StrangeServer.bytesMax - firstBytes.count) }
        connection.receive(bytes[...])
        while let event = connection.nextEvent() { perform(event) }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isReading = false
        readMailbox()
    }

    private func perform(_ event: ConnectionEvent) {
        switch event {
        case .helloDone(let reply):
            isGreeted = true
            helloDone.succeed((reply, connection.peerLimits))
        case .data(let frame): requests[frame.header.requestID]?.sink.received(frame)
        case .answered(let frame):
            guard let open = requests.removeValue(forKey: frame.header.requestID) else { return }
            open.timer?.cancel()
            open.sink.finish(frame.error.map { .failure($0) } ?? .success(Reply(head: frame.head, body: frame.body)))
        case .credit(let id, let bytes): requests[id]?.sink.granted(bytes)
        case .send(let frame): output.append(frame)
        case .failed(let error):
            end(isGreeted ? error : StrangeServer.error(endpoint, firstBytes) ?? error)
            context?.close(promise: nil)
        case .goAway, .pong, .hello, .request, .cancelled: break
        }
    }

    private func readMailbox() {
        guard !isReading else { return }
        for message in mailbox.take() {
            switch message {
            case .request(let request): start(request)
            case .data(let ticket, let body, let isEnd):
                if let id = ticket.id, let frame = connection.data(body, requestID: id, isEnd: isEnd) { output.append(frame) }
            case .consumed(let ticket, let bytes):
                if let id = ticket.id, let frame = connection.consumed(bytes, requestID: id) { output.append(frame) }
            case .cancel(let ticket):
                if let id = ticket.id { giveUp(id, HeadwaterError(.cancelled, "the request was cancelled")) }
            case .close:
                end(HeadwaterError(.cancelled, "the client closed the connection"))
                context?.close(promise: nil)
            }
        }
        flush()
    }

    private func start(_ request: ClientRequest) {
        do throws(HeadwaterError) {
            guard !request.ticket.isCancelled else { throw HeadwaterError(.cancelled, "the request was cancelled") }
            let milliseconds = request.budget.map { UInt32(clamping: max(1, $0.nanoseconds / 1_000_000)) } ?? 0
            let frame = try connection.request(
                request.method, head: request.head, extensionBytes: request.trace?.extensionBytes ?? [], body: request.body,
                budgetMilliseconds: milliseconds, isEnd: request.isEnd)
            let id = frame.header.requestID
            request.ticket.sent(as: id)
            requests[id] = Open(sink: request.sink, timer: request.budget.flatMap { timer($0, id) })
            output.append(frame)
        } catch {
            request.sink.finish(.failure(error))
        }
    }

    private func timer(_ budget: Duration, _ id: UInt64) -> Scheduled<Void>? {
        guard let context else { return nil }
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        // The server answers at the deadline, and knows more: how far it had come. Give its answer time to arrive.
        let grace = max(500_000_000, budget.nanoseconds / 10)
        return context.eventLoop.scheduleTask(in: .nanoseconds(Int64(min(budget.nanoseconds, 1 << 61) + grace))) {
            bound.value.giveUp(id, HeadwaterError(.deadlineExceeded, "no answer within \(budget)"))
            bound.value.flush()
        }
    }

    /// Ends one request from our side; the server is told, and its late answer is dropped.
    private func giveUp(_ id: UInt64, _ error: HeadwaterError) {
        if let frame = connection.cancel(requestID: id) { output.append(frame) }
        guard let open = requests.removeValue(forKey: id) else { return }
        open.timer?.cancel()
        open.sink.finish(.failure(error))
    }

    private func flush() {
        guard let context else { return }
        guard output.readableBytes > 0 else { return }
        context.writeAndFlush(NIOAny(output), promise: nil)
        output = ByteBuffer()
    }

    private func lost(_ how: String) -> HeadwaterError {
        isGreeted ? HeadwaterError(.unavailable, how) : Self.closedEarly(endpoint)
    }

    static func closedEarly(_ endpoint: Endpoint) -> HeadwaterError {
        HeadwaterError(
            .unavailable,
            "\(endpoint) closed the connection before it answered: it is not a Headwater server, or one that is stopping")
    }

    /// Fails everything that waits.
    private func end(_ error: HeadwaterError) {
        guard !isClosing else { return }
        isClosing = true
        _ = connection.fail(error)
        // Where there was no connection, the caller that tried to connect knows the reason and reports it.
        if wasConnected { helloDone.fail(error) }
        let open = requests.values
        requests = [:]
        for request in open {
            request.timer?.cancel()
            request.sink.finish(.failure(error))
        }
        for case .request(let request) in mailbox.close() { request.sink.finish(.failure(error)) }
    }
}
