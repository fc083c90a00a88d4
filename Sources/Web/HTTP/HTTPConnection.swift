import FeatureModel
import Logging
import NIOCore
import NIOHTTP1

/// Answers the requests of one connection, one after the other.
struct HTTPConnection {
    typealias Channel = NIOAsyncChannel<HTTPServerRequestPart, HTTPServerResponsePart>
    typealias Writer = NIOAsyncChannelOutboundWriter<HTTPServerResponsePart>

    let channel: Channel
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
                while let head = try await body.nextHead() {
                    guard mark(true), try await answer(head, body, outbound), mark(false) else { break }
                }
            }
        } catch {
            // The client is gone, or was too slow; there is nobody to tell.
            logger.debug("an HTTP connection broke", metadata: ["error": "\(error)"])
        }
    }

    /// - Returns: whether another request may follow.
    private func answer(_ head: HTTPRequestHead, _ body: WebBody, _ outbound: Writer) async throws -> Bool {
        if head.headers[canonicalForm: "expect"].contains(where: { $0.lowercased() == "100-continue" }),
            head.version.isChunkedKnown
        {
            try await outbound.write(.head(HTTPResponseHead(version: head.version, status: .continue)))
        }
        var response = await response(to: head, body)
        let isKept = head.isKeepAlive
        if !isKept { response.headers.replaceOrAdd(name: "connection", value: "close") }
        try await send(response, to: head, outbound)
        guard isKept else { return false }
        return try await body.skipRest()
    }

    private func response(to head: HTTPRequestHead, _ body: WebBody) async -> WebResponse {
        do {
            guard let host = head.headers.first(name: "host"), head.headers["host"].count == 1 else {
                throw HeadwaterError(.invalidArgument, "a request names its host once, in the header 'Host'")
            }
            guard hosts.admits(host) else {
                return Problem(
                    HeadwaterError(
                        .permissionDenied,
                        "'\(host)' is no name of this server: use its address, or start it with --http-host NAME"),
                    status: .misdirectedRequest
                ).response
            }
            let client = channel.channel.remoteAddress.map { "\($0.ipAddress ?? "local"):\($0.port ?? 0)" } ?? "-"
            return await routes.answer(try WebRequest(head, client: client, body: body))
        } catch { return problem(of: error) }
    }

    private func send(_ response: WebResponse, to head: HTTPRequestHead, _ outbound: Writer) async throws {
        var answer = HTTPResponseHead(version: head.version, status: response.status, headers: response.headers)
        // What a browser is not to guess, frame or keep.
        answer.headers.replaceOrAdd(name: "x-content-type-options", value: "nosniff")
        if !answer.headers.contains(name: "cache-control") { answer.headers.add(name: "cache-control", value: "no-store") }
        switch response.body {
        case .bytes(let bytes):
            answer.headers.replaceOrAdd(name: "content-length", value: "\(bytes.count)")
            guard head.method != .HEAD, !bytes.isEmpty else {
                return try await outbound.write(contentsOf: [.head(answer), .end(nil)])
            }
            try await outbound.write(contentsOf: [.head(answer), .body(.byteBuffer(ByteBuffer(bytes: bytes))), .end(nil)])
        case .stream(let write):
            if head.version.isChunkedKnown {
                answer.headers.replaceOrAdd(name: "transfer-encoding", value: "chunked")
            } else {
                answer.headers.replaceOrAdd(name: "connection", value: "close")
            }
            try await outbound.write(.head(answer))
            guard head.method != .HEAD else { return try await outbound.write(.end(nil)) }
            let trailers = try await write { bytes in
                if bytes.readableBytes > 0 { try await outbound.write(.body(.byteBuffer(bytes))) }
            }
            try await outbound.write(.end(head.version.isChunkedKnown && !trailers.isEmpty ? trailers : nil))
        }
    }
}

extension HTTPVersion {
    /// Whether a client of this version knows bodies in chunks, and interim answers.
    fileprivate var isChunkedKnown: Bool { (major, minor) >= (1, 1) }
}

/// The answer that an error makes.
func problem(of error: any Error) -> WebResponse {
    (error as? any AnsweredError)?.response ?? Problem(asProblem(error)).response
}

/// Any error as one that an answer can carry.
func asProblem(_ error: any Error) -> HeadwaterError {
    if let error = error as? HeadwaterError { return error }
    if error is CancellationError { return HeadwaterError(.cancelled, "the request was cancelled") }
    return HeadwaterError(.internal, "\(error)")
}
