import Dispatch
import FeatureModel
import NIOCore
import NIOPosix
import Synchronization
import Testing
import Wire

@testable import Transport

/// Answers what the tests need, some of it on worker threads.
///
/// `get` echoes the body on the event loop, `write` on a worker; `audit` waits for its cancellation, `compact` until it is
/// released; `scan` sends items until it is stopped, `history` echoes the data frames; `prepare` forgets to answer; `follow`
/// sends nothing until the server drains; `latest` sends items at a pace; `status` answers when its deadline has come.
final class EchoHandler: RequestHandler {
    let workers = DispatchQueue(label: "workers", attributes: .concurrent)
    let sentItems = Atomic<Int>(0)
    let cancelled = Atomic<Int>(0)
    let outcomes = Mutex<[String]>([])
    let release = DispatchSemaphore(value: 0)
    /// How long `latest` lets a client keep it waiting.
    let patience = Duration.milliseconds(200)
    let endedConnections = Mutex<[UInt64]>([])
    static let itemBytes = 64 << 10
    let answeredAtOnce = Atomic<Int>(0)
    static let immediateBytes = 256 << 10

    func immediateHandler(connectionID: UInt64, eventLoop: any EventLoop) -> (any ImmediateHandler)? { AtOnce(self) }

    /// Answers `getPrepared` with many bytes.
    private final class AtOnce: ImmediateHandler {
        let echo: EchoHandler
        let method = Wire.Method.getPrepared

        init(_ echo: EchoHandler) { self.echo = echo }

        func begin(_ requests: [FrameView], in bytes: RawSpan) {}
        func loadAhead() {}
        func end() {}

        func answer(
            _ requests: ArraySlice<FrameView>, in bytes: RawSpan, frameBytesMax: Int, into output: inout OutputQueue
        ) -> Int {
            // One or two, as many as there are; one with an empty body is left.
            let answered = requests.prefix(2).prefix { !$0.body.isEmpty }
            for request in answered {
                output.append(answerTo: request.header, bodyBytesMax: EchoHandler.immediateBytes) { memory in
                    for _ in 0..<EchoHandler.immediateBytes { memory.append(7) }
                }
            }
            echo.answeredAtOnce.add(answered.count, ordering: .relaxed)
            return answered.count
        }
    }

    func hello(_ hello: HelloRequest) throws(HeadwaterError) -> HelloReply {
        if hello.token == [0] { throw HeadwaterError(.unauthenticated, "bad token") }
        return HelloReply.with { $0.serverVersion = "test" }
    }

    func handle(_ request: IncomingRequest, _ responder: Responder) {
        switch request.method {
        case .prepare: responder.respond(encodedHead: Array(request.head), body: request.body)
        case .write: workers.async { responder.respond(encodedHead: Array(request.head), body: request.body) }
        case .plan:
            responder.onCancel {
                self.cancelled.add(1, ordering: .relaxed)
                responder.fail(HeadwaterError(.cancelled, "as asked"))
            }
        case .compact:
            workers.async {
                self.release.wait()
                responder.respond(head: CompactReply())
            }
        case .scan: workers.async { self.scan(responder) }
        case .history: workers.async { self.echo(request.inbound!, responder) }
        case .describe: break
        case .follow: follow(responder)
        case .latest: workers.async { self.latest(request, responder) }
        case .status:
            var left = Duration.zero
            if let deadline = request.deadline { left = deadline - ContinuousClock.now }
            workers.asyncAfter(deadline: dispatchTime(in: left)) {
                responder.fail(HeadwaterError(.deadlineExceeded, "too late"), appliedPosition: 17)
            }
        default: responder.fail(HeadwaterError(.unimplemented, "\(request.method)"))
        }
    }

    func ended(connectionID: UInt64) { endedConnections.withLock { $0.append(connectionID) } }

    /// Ends at the drain; has no other end. Uses up its credit first, so that only the drain can wake it.
    private func follow(_ responder: Responder) {
        guard !responder.isDraining else { return responder.respond(head: FollowEnd.with { $0.durablePosition = 5 }) }
        while responder.credit > 0 {
            guard responder.send(head: FollowData(), body: [UInt8](repeating: 1, count: Self.itemBytes)[...]) else { return }
        }
        responder.whenWritable { self.follow(responder) }
    }

    private func latest(_ request: IncomingRequest, _ responder: Responder) {
        var pace = ClientPace(deadline: request.deadline, patience: patience)
        let item = [UInt8](repeating: 7, count: Self.itemBytes)
        do throws(HeadwaterError) {
            while try responder.send(head: RowsData(), body: item[...], pace: &pace) { sentItems.add(1, ordering: .relaxed) }
        } catch { responder.fail(error) }
    }

    private func scan(_ responder: Responder) {
        let item = [UInt8](repeating: 7, count: Self.itemBytes)
        while true {
            let outcome = responder.waitForCredit(timeout: .seconds(10))
            guard outcome == .ready, responder.send(head: RowsData(), body: item[...]) else {
                outcomes.withLock { $0.append("\(outcome)") }
                return
            }
            sentItems.add(1, ordering: .relaxed)
        }
    }

    private func echo(_ inbound: InboundStream, _ responder: Responder) {
        var rows: UInt64 = 0
        while true {
            switch inbound.next(timeout: .seconds(10)) {
            case .data(let body):
                guard responder.waitForCredit() == .ready else { return }
                responder.send(head: RowsData.with { $0.rowOffset = rows }, body: body)
                rows += 1
            case .end: return responder.respond(head: RowsEnd.with { $0.rows = rows })
            case .closed, .timedOut: return
            }
        }
    }
}

struct TestServer {
    let handler: EchoHandler
    let transport: ServerTransport
    var endpoint: Endpoint { transport.endpoints[0] }
}

/// Runs `body` against a server on a real socket, and stops the server.
func withServer(
    _ endpoint: Endpoint = .tcp(host: "127.0.0.1", port: 0), _ options: ServerOptions = ServerOptions(),
    _ body: (TestServer) async throws -> Void
) async throws {
    let handler = EchoHandler()
    let transport = try await ServerTransport.start(endpoints: [endpoint], handler: handler, options: options)
    do { try await body(TestServer(handler: handler, transport: transport)) } catch {
        await transport.shutdownGracefully(within: .milliseconds(100))
        throw error
    }
    await transport.shutdownGracefully(within: .milliseconds(500))
    #expect(transport.connectionCount == 0)
}

func dispatchTime(in duration: Duration) -> DispatchTime {
    DispatchTime(uptimeNanoseconds: DispatchTime.now().uptimeNanoseconds + UInt64(duration.nanoseconds))
}

/// Waits until `condition` holds, no longer than five seconds.
func eventually(_ condition: () -> Bool) async throws -> Bool {
    for _ in 0..<500 {
        if condition() { return true }
        try await Task.sleep(for: .milliseconds(10))
    }
    return condition()
}

/// Runs its body when the last reference to it goes.
final class AtItsEnd: Sendable {
    private let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) { self.body = body }

    deinit { body() }
}
