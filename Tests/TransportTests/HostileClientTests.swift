import FeatureModel
import NIOCore
import SocketSupport
import Testing
import Wire

@testable import Transport

/// Clients that take memory and give nothing, beside one that works.
@Suite(.timeLimit(.minutes(2)), .serialized) struct HostileClientTests {
    private static let budget = 16 << 20

    private static func options() -> ServerOptions {
        var options = ServerOptions()
        options.networkBytesMax = budget
        return options
    }

    private static func request(_ method: Wire.Method, id: UInt64 = 2, bodyBytes: Int = 0) -> [UInt8] {
        var header = FrameHeader(.request, method: method, requestID: id)
        header.isEnd = true
        return FrameEncoder.encode(header, body: [UInt8](repeating: 1, count: bodyBytes)[...]).bytes
    }

    private func greeted(_ server: TestServer) async throws -> RawClient {
        let raw = try await RawClient(server.endpoint)
        try await raw.send(RawClient.hello)
        #expect(try await eventually { !raw.received.isEmpty })
        return raw
    }

    @Test func unfinishedFramesHoldNoMoreThanTheBudgetAndOthersComeThrough() async throws {
        try await withServer(.tcp(host: "127.0.0.1", port: 0), Self.options()) { server in
            var hostile: [RawClient] = []
            for _ in 0..<12 {
                let raw = try await greeted(server)
                // All but the last byte, which never comes.
                raw.channel.writeAndFlush(ByteBuffer(bytes: Self.request(.prepare, bodyBytes: 7 << 20).dropLast()), promise: nil)
                hostile.append(raw)
            }
            try await Task.sleep(for: .milliseconds(300))
            #expect(server.transport.networkBytes <= Self.budget)
            let client = try await ClientTransport.connect(to: server.endpoint)
            // Small ones are not held up at all, and a large one waits until somebody who does not move has gone.
            _ = try await client.call(.prepare, head: [], deadline: .seconds(2))
            let answer = try await client.call(.prepare, head: [], body: [UInt8](repeating: 3, count: 4 << 20)[...])
            #expect(answer.body.count == 4 << 20)
            #expect(server.transport.networkBytes <= Self.budget)
            await client.close()
            for raw in hostile { try? await raw.channel.close() }
            #expect(try await eventually { server.transport.networkBytes == 0 })
        }
    }

    @Test func largeWritesComeThroughAgainAndAgainBesideFramesThatNeverEnd() async throws {
        try await withServer(.tcp(host: "127.0.0.1", port: 0), Self.options()) { server in
            // They come again as soon as they are dropped.
            let hostile = (0..<12).map { _ in
                Task {
                    while !Task.isCancelled {
                        let raw = try await RawClient(server.endpoint)
                        try await raw.send(RawClient.hello)
                        raw.channel.writeAndFlush(
                            ByteBuffer(bytes: Self.request(.prepare, bodyBytes: 7 << 20).dropLast()), promise: nil)
                        while !Task.isCancelled, !raw.isClosed { try? await Task.sleep(for: .milliseconds(20)) }
                        try? await raw.channel.close()
                    }
                }
            }
            let client = try await ClientTransport.connect(to: server.endpoint)
            for _ in 0..<5 {
                let answer = try await client.call(
                    .prepare, head: [], body: [UInt8](repeating: 3, count: 6 << 20)[...], deadline: .seconds(20))
                #expect(answer.body.count == 6 << 20)
            }
            await client.close()
            for task in hostile { task.cancel() }
            for task in hostile { _ = await task.result }
            // Whoever went while room was given to it holds none.
            #expect(try await eventually { server.transport.networkBytes == 0 })
        }
    }

    @Test func smallRequestsThatWaitForAnAnswerHoldNoMoreThanAPart() async throws {
        try await withServer(.tcp(host: "127.0.0.1", port: 0), Self.options()) { server in
            var hostile: [RawClient] = []
            for _ in 0..<12 {
                let raw = try await greeted(server)
                // None of them is answered.
                for id in 1...40 {
                    raw.channel.writeAndFlush(
                        ByteBuffer(bytes: Self.request(.plan, id: UInt64(2 * id), bodyBytes: 200 << 10)), promise: nil)
                }
                hostile.append(raw)
            }
            try await Task.sleep(for: .milliseconds(700))
            #expect(server.transport.networkBytes <= Self.budget + 12 * (NetworkBudget.partLeast + 256 << 10))
            let client = try await ClientTransport.connect(to: server.endpoint)
            _ = try await client.call(.prepare, head: [], deadline: .seconds(2))
            await client.close()
            for raw in hostile { try? await raw.channel.close() }
        }
    }

    @Test func dataThatNobodyTakesIsRefusedOnceMemoryIsShort() async throws {
        try await withServer(.tcp(host: "127.0.0.1", port: 0), Self.options()) { server in
            var hostile: [RawClient] = []
            for _ in 0..<8 {
                let raw = try await greeted(server)
                try await raw.channel.setOption(.autoRead, value: false).get()
                for stream in 1...8 {
                    let id = UInt64(2 * stream)
                    raw.channel.writeAndFlush(
                        ByteBuffer(bytes: FrameEncoder.encode(FrameHeader(.request, method: .history, requestID: id)).bytes),
                        promise: nil)
                    for _ in 0..<12 {
                        let data = FrameEncoder.encode(
                            FrameHeader(.data, requestID: id), body: [UInt8](repeating: 1, count: 256 << 10)[...])
                        raw.channel.writeAndFlush(ByteBuffer(bytes: data.bytes), promise: nil)
                    }
                }
                hostile.append(raw)
            }
            // 192 MiB were sent.
            for _ in 0..<20 {
                try await Task.sleep(for: .milliseconds(100))
                #expect(server.transport.networkBytes <= 2 * Self.budget)
            }
            let client = try await ClientTransport.connect(to: server.endpoint)
            _ = try await client.call(.prepare, head: [], deadline: .seconds(2))
            await client.close()
            for raw in hostile { try? await raw.channel.close() }
            #expect(try await eventually { server.transport.networkBytes == 0 })
        }
    }

    @Test func unreadStreamsHoldAPartOfTheBudget() async throws {
        try await withServer(.tcp(host: "127.0.0.1", port: 0), Self.options()) { server in
            var hostile: [RawClient] = []
            for _ in 0..<20 {
                let raw = try await greeted(server)
                try await raw.channel.setOption(.autoRead, value: false).get()
                try await raw.send(Self.request(.scan))
                hostile.append(raw)
            }
            try await Task.sleep(for: .milliseconds(500))
            // What is in the kernel is not ours; each may always have a little.
            #expect(server.transport.networkBytes <= Self.budget + 20 * NetworkBudget.partLeast)
            let client = try await ClientTransport.connect(to: server.endpoint)
            let answer = try await client.call(.prepare, head: [], body: [UInt8](repeating: 3, count: 4 << 20)[...])
            #expect(answer.body.count == 4 << 20)
            await client.close()
            for raw in hostile { try? await raw.channel.close() }
            #expect(try await eventually { server.transport.networkBytes == 0 })
        }
    }

    @Test func aReaderOfNothingGoesWhenMemoryIsShort() async throws {
        try await withServer(.tcp(host: "127.0.0.1", port: 0), Self.options()) { server in
            let raw = try await greeted(server)
            try await raw.channel.setOption(.autoRead, value: false).get()
            // Answers of 24 MiB in all, more than the kernel and the budget hold.
            for id in 2..<8 as Range<UInt64> {
                raw.channel.writeAndFlush(ByteBuffer(bytes: Self.request(.prepare, id: id, bodyBytes: 4 << 20)), promise: nil)
            }
            try await Task.sleep(for: .milliseconds(300))
            let client = try await ClientTransport.connect(to: server.endpoint)
            let answer = try await client.call(.prepare, head: [], body: [UInt8](repeating: 3, count: 8 << 20)[...])
            #expect(answer.body.count == 8 << 20)
            await client.close()
            try? await raw.channel.close()
            #expect(try await eventually { server.transport.networkBytes == 0 })
        }
    }
}
