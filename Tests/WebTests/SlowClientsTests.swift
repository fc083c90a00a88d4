import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import Web

@Suite struct SlowClientsTests {
    private let channel: EmbeddedChannel
    private var loop: EmbeddedEventLoop { channel.embeddedEventLoop }

    init() throws {
        let clients = SlowClients()
        channel = EmbeddedChannel()
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
}
