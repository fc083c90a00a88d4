public import FeatureModel
internal import Glibc
package import NIOCore
internal import NIOPosix
internal import Synchronization
public import Wire

/// A client's connection to one server: requests run side by side on it. For any task or thread.
public final class ClientTransport: Sendable {
    public let endpoint: Endpoint
    /// The server's answer to Hello.
    package let hello: HelloReply
    /// Limits of what the server receives.
    public let serverLimits: WireLimits
    private let ourWindowBytes: Int
    private let mailbox: Mailbox<ClientMessage>
    private let channel: any Channel

    private init(
        endpoint: Endpoint, hello: HelloReply, serverLimits: WireLimits, ourWindowBytes: Int, mailbox: Mailbox<ClientMessage>,
        channel: any Channel
    ) {
        self.endpoint = endpoint
        self.hello = hello
        self.serverLimits = serverLimits
        self.ourWindowBytes = ourWindowBytes
        self.mailbox = mailbox
        self.channel = channel
    }

    deinit { mailbox.post(.close) }

    /// Whether the connection still stands.
    public var isConnected: Bool { channel.isActive }

    /// Connects and says hello.
    ///
    /// - Throws: `.unavailable` where nobody answers, or what the server refuses with, such as `.unauthenticated`.
    package static func connect(
        to endpoint: Endpoint, hello: HelloRequest = HelloRequest(), options: ClientOptions = ClientOptions(),
        group: (any EventLoopGroup)? = nil
    ) async throws(HeadwaterError) -> ClientTransport {
        let eventLoop = (group ?? NIOSingletons.posixEventLoopGroup).next()
        let mailbox = Mailbox<ClientMessage>(eventLoop: eventLoop)
        let helloDone = eventLoop.makePromise(of: (HelloReply, WireLimits).self)
        let timeout = TimeAmount.nanoseconds(Int64(options.connectTimeout.nanoseconds))
        let timer = eventLoop.scheduleTask(in: timeout) {
            helloDone.fail(
                HeadwaterError(
                    .unavailable,
                    "\(endpoint) did not answer within \(options.connectTimeout): it is not a Headwater server, or one that stands still"
                ))
        }
        defer { timer.cancel() }
        var bootstrap = ClientBootstrap(group: eventLoop)
            .connectTimeout(timeout)
            .channelOption(.maxMessagesPerRead, value: 1)
            .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 64 << 10))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        ClientConnectionHandler(hello, to: endpoint, options: options, mailbox: mailbox, helloDone: helloDone))
                }
            }
        let connecting: EventLoopFuture<any Channel>
        switch endpoint {
        case .tcp(let host, let port):
            bootstrap = bootstrap.channelOption(.tcpOption(.tcp_nodelay), value: 1)
            connecting = bootstrap.connect(host: host, port: port)
        case .unix(let path): connecting = bootstrap.connect(unixDomainSocketPath: path)
        }
        connecting.whenFailure { error in
            helloDone.fail(
                isReset(error)
                    ? ClientConnectionHandler.closedEarly(endpoint)
                    : HeadwaterError(.unavailable, "\(endpoint) cannot be reached: is the server running? (\(reason(error)))"))
        }
        do {
            let (reply, limits) = try await helloDone.futureResult.get()
            return ClientTransport(
                endpoint: endpoint, hello: reply, serverLimits: limits, ourWindowBytes: options.limits.initialWindowBytes,
                mailbox: mailbox, channel: try await connecting.get())
        } catch {
            connecting.whenSuccess { $0.close(promise: nil) }
            throw error as? HeadwaterError ?? HeadwaterError(.unavailable, "\(endpoint) cannot be reached: \(error)")
        }
    }

    /// The system's words for why there is no connection: "Connection refused".
    private static func reason(_ error: any Error) -> String {
        let causes = (error as? NIOConnectionError).map { $0.connectionErrors.map(\.error) } ?? [error]
        let words = causes.map { cause in
            (cause as? IOError).map { SystemFailure.text(of: $0.errnoCode) } ?? "\(cause)"
        }
        var told: Set<String> = []
        // A name that is unknown has no address, and so no cause.
        return words.isEmpty ? "the name is not known here" : words.filter { told.insert($0).inserted }.joined(separator: "; ")
    }

    /// Whether somebody took the connection and closed it, before this side even heard that it stood.
    private static func isReset(_ error: any Error) -> Bool {
        switch error {
        case let error as IOError: error.errnoCode == ECONNRESET
        case let error as NIOConnectionError:
            error.connectionErrors.contains { ($0.error as? IOError)?.errnoCode == ECONNRESET }
        default: false
        }
    }

    /// Sends a request and waits for its one answer.
    ///
    /// - Parameter deadline: how long the answer may take; the server is told, and has a moment more to say that it ran out.
    /// - Throws: what the server answers, `.deadlineExceeded`, `.cancelled` when the task is cancelled, `.unavailable` when the
    ///   connection ends: the request may then have been carried out.
    public func call(
        _ method: Wire.Method, head: [UInt8], body: ArraySlice<UInt8> = [], deadline: Duration? = nil
    ) async throws(HeadwaterError) -> Reply {
        precondition(!method.isStream && method != .hello, "\(method) is no call")
        let ticket = ClientTicket()
        return try await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                post(
                    ClientRequest(
                        ticket: ticket, method: method, head: head, body: body, isEnd: true, budget: deadline,
                        sink: PendingCall(continuation)))
            }
        } onCancel: {
            ticket.cancel()
            mailbox.post(.cancel(ticket))
        }.get()
    }

    /// Sends a request and decodes its answer's head.
    package func call<H: Head>(
        _ method: Wire.Method, _ head: some Head, body: ArraySlice<UInt8> = [], deadline: Duration? = nil, reply: H.Type = H.self
    ) async throws(HeadwaterError) -> (head: H, body: ArraySlice<UInt8>) {
        let answer = try await call(method, head: head.encode(), body: body, deadline: deadline)
        return (try answer.decode(H.self), answer.body)
    }

    /// Sends a request and does not wait: requests go out in the order of these calls, which tasks that wait do not have.
    ///
    /// - Parameters:
    ///   - deadline: how long the answer may take; the server is told.
    ///   - answered: called once, with what `call` returns or throws; on the connection's event loop or within this call.
    package func send(
        _ method: Wire.Method, _ head: some Head, body: ArraySlice<UInt8> = [], deadline: Duration? = nil,
        answered: @escaping @Sendable (Result<Reply, HeadwaterError>) -> Void
    ) {
        precondition(!method.isStream && method != .hello, "\(method) is no call")
        post(
            ClientRequest(
                ticket: ClientTicket(), method: method, head: head.encode(), body: body, isEnd: true, budget: deadline,
                sink: AnsweredRequest(answered)))
    }

    /// Opens a stream. A refusal shows when it is read.
    ///
    /// - Parameters:
    ///   - deadline: how long the whole stream may take; the server is told.
    ///   - isEnd: no data follows from this side; may be false for `history` only.
    package func stream(
        _ method: Wire.Method, head: some Head, body: ArraySlice<UInt8> = [], deadline: Duration? = nil, isEnd: Bool = true
    ) -> ClientStream {
        precondition(method.isStream && (isEnd || method.takesData))
        let core = StreamCore(mailbox: mailbox, window: serverLimits.initialWindowBytes, ourWindow: ourWindowBytes)
        post(
            ClientRequest(
                ticket: core.ticket, method: method, head: head.encode(), body: body, isEnd: isEnd, budget: deadline, sink: core))
        return ClientStream(core)
    }

    private func post(_ request: ClientRequest) {
        guard mailbox.post(.request(request)) else {
            return request.sink.finish(.failure(HeadwaterError(.unavailable, "the connection is closed: connect again")))
        }
    }

    /// Closes the connection; requests that wait fail with `.cancelled`.
    public func close() async {
        mailbox.post(.close)
        try? await channel.closeFuture.get()
    }
}
