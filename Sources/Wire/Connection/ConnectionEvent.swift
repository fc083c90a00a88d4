package import FeatureModel

/// An event that the owner of a `Connection` has to handle.
package enum ConnectionEvent: Sendable {
    /// Server: answer with `acceptHello` or `refuseHello`.
    case hello(HelloRequest, requestID: UInt64)
    /// Client: the connection is open.
    case helloDone(HelloReply)
    /// Server: start work; it ends with one answer that `admit` lets pass.
    case request(Frame, Method)
    /// An item of a stream. From the client, `header.isEnd` marks the last one.
    case data(Frame)
    /// Client: the request's one `response` or `end`.
    case answered(Frame)
    /// Server: nobody waits for the answer any more. Work may stop; it still has to answer, so that its slot is free.
    case cancelled(requestID: UInt64)
    /// The other side took data: the stream's send window has grown by so many bytes.
    case credit(requestID: UInt64, bytes: Int)
    /// Client: the server drains; requests sent already are answered.
    case goAway
    case pong(requestID: UInt64)
    /// Send this.
    case send(EncodedFrame)
    /// The connection is over: send what is to be sent, then close it. Every request that is open has failed with the error.
    case failed(HeadwaterError)
}
