package import FeatureModel
internal import NIOCore
internal import Synchronization
package import Wire

/// The answer to a request.
public struct Reply: Sendable {
    public let head: ArraySlice<UInt8>
    public let body: ArraySlice<UInt8>

    /// Decodes the head.
    ///
    /// - Throws: `.invalidArgument` where it is not one of this type.
    package func decode<H: Head>(_ type: H.Type = H.self) throws(HeadwaterError) -> H { try H(decoding: head) }
}

/// The receiver of a request's answer: a waiting call, or a stream.
protocol ReplySink: Sendable {
    func received(_ frame: Frame)
    func granted(_ bytes: Int)
    func finish(_ result: Result<Reply, HeadwaterError>)
}

/// A request on its way, known to its caller before it has an id.
final class ClientTicket: Sendable {
    private let state = Mutex<(id: UInt64?, isCancelled: Bool)>((nil, false))

    /// The request's id, once it is sent.
    var id: UInt64? { state.withLock { $0.id } }
    var isCancelled: Bool { state.withLock { $0.isCancelled } }

    func sent(as id: UInt64) { state.withLock { $0.id = id } }
    func cancel() { state.withLock { $0.isCancelled = true } }
}

/// A message of another thread to a client connection's handler.
enum ClientMessage: Sendable {
    case request(ClientRequest)
    case data(ClientTicket, ArraySlice<UInt8>, isEnd: Bool)
    case consumed(ClientTicket, bytes: Int)
    case cancel(ClientTicket)
    case close
}

struct ClientRequest: Sendable {
    let ticket: ClientTicket
    let method: Wire.Method
    let head: [UInt8]
    let body: ArraySlice<UInt8>
    let isEnd: Bool
    let budget: Duration?
    let sink: any ReplySink
    /// The trace of the task that asks.
    var trace = TraceContext.ofTask
}

/// A request whose one answer goes to a closure.
final class AnsweredRequest: ReplySink {
    private let answered: Mutex<(@Sendable (Result<Reply, HeadwaterError>) -> Void)?>

    init(_ answered: @escaping @Sendable (Result<Reply, HeadwaterError>) -> Void) { self.answered = Mutex(answered) }

    func received(_ frame: Frame) {}
    func granted(_ bytes: Int) {}

    func finish(_ result: Result<Reply, HeadwaterError>) {
        let waiting = answered.withLock { answered in
            defer { answered = nil }
            return answered
        }
        waiting?(result)
    }
}

/// A call that waits for its one answer.
final class PendingCall: ReplySink {
    private let continuation: Mutex<CheckedContinuation<Result<Reply, HeadwaterError>, Never>?>

    init(_ continuation: CheckedContinuation<Result<Reply, HeadwaterError>, Never>) {
        self.continuation = Mutex(continuation)
    }

    func received(_ frame: Frame) {}
    func granted(_ bytes: Int) {}

    func finish(_ result: Result<Reply, HeadwaterError>) {
        let waiting = continuation.withLock { continuation in
            defer { continuation = nil }
            return continuation
        }
        waiting?.resume(returning: result)
    }
}
