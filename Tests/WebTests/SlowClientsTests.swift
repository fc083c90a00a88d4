import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import Web

@Suite struct SlowClientsTests {
    private let channel: EmbeddedChannel
    private let socket = Socket()
    private var loop: EmbeddedEventLoop { channel.embeddedEventLoop }

    init() throws {
        let clients = SlowClients()
        channel = EmbeddedChannel()
        try channel.pipeline.syncOperations.addHandler(socket)
        try channel.pipeline.syncOperations.addHandler(clients)
        try channel.pipeline.syncOperations.configureHTTPServerPipeline()
        try channel.pipeline.syncOperations.addHandler(SlowClientsMarks(clients))
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    private func receive(_ text: String) throws { try channel.writeInbound(ByteBuffer(string: text)) }

    private func wait(seconds: Int64) { for _ in 0..<seconds { loop.advanceTime(by: .seconds(1)) } }

    @Test func endsAConnectionWithoutRequests() {
        wait(seconds: 74)
        #expect(channel.isActive)
        wait(seconds: 3)
        #expect(!channel.isActive)
    }

    @Test func endsAHeadThatDoesNotCome() throws {
        try receive("GET / HTTP/1.1\r\n")
        // A byte now and then does not help.
        for _ in 0..<9 {
            wait(seconds: 1)
            try receive("a: b\r\n")
        }
        #expect(channel.isActive)
        wait(seconds: 3)
        #expect(!channel.isActive)
    }

    @Test func endsABodyThatTricklesIn() throws {
        try receive("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\n")
        for _ in 0..<28 {
            channel.read()
            wait(seconds: 1)
            try receive("x")
        }
        #expect(channel.isActive)
        channel.read()
        wait(seconds: 4)
        #expect(!channel.isActive)
    }

    @Test func letsAQuickBodyTakeItsTime() throws {
        try receive("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100000000\r\n\r\n")
        let part = String(repeating: "x", count: 128 << 10)
        for _ in 0..<60 {
            channel.read()
            wait(seconds: 1)
            try receive(part)
        }
        #expect(channel.isActive)
    }

    @Test func doesNotHurryWhoWaitsForAnAnswer() throws {
        try receive("GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        wait(seconds: 600)
        #expect(channel.isActive)
        let head = HTTPResponseHead(version: .http1_1, status: .ok, headers: ["content-length": "0"])
        try channel.writeOutbound(HTTPServerResponsePart.head(head))
        try channel.writeOutbound(HTTPServerResponsePart.end(nil))
        wait(seconds: 77)
        #expect(!channel.isActive)
    }

    /// Less than what makes a channel full.
    @Test func endsAClientThatDoesNotReadTheEndOfAnAnswer() throws {
        try receive("GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        wait(seconds: 100)
        socket.isStuck = true
        try answer(bytes: 60_000)
        wait(seconds: 29)
        #expect(channel.isActive)
        wait(seconds: 4)
        #expect(!channel.isActive)
    }

    @Test func letsAClientReadTheEndOfAnAnswerLate() throws {
        for _ in 0..<5 {
            try receive("GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            socket.isStuck = true
            try answer(bytes: 60_000)
            wait(seconds: 25)
            socket.goOn()
            wait(seconds: 60)
            #expect(channel.isActive)
        }
    }

    private func answer(bytes: Int) throws {
        let head = HTTPResponseHead(version: .http1_1, status: .ok, headers: ["content-length": "\(bytes)"])
        channel.write(HTTPServerResponsePart.head(head), promise: nil)
        channel.write(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(repeating: 0x78, count: bytes))), promise: nil)
        channel.writeAndFlush(HTTPServerResponsePart.end(nil), promise: nil)
        loop.run()
    }
}

/// A socket whose buffer is full for as long as it is told so: what is written to it waits.
private final class Socket: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer

    var isStuck = false
    private var waiting: [EventLoopPromise<Void>] = []

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard isStuck, let promise else { return context.write(data, promise: promise) }
        waiting.append(promise)
    }

    func goOn() {
        isStuck = false
        for promise in waiting { promise.succeed() }
        waiting = []
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        for promise in waiting { promise.fail(ChannelError.ioOnClosedChannel) }
        waiting = []
        context.close(mode: mode, promise: promise)
    }
}
