import FeatureModel
import NIOCore
import NIOHTTP1

/// Ends connections whose client keeps them waiting: that send a request's head or body too slowly, or do not read the answer.
///
/// What it reckons is the time in which this side waits for the client: a request that is worked on, or a body that is not taken
/// yet, costs the client nothing.
final class SlowClients: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    struct Limits {
        /// Between two requests, and before the first.
        var idle = TimeAmount.seconds(75)
        /// From the first byte of a head to its last.
        var head = TimeAmount.seconds(10)
        /// For a body, or for reading an answer, beside what its bytes take.
        var patience = TimeAmount.seconds(30)
        var bytesPerSecondMin = 64 << 10
    }

    /// Between requests, in the bytes of a head, or from a head to the end of body and answer.
    private enum Phase: Equatable { case idle, head, request }

    private static let interval = TimeAmount.seconds(1)

    private let limits: Limits
    private var phase = Phase.idle
    private var phaseBegan = NIODeadline.uptimeNanoseconds(0)
    private var isRequestComing = false
    /// Requests whose answer has not gone out whole: with pipelining the next head may come before.
    private var answersDue = 0
    private var answersSent = 0
    private var waiting: [(count: Int, promise: EventLoopPromise<Void>)] = []
    /// Since when this side waits for bytes of a body.
    private var waitsSince: NIODeadline?
    /// Whether the channel takes no more bytes before the client makes room.
    private var isFull = false
    /// Answers that were handed over to their last byte, and have not gone out: the channel is seldom full of their ends.
    private var endsDue = 0
    /// Since when the client has not made room for what is to be sent.
    private var unsentSince: NIODeadline?
    /// Time waited for the client in this phase, and bytes that moved in it.
    private var waited = TimeAmount.zero
    private var movedBytes = 0
    private var timer: RepeatedTask?
    private var loop: (any EventLoop)?
    private var now: NIODeadline { loop?.now ?? .now() }

    init(_ limits: Limits = Limits()) { self.limits = limits }

    func channelActive(context: ChannelHandlerContext) {
        loop = context.eventLoop
        begin(.idle)
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleRepeatedTask(initialDelay: Self.interval, delay: Self.interval) { _ in
            let (handler, context) = bound.value
            handler.look(context)
        }
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        wake { _ in true }
        timer?.cancel()
        timer = nil
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
        wake { _ in true }
    }

    // MARK: What the connection tells

    /// A head has come whole.
    func headCame() {
        answersDue += 1
        isRequestComing = true
        begin(.request)
    }

    /// The request has come whole.
    func requestCame() {
        isRequestComing = false
        (waitsSince, waited) = (nil, .zero)
        settle()
    }

    /// Succeeds when so many answers of this connection have gone out to their last byte, as closing before would cut them, and
    /// when the connection is gone.
    func sent(_ count: Int, on loop: any EventLoop) -> EventLoopFuture<Void> {
        guard answersSent < count, timer != nil else { return loop.makeSucceededVoidFuture() }
        let promise = loop.makePromise(of: Void.self)
        waiting.append((count, promise))
        return promise.futureResult
    }

    /// An answer is handed over to its last byte.
    func answerEnds() {
        endsDue += 1
        noteUnsent()
    }

    /// An answer has gone out to its last byte, or never will.
    func answered() {
        endsDue -= 1
        noteUnsent()
        answersDue -= 1
        answersSent += 1
        wake { $0 <= answersSent }
        settle()
    }

    private func wake(_ isDue: (Int) -> Bool) {
        let due = waiting.filter { isDue($0.count) }
        waiting.removeAll { isDue($0.count) }
        for one in due { one.promise.succeed() }
    }

    private func settle() { if answersDue == 0, !isRequestComing { begin(.idle) } }

    private func begin(_ next: Phase) {
        (phase, phaseBegan) = (next, now)
        (waitsSince, waited, movedBytes) = (nil, .zero, 0)
    }

    // MARK: Bytes

    func read(context: ChannelHandlerContext) {
        if isRequestComing, waitsSince == nil { waitsSince = now }
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if phase == .idle { begin(.head) }
        movedBytes += unwrapInboundIn(data).readableBytes
        if let since = waitsSince { waited = waited + (now - since) }
        waitsSince = nil
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        movedBytes += unwrapOutboundIn(data).readableBytes
        context.write(data, promise: promise)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        isFull = !context.channel.isWritable
        noteUnsent()
        context.fireChannelWritabilityChanged()
    }

    private func noteUnsent() {
        if isFull || endsDue > 0 {
            unsentSince = unsentSince ?? now
        } else if let since = unsentSince {
            waited = waited + (now - since)
            unsentSince = nil
        }
    }

    // MARK: Looks

    private func look(_ context: ChannelHandlerContext) {
        let now = now
        let isOver =
            switch phase {
            case .idle: now - phaseBegan > limits.idle
            case .head: now - phaseBegan > limits.head
            case .request:
                waited + (waitsSince.map { now - $0 } ?? .zero) + (unsentSince.map { now - $0 } ?? .zero) > patience
            }
        if isOver { context.close(promise: nil) }
    }

    private var patience: TimeAmount {
        limits.patience + .milliseconds(Int64(movedBytes) * 1_000 / Int64(limits.bytesPerSecondMin))
    }
}

/// Tells a connection's `SlowClients` where in a request it is.
final class SlowClientsMarks: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private let clients: SlowClients

    init(_ clients: SlowClients) { self.clients = clients }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head: clients.headCame()
        case .end: clients.requestCame()
        case .body: break
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .end = unwrapOutboundIn(data) else { return context.write(data, promise: promise) }
        let gone = promise ?? context.eventLoop.makePromise()
        let bound = NIOLoopBound(clients, eventLoop: context.eventLoop)
        gone.futureResult.whenComplete { _ in bound.value.answered() }
        clients.answerEnds()
        context.write(data, promise: gone)
    }
}
