internal import Dispatch
public import FeatureModel
internal import NIOCore
public import Wire

/// Answers one request, from any thread.
///
/// A request gets exactly one answer: `respond` or `fail`; for a stream, `send` any number of times before it. What is sent after
/// the answer is dropped. A responder that is let go without an answer answers INTERNAL, so that no request hangs.
public final class Responder: Sendable {
    private let exchange: ServerExchange

    init(_ exchange: ServerExchange) { self.exchange = exchange }

    deinit {
        if exchange.isAnswered { return }
        fail(
            exchange.isCancelled
                ? HeadwaterError(.cancelled, "the request was cancelled")
                : HeadwaterError(.internal, "the server dropped the request; this is a bug: please report it"))
    }

    public var method: Wire.Method { exchange.method }

    /// Bytes of a frame that the client takes.
    public var frameBytesMax: Int { exchange.frameBytesMax }

    /// Answers OK; ends a stream.
    ///
    /// - Parameter subject: what the request is about; asked only where somebody wants to know of it.
    package func respond(head: some Head, body: ArraySlice<UInt8> = [], subject: @autoclosure () -> String? = nil) {
        respond(encodedHead: head.encode(), body: body, subject: subject())
    }

    /// Answers OK with a head that is encoded already.
    public func respond(
        encodedHead head: [UInt8], body: ArraySlice<UInt8> = [], subject: @autoclosure () -> String? = nil
    ) {
        guard fits(head, body) else { return }
        let byteCount = FrameHeader.byteCount + head.count + body.count
        guard exchange.takeAnswer(.ok, byteCount: byteCount, subject: subject()) else { return }
        exchange.post(FrameEncoder.answer(exchange.method, requestID: exchange.requestID, head: head, body: body))
    }

    /// Answers with an error; ends a stream.
    ///
    /// - Parameter appliedPosition: how far the store had come, where a read ran out of time.
    public func fail(_ error: HeadwaterError, appliedPosition: Position? = nil) {
        let frame = FrameEncoder.failure(exchange.method, requestID: exchange.requestID, error, appliedPosition: appliedPosition)
        guard exchange.takeAnswer(error.code, byteCount: frame.byteCount, error: error) else { return }
        exchange.post(frame)
    }

    // MARK: Figures

    /// Says where the request's time goes from now on: always to one thing.
    package func waits(for wait: RequestWait) { exchange.enter(wait) }

    /// Says what the request is about: its project, and a group or a service.
    package func concerns(_ project: String, _ subject: String? = nil) { exchange.concerns(project, subject) }

    // MARK: Streams

    /// Sends one item of a stream. May be called while there is credit: see `waitForCredit` and `whenWritable`; what is sent
    /// without credit is sent all the same, and waits in memory.
    ///
    /// - Returns: `false` where nobody wants it any more: stop.
    @discardableResult
    package func send(head: some Head, body: ArraySlice<UInt8>) -> Bool {
        precondition(exchange.method.isStream, "\(exchange.method) is no stream")
        let head = head.encode()
        guard fits(head, body), exchange.takeWindow(head.count + body.count) else { return false }
        let header = FrameHeader(.data, method: exchange.method, requestID: exchange.requestID)
        return exchange.post(FrameEncoder.encode(header, head: head, body: body))
    }

    /// Bytes that the client is ready to take; an item of any size may be sent while it is above zero.
    public var credit: Int { exchange.window }

    /// Whether the client has not more of our answers to read than it
    /// should: work on further ones waits until it has, by `whenWritable`.
    public var hasRoom: Bool { exchange.hasRoom }

    /// Takes room for an answer that is yet to be made, among those of all connections.
    ///
    /// - Parameter later: called from any thread when there is room, where
    ///   there is none now; not at all where the request is cancelled first.
    /// - Returns: the room, to be kept until the answer has been given; `nil` where `later` is called.
    public func takeRoom(forAnswer bytes: Int, later: @escaping @Sendable (AnswerRoom) -> Void) -> AnswerRoom? {
        let room = exchange.room
        guard let giveUp = room.takeRoom(bytes, granted: { later(AnswerRoom(room, bytes)) }) else {
            return AnswerRoom(room, bytes)
        }
        exchange.onCancel { _ = giveUp() }
        return nil
    }

    /// Blocks this thread until there is credit. Never call it on an event loop.
    public func waitForCredit(timeout: Duration = .seconds(60)) -> CreditOutcome {
        precondition(!exchange.mailbox.eventLoop.inEventLoop, "an event loop must not block")
        return exchange.waitForWindow(until: .now() + .nanoseconds(timeout.nanoseconds))
    }

    /// Calls back once, from any thread, when there is credit, the request is over, or the server drains.
    public func whenWritable(_ callback: @escaping @Sendable () -> Void) { exchange.whenWritable(callback) }

    // MARK: Cancellation

    /// Whether nobody waits for the answer any more: the client cancelled or is gone. Cheap enough to ask in a loop.
    public var isCancelled: Bool { exchange.isCancelled }

    /// Whether the server is going down: streams that have no end of their own should end now; others may finish.
    public var isDraining: Bool { exchange.isDraining }

    /// Calls back once, from any thread, when the server begins to go down; at once where it does already.
    public func onDrain(_ callback: @escaping @Sendable () -> Void) { exchange.onDrain(callback) }

    /// Calls back once, on an event loop, when the request is cancelled; at once where it is already.
    public func onCancel(_ callback: @escaping @Sendable () -> Void) { exchange.onCancel(callback) }

    /// Fails the request where a frame would be larger than the client takes.
    private func fits(_ head: [UInt8], _ body: ArraySlice<UInt8>) -> Bool {
        let count = FrameHeader.byteCount + head.count + body.count
        guard head.count <= WireLimits.headBytesMax else {
            fail(
                HeadwaterError(
                    .resourceExhausted,
                    "the answer's list of names takes \(head.count) bytes, and \(WireLimits.headBytesMax) are allowed: ask for fewer names"
                ))
            return false
        }
        if count <= exchange.frameBytesMax { return true }
        fail(
            HeadwaterError(
                .resourceExhausted,
                "an answer of \(count) bytes; the client takes \(exchange.frameBytesMax): ask for less at once"))
        return false
    }
}

extension Duration {
    /// The duration in whole nanoseconds, clamped to 0 and `Int.max`.
    var nanoseconds: Int {
        let (seconds, attoseconds) = components
        guard seconds >= 0 else { return 0 }
        guard seconds < 1 << 32 else { return 1 << 62 }
        return max(0, Int(seconds) * 1_000_000_000 + Int(attoseconds / 1_000_000_000))
    }
}
