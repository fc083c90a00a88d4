package import FeatureModel
package import NIOCore
public import Wire

/// Handles the requests of a server's connections: the seam between sockets and their meaning.
///
/// All methods run on an event loop that serves many connections: they must not block. Short work may be done in place;
/// long work goes to another thread and takes the responder with it.
package protocol RequestHandler: Sendable {
    /// Checks a client's hello. The limits in the reply are filled in by the transport.
    ///
    /// - Throws: what the client is refused with.
    func hello(_ hello: HelloRequest) throws(HeadwaterError) -> HelloReply

    /// Starts work on a request. It must end in one answer by the responder.
    func handle(_ request: IncomingRequest, _ responder: Responder)

    /// Makes what answers requests of a connection at once; `nil` where none does. Called on the connection's event loop.
    func immediateHandler(connectionID: UInt64, eventLoop: any EventLoop) -> (any ImmediateHandler)?

    /// A connection has closed: no request of it comes any more, and what was kept for it may go. Called once for each.
    func ended(connectionID: UInt64)

    /// Who hears of requests that have ended; `nil` where nobody does. Asked once, before the first connection.
    var requestSink: (any RequestSink)? { get }
}

extension RequestHandler {
    package func ended(connectionID: UInt64) {}
    package var requestSink: (any RequestSink)? { nil }
    package func immediateHandler(connectionID: UInt64, eventLoop: any EventLoop) -> (any ImmediateHandler)? { nil }
}

/// Answers requests of one method of one connection at once, on its event loop, straight into the connection's output: without
/// what others need, which may be cancelled, wait, or be answered from other threads.
public protocol ImmediateHandler: AnyObject {
    var method: Wire.Method { get }

    /// Some requests have come together, in `bytes`; none of them is answered
    /// yet. Those of other connections of the event loop may follow.
    func begin(_ requests: [FrameView], in bytes: RawSpan)

    /// All that is answered next has been announced: starts to load what
    /// it will touch, on behalf of all connections of the event loop.
    func loadAhead()

    /// All of them have been answered.
    func end()

    /// Answers the first of some requests that have come together, and as many of those behind it as go with it. One that would
    /// take long, has to wait, or fails, is left to `RequestHandler.handle`.
    ///
    /// - Parameters:
    ///   - requests: at least one.
    ///   - frameBytesMax: of an answer that the client takes.
    ///   - output: takes the answers, in the order of the requests.
    /// - Returns: how many were answered; 0 where the first is left.
    func answer(
        _ requests: ArraySlice<FrameView>, in bytes: RawSpan, frameBytesMax: Int, into output: inout OutputQueue
    ) -> Int
}

/// A request as it came in.
public struct IncomingRequest: Sendable {
    /// The client's first message.
    package let hello: HelloRequest
    /// Tells this connection from all others of the process: what handles of `prepare` belong to.
    public let connectionID: UInt64
    public let method: Wire.Method
    public let head: ArraySlice<UInt8>
    public let body: ArraySlice<UInt8>
    /// The trace that the client names; `nil` where it names none.
    public let trace: TraceContext?
    /// When nobody waits for the answer any more; work that has not begun by then is not worth beginning.
    public let deadline: ContinuousClock.Instant?
    /// The data frames behind the request; `nil` where the method takes none.
    public let inbound: InboundStream?

    public var isExpired: Bool { deadline.map { $0 < .now } ?? false }
}
