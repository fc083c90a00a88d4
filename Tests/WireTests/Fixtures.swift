import FeatureModel
import TestSupport
import Testing

@testable import Wire

extension SplitMix64 {
    mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255, using: &self) } }
}

func requestFrame(
    _ method: Wire.Method, id: UInt64, head: [UInt8] = [], body: [UInt8] = [], isEnd: Bool = true, budget: UInt32 = 0
) -> EncodedFrame {
    var header = FrameHeader(.request, method: method, requestID: id)
    header.isEnd = isEnd
    header.budgetMilliseconds = budget
    return FrameEncoder.encode(header, head: head, body: body[...])
}

func helloFrame() -> EncodedFrame { requestFrame(.hello, id: 1, head: HelloRequest().encode()) }

/// A server connection past its hello.
func openServer(_ limits: WireLimits = WireLimits()) -> Connection {
    var server = Connection(.server, limits: limits)
    server.receive(helloFrame().bytes[...])
    guard case .hello? = server.nextEvent() else {
        Issue.record("no hello")
        return server
    }
    _ = server.acceptHello(HelloReply())
    return server
}

/// A client and a server that have greeted each other.
func openPair(client: WireLimits = WireLimits(), server: WireLimits = WireLimits()) throws -> (ConnectionBox, ConnectionBox) {
    let left = ConnectionBox(.client, client)
    let right = ConnectionBox(.server, server)
    guard case .hello? = right.feed(left.hello().bytes).first else {
        throw HeadwaterError(.internal, "no hello")
    }
    let reply = try #require(right.acceptHello())
    guard case .helloDone? = left.feed(reply.bytes).first else { throw HeadwaterError(.internal, "no reply") }
    return (left, right)
}

/// Holds a connection, so that tests can keep it in tuples.
final class ConnectionBox {
    var connection: Connection

    init(_ side: Connection.Side, _ limits: WireLimits) { connection = Connection(side, limits: limits) }

    func feed(_ bytes: [UInt8]) -> [ConnectionEvent] {
        connection.receive(bytes[...])
        var events: [ConnectionEvent] = []
        while let event = connection.nextEvent() { events.append(event) }
        return events
    }

    // The macros of the tests take calls apart, which a value without copies does not allow.
    var requestsInFlight: Int { connection.requestsInFlight }
    var requestBytesInFlight: Int { connection.requestBytesInFlight }
    func hello() -> EncodedFrame { connection.hello(HelloRequest()) }
    func acceptHello() -> EncodedFrame? { connection.acceptHello(HelloReply()) }
    func refuseHello(_ error: HeadwaterError) -> EncodedFrame? { connection.refuseHello(error) }
    func request(_ method: Wire.Method, isEnd: Bool = true) throws -> EncodedFrame {
        try connection.request(method, head: [], isEnd: isEnd)
    }
    func data(_ count: Int, isEnd: Bool = false) -> EncodedFrame? {
        connection.data(Array(repeating: 0, count: count)[...], requestID: 2, isEnd: isEnd)
    }
    func cancel(_ id: UInt64) -> EncodedFrame? { connection.cancel(requestID: id) }
    func admit(_ frame: EncodedFrame) -> Bool { connection.admitFromServer(frame) }
    func consumed(_ bytes: Int) -> EncodedFrame? { connection.consumed(bytes, requestID: 2) }
    func window() -> Int? { connection.sendWindow(requestID: 2) }
    func drain() -> EncodedFrame? { connection.drain() }
}

extension ConnectionEvent {
    var failure: HeadwaterError? { if case .failed(let error) = self { error } else { nil } }
    var data: Frame? { if case .data(let frame) = self { frame } else { nil } }
    var answer: Frame? { if case .answered(let frame) = self { frame } else { nil } }
    var request: Frame? { if case .request(let frame, _) = self { frame } else { nil } }
    var sent: EncodedFrame? { if case .send(let frame) = self { frame } else { nil } }
    /// A text that is equal for equal events.
    var summary: String {
        switch self {
        case .request(let frame, _), .data(let frame), .answered(let frame):
            "\(frame.header) \(Array(frame.head)) \(Array(frame.extensionBytes)) \(Array(frame.body))"
        case .send(let frame): "send \(frame.bytes)"
        default: "\(self)"
        }
    }
}
