import FeatureModel
import Logging
import NIOCore
import NIOHTTP1
import Transport

/// Answers the requests of one connection, one after the other.
struct HTTPConnection {
    typealias Channel = NIOAsyncChannel<HTTPServerRequestPart, HTTPServerResponsePart>
    typealias Writer = NIOAsyncChannelOutboundWriter<HTTPServerResponsePart>

    /// A connection, and what watches over its client.
    struct Accepted: Sendable {
        let channel: Channel
        let clients: NIOLoopBound<SlowClients>
    }

    private static let lingerTime = TimeAmount.seconds(1)

    let accepted: Accepted
    private var channel: Channel { accepted.channel }
    let routes: Routes
    let hosts: HostCheck
    let logger: Logger
    /// Told when a request begins, and when it has been answered.
    ///
    /// - Returns: whether the connection should go on.
    let mark: @Sendable (_ isBusy: Bool) -> Bool

    /// Returns when the connection is closed.
    func run() async {
        do {
            try await channel.executeThenClose { inbound, outbound in
                let body = WebBody(inbound.makeAsyncIterator())
                var count = 0
                while let head = try await body.nextHead() {
                    guard mark(true) else { break }
                    count += 1
                    let isKept = try await answer(head, body, outbound, count)
                    // Handed over is not sent: what closes now would cut it.
                    try await waitUntilSent(count)
                    guard mark(false), isKept else { break }
                }
            }
        } catch {
            // The client is gone, or was too slow; there is nobody to tell.
            logger.debug("an HTTP connection broke", metadata: ["error": "\(error)"])
        }
    }

    private func waitUntilSent(_ count: Int) async throws {
        let (loop, clients) = (channel.channel.eventLoop, accepted.clients)
        try await loop.flatSubmit { clients.value.sent(count, on: loop) }.get()
    }

    /// - Parameter number: of the request on this connection, from 1.
    /// - Returns: whether another request may follow.
    private func answer(_ head: HTTPRequestHead, _ body: WebBody, _ outbound: Writer, _ number: Int) async throws -> Bool {
        let isAwaited = head.headers[canonicalForm: "expect"].contains { $0.lowercased() == "100-continue" }
        if isAwaited, head.version.isChunkedKnown {
            body.begin(head) { try await outbound.write(.head(HTTPResponseHead(version: head.version, status: .continue))) }
        } else {
            body.begin(head)
        }
        var response = await response(to: head, body)
        // swift-nio has answered what it could not read.
        if body.isLost { throw WebBody.lost }
        let isHeldBack = body.isHeldBack
        let isKept = head.isKeepAlive && !isHeldBack
        if !isKept { response.headers.replaceOrAdd(name: "connection", value: "close") }
        let isSentWhole = try await send(response, to: head, outbound)
        if isHeldBack {
            try await waitUntilSent(number)
            try await linger(body)
            return false
        }
        // To close on bytes that have come would reset the connection, and take the answer with it.
        let isWhole = try await body.skipRest()
        return isKept && isSentWhole && isWhole
    }

    /// Says that nothing follows, to a client that was not asked for its body. It may send it all the same: that is taken for a
    /// while, as to close on bytes that have come would reset the connection, and take the answer with it.
    private func linger(_ body: WebBody) async throws {
        let channel = channel.channel
        try await channel.close(mode: .output)
        let end = channel.eventLoop.scheduleTask(in: Self.lingerTime) { channel.close(promise: nil) }
        defer { end.cancel() }
        _ = try await body.skipRest()
    }

    private func response(to head: HTTPRequestHead, _ body: WebBody) async -> WebResponse {
        do {
            guard let host = head.headers.first(name: "host"), head.headers["host"].count == 1 else {
                throw HeadwaterError(.invalidArgument, "a request names its host once, in the header 'Host'")
            }
            let encodings = head.headers["transfer-encoding"]
            guard
                encodings.isEmpty || encodings.count == 1 && encodings[0].lowercased() == "chunked" && head.version.isChunkedKnown
            else { throw HeadwaterError(.unimplemented, "a body comes by its length, or in chunks") }
            let target = try RequestTarget(head.uri)
            // What a target names counts, and the header does not (RFC 9112, section 3.2.2).
            let named = target.authority ?? host
            guard hosts.admits(named) else { throw Refusal.wrongHost(named) }
            let client = Self.text(of: channel.channel.remoteAddress)
            return await routes.answer(WebRequest(head, target, client: client, body: body))
        } catch {
            let refusal = Refusal.response(to: error)
            routes.figures.answered("refused", refusal.status, elapsed: .zero)
            return refusal
        }
    }

    /// `127.0.0.1:4711`, `[::1]:4711`; `-` where it is not known.
    static func text(of address: SocketAddress?) -> String {
        guard let address, let host = address.ipAddress else { return "-" }
        return Endpoint.tcp(host: host, port: address.port ?? 0).description
    }

    /// - Returns: whether the connection may be kept by what the answer said.
    private func send(_ response: WebResponse, to head: HTTPRequestHead, _ outbound: Writer) async throws -> Bool {
        var answer = HTTPResponseHead(version: head.version, status: response.status, headers: response.headers)
        // What a browser is not to guess, frame or keep.
        answer.headers.replaceOrAdd(name: "x-content-type-options", value: "nosniff")
        if !answer.headers.contains(name: "cache-control") { answer.headers.add(name: "cache-control", value: "no-store") }
        switch response.body {
        case .bytes(let bytes):
            answer.headers.replaceOrAdd(name: "content-length", value: "\(bytes.count)")
            guard head.method != .HEAD, !bytes.isEmpty else {
                try await outbound.write(contentsOf: [.head(answer), .end(nil)])
                return true
            }
            try await outbound.write(contentsOf: [.head(answer), .body(.byteBuffer(ByteBuffer(bytes: bytes))), .end(nil)])
            return true
        case .stream(let write):
            guard head.version.isChunkedKnown else {
                let error = HeadwaterError(
                    .invalidArgument, "rows are sent in chunks, which HTTP/1.0 does not have: use HTTP/1.1")
                var refusal = Problem(error, status: .httpVersionNotSupported).response
                refusal.headers.replaceOrAdd(name: "connection", value: "close")
                _ = try await send(refusal, to: head, outbound)
                return false
            }
            answer.headers.replaceOrAdd(name: "transfer-encoding", value: "chunked")
            try await outbound.write(.head(answer))
            guard head.method != .HEAD else {
                try await outbound.write(.end(nil))
                return true
            }
            let trailers = try await write { bytes in
                if bytes.readableBytes > 0 { try await outbound.write(.body(.byteBuffer(bytes))) }
            }
            try await outbound.write(.end(trailers.isEmpty ? nil : trailers))
            return true
        }
    }
}

extension HTTPVersion {
    /// Whether a client of this version knows bodies in chunks, and interim answers.
    fileprivate var isChunkedKnown: Bool { (major, minor) >= (1, 1) }
}
