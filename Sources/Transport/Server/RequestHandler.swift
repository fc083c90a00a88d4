public import FeatureModel
public import Wire

/// What a server does with connections: the seam between sockets and meaning.
///
/// All methods run on an event loop that serves many connections: they must not block. Short work may be done in place;
/// long work goes to another thread and takes the responder with it.
public protocol RequestHandler: Sendable {
    /// Checks a client's hello. The limits in the reply are filled in by the transport.
    ///
    /// - Throws: what the client is refused with.
    func hello(_ hello: HelloRequest, from peer: String) throws(HeadwaterError) -> HelloReply

    /// Starts work on a request. It must end in one answer by the responder.
    func handle(_ request: IncomingRequest, _ responder: Responder)

    /// A connection has closed: no request of it comes any more, and what was kept for it may go. Called once for each.
    func ended(connectionID: UInt64)
}

extension RequestHandler {
    public func ended(connectionID: UInt64) {}
}

/// A request as it came in.
public struct IncomingRequest: Sendable {
    /// What the client said when it connected.
    public let hello: HelloRequest
    /// Tells this connection from all others of the process: what handles of `prepare` belong to.
    public let connectionID: UInt64
    public let method: Wire.Method
    public let head: ArraySlice<UInt8>
    public let body: ArraySlice<UInt8>
    public let extensionBytes: ArraySlice<UInt8>
    /// When nobody waits for the answer any more; work that has not begun by then is not worth beginning.
    public let deadline: ContinuousClock.Instant?
    /// The data frames behind the request; `nil` where the method takes none.
    public let inbound: InboundStream?

    public var isExpired: Bool { deadline.map { $0 < .now } ?? false }
}
