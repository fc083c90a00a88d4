import Dispatch
import FeatureModel
import NIOCore
import SocketSupport
import Synchronization
import Testing
import Wire

@testable import Transport

@Suite(.timeLimit(.minutes(1)), .serialized) struct TroubleTests {
    @Test func aReaderThatStopsReadingStopsTheServer() async throws {
        try await withServer { server in
            let client = try await ClientTransport.connect(to: server.endpoint)
            let stream = client.stream(.scan, head: ScanRequest())
            _ = try await stream.next()
            let window = WireLimits().initialWindowBytes
            #expect(try await eventually { server.handler.sentItems.load(ordering: .relaxed) * EchoHandler.itemBytes >= window })
            try await Task.sleep(for: .milliseconds(300))
            let sent = server.handler.sentItems.load(ordering: .relaxed) * EchoHandler.itemBytes
            #expect(sent <= window + 3 * EchoHandler.itemBytes)
            // It goes on when the reader does.
            for _ in 0..<500 { #expect(try await stream.next() != nil) }
            #expect(server.handler.sentItems.load(ordering: .relaxed) > 500)
            // The connection itself is not stopped by one stream.
            _ = try await client.call(.prepare, head: [])
            stream.cancel()
            #expect(try await eventually { server.handler.outcomes.withLock { !$0.isEmpty } })
            await client.close()
        }
    }

    @Test func whatWasSentBeforeTheClientWentCountsAlsoWhereItReadsNoAnswer() async throws {
        let path = "/tmp/headwater-\(UInt32.random(in: 0 ... .max)).sock"
        try await withServer(.unix(path: path)) { server in
            let raw = try await RawClient(server.endpoint)
            var bytes = RawClient.hello
            // An answer that fails to go out, then more than one read of requests that end in the handler.
            for id in 2...41 {
                var header = FrameHeader(.request, method: id == 2 ? .prepare : .plan, requestID: UInt64(id))
                header.isEnd = true
                bytes += FrameEncoder.encode(header, body: [UInt8](repeating: 1, count: 8_192)[...]).bytes
            }
            try await raw.send(bytes)
            try await raw.channel.close()
            #expect(try await eventually { server.handler.cancelled.load(ordering: .relaxed) == 39 })
            #expect(try await eventually { server.transport.connectionCount == 0 })
        }
    }

    @Test func requestsBehindAnswersThatNobodyReadsWaitInTheSocket() async throws {
        var options = ServerOptions()
        options.outputBytesMax = 4 << 20
        try await withServer(.tcp(host: "127.0.0.1", port: 0), options) { server in
            let raw = try await RawClient(server.endpoint)
            try await raw.send(RawClient.hello)
            #expect(try await eventually { !raw.received.isEmpty })
            try await raw.channel.setOption(.autoRead, value: false).get()
            let count = 400
            var bytes: [UInt8] = []
            for id in 0..<count {
                var header = FrameHeader(.request, method: .getPrepared, requestID: UInt64(id + 2))
                header.isEnd = true
                bytes += FrameEncoder.encode(header, body: [UInt8](repeating: 1, count: 1_024)[...]).bytes
            }
            raw.channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil)
            try await Task.sleep(for: .milliseconds(300))
            let answered = server.handler.answeredAtOnce.load(ordering: .relaxed)
            // What the bound lets wait, what one round gathers, and what the kernel holds.
            #expect(answered > 0 && answered * EchoHandler.immediateBytes <= 16 << 20)
            try await raw.channel.setOption(.autoRead, value: true).get()
            #expect(try await eventually { server.handler.answeredAtOnce.load(ordering: .relaxed) == count })
            #expect(try await eventually { raw.received.count > count * EchoHandler.immediateBytes })
        }
    }

    /// From the first request of a run that is left on, all take the general way, in their order.
    @Test func whatIsNotAnsweredAtOnceTakesTheGeneralWay() async throws {
        try await withServer { server in
            let raw = try await RawClient(server.endpoint)
            try await raw.send(RawClient.hello)
            #expect(try await eventually { !raw.received.isEmpty })
            var bytes: [UInt8] = []
            for id in 2...6 {
                var header = FrameHeader(.request, method: .getPrepared, requestID: UInt64(id))
                header.isEnd = true
                bytes += FrameEncoder.encode(header, body: id == 4 ? [] : [1]).bytes
            }
            try await raw.send(bytes)
            #expect(try await eventually { raw.received.count > 2 * EchoHandler.immediateBytes })
            for _ in 0..<500 where try raw.frames().count < 6 { try await Task.sleep(for: .milliseconds(10)) }
            let answers = try raw.frames().dropFirst()
            #expect(answers.map(\.header.requestID) == [2, 3, 4, 5, 6])
            #expect(answers.map { $0.body.count == EchoHandler.immediateBytes } == [true, true, false, false, false])
            #expect(answers.dropFirst(2).allSatisfy { $0.header.status == .unimplemented })
            #expect(server.handler.answeredAtOnce.load(ordering: .relaxed) == 2)
            try await raw.channel.close()
        }
    }

    @Test func aSocketThatIsNeverReadHoldsNoMoreThanTheWindow() async throws {
        try await withServer { server in
            let raw = try await RawClient(server.endpoint)
            try await raw.send(RawClient.hello)
            #expect(try await eventually { !raw.received.isEmpty })
            try await raw.channel.setOption(.autoRead, value: false).get()
            var header = FrameHeader(.request, method: .scan, requestID: 2)
            header.isEnd = true
            try await raw.send(FrameEncoder.encode(header).bytes)
            try await Task.sleep(for: .milliseconds(400))
            let sent = server.handler.sentItems.load(ordering: .relaxed) * EchoHandler.itemBytes
            #expect(sent > 0 && sent <= WireLimits().initialWindowBytes + EchoHandler.itemBytes)
            try await raw.channel.close()
            #expect(try await eventually { server.handler.outcomes.withLock { $0 == ["closed"] } })
        }
    }

    @Test func cancellingATaskReachesTheWorker() async throws {
        try await withServer { server in
            let client = try await ClientTransport.connect(to: server.endpoint)
            let call = Task { try await client.call(.plan, head: []) }
            try await Task.sleep(for: .milliseconds(50))
            call.cancel()
            let error = await #expect(throws: HeadwaterError.self) { try await call.value }
            #expect(error?.code == .cancelled)
            #expect(try await eventually { server.handler.cancelled.load(ordering: .relaxed) == 1 })
            _ = try await client.call(.prepare, head: [])
            await client.close()
        }
    }

    @Test func aDeadlineEndsTheCallAndCancelsTheWork() async throws {
        try await withServer { server in
            let client = try await ClientTransport.connect(to: server.endpoint)
            let error = await #expect(throws: HeadwaterError.self) {
                try await client.call(.plan, head: [], deadline: .milliseconds(50))
            }
            #expect(error?.code == .deadlineExceeded)
            #expect(try await eventually { server.handler.cancelled.load(ordering: .relaxed) == 1 })
            await client.close()
        }
    }

    @Test func aLostConnectionCancelsWorkAndFailsCalls() async throws {
        try await withServer { server in
            let raw = try await RawClient(server.endpoint)
            var header = FrameHeader(.request, method: .plan, requestID: 2)
            header.isEnd = true
            try await raw.send(RawClient.hello)
            #expect(try await eventually { !raw.received.isEmpty })
            try await raw.send(FrameEncoder.encode(header).bytes)
            try await Task.sleep(for: .milliseconds(50))
            try await raw.channel.close()
            #expect(try await eventually { server.handler.cancelled.load(ordering: .relaxed) == 1 })
            let client = try await ClientTransport.connect(to: server.endpoint)
            let call = Task { try await client.call(.plan, head: []) }
            try await Task.sleep(for: .milliseconds(50))
            await server.transport.shutdownGracefully(within: .milliseconds(50))
            let error = await #expect(throws: HeadwaterError.self) { try await call.value }
            #expect(error?.code == .unavailable)
            #expect(!client.isConnected)
            let later = await #expect(throws: HeadwaterError.self) { try await client.call(.prepare, head: []) }
            #expect(later?.code == .unavailable)
        }
    }

    @Test func halfAFrameThenSilenceIsClosedAndSoIsSilenceBeforeHello() async throws {
        var options = ServerOptions()
        (options.helloTimeout, options.frameTimeout) = (.milliseconds(200), .milliseconds(200))
        try await withServer(.tcp(host: "127.0.0.1", port: 0), options) { server in
            let half = try await RawClient(server.endpoint)
            try await half.send(RawClient.hello)
            #expect(try await eventually { !half.received.isEmpty })
            try await half.send(Array(RawClient.hello.prefix(30)))
            let silent = try await RawClient(server.endpoint)
            let idle = try await ClientTransport.connect(to: server.endpoint)
            #expect(try await eventually { half.isClosed && silent.isClosed })
            #expect(try half.frames().last?.error?.code == .deadlineExceeded)
            // A connection without a frame begun may be idle for ever.
            try await Task.sleep(for: .milliseconds(500))
            _ = try await idle.call(.prepare, head: [])
            await idle.close()
        }
    }

    @Test func garbageIsAnsweredAndTheServerLives() async throws {
        try await withServer { server in
            let client = try await ClientTransport.connect(to: server.endpoint)
            var damaged = RawClient.hello
            damaged[50] ^= 1
            for garbage in [Array("EHLO here\r\n\r\n".utf8), damaged, [UInt8](repeating: 0xFF, count: 100_000)] {
                let raw = try await RawClient(server.endpoint)
                try? await raw.send(garbage)
                #expect(try await eventually { raw.isClosed })
                let last = try raw.frames().last
                #expect(last?.header.kind == .goAway && last?.error != nil)
            }
            _ = try await client.call(.prepare, head: [])
            await client.close()
        }
    }

    @Test func tooManyConnectionsAreRefused() async throws {
        var options = ServerOptions()
        options.connectionsMax = 1
        try await withServer(.tcp(host: "127.0.0.1", port: 0), options) { server in
            let first = try await ClientTransport.connect(to: server.endpoint)
            _ = try await first.call(.prepare, head: [])
            let error = await #expect(throws: HeadwaterError.self) { _ = try await ClientTransport.connect(to: server.endpoint) }
            #expect(error?.code == .resourceExhausted)
            _ = try await first.call(.prepare, head: [])
            await first.close()
        }
    }

    @Test func theServersOwnAnswerAtTheDeadlineArrives() async throws {
        try await withServer { server in
            let client = try await ClientTransport.connect(to: server.endpoint)
            let error = await #expect(throws: HeadwaterError.self) {
                try await client.call(.status, head: [], deadline: .milliseconds(50))
            }
            #expect(error == HeadwaterError(.deadlineExceeded, "too late; applied is 17"))
            await client.close()
        }
    }

    @Test func aConnectionThatClosesIsToldOnce() async throws {
        try await withServer { server in
            let client = try await ClientTransport.connect(to: server.endpoint)
            let raw = try await RawClient(server.endpoint)
            #expect(try await eventually { server.transport.connectionCount == 2 })
            await client.close()
            try await raw.channel.close()
            #expect(try await eventually { server.handler.endedConnections.withLock { $0.count } == 2 })
            try await Task.sleep(for: .milliseconds(300))
            #expect(server.handler.endedConnections.withLock { Set($0).count == 2 && $0.count == 2 })
        }
    }

    @Test func drainingEndsAStreamThatHasNoEnd() async throws {
        try await withServer { server in
            let client = try await ClientTransport.connect(to: server.endpoint)
            let stream = client.stream(.follow, head: FollowRequest())
            #expect(try await stream.next() != nil)
            let start = ContinuousClock.now
            let stopping = Task { await server.transport.shutdownGracefully(within: .seconds(20)) }
            while try await stream.next() != nil {}
            let end: FollowEnd? = try stream.reply?.decode()
            #expect(end?.durablePosition == 5)
            await stopping.value
            #expect(ContinuousClock.now - start < .seconds(5))
        }
    }

    @Test func aClientThatReadsTooSlowlyIsGivenUp() async throws {
        try await withServer { server in
            let client = try await ClientTransport.connect(to: server.endpoint)
            let stream = client.stream(.latest, head: LatestRequest(), deadline: .seconds(1))
            // Its pace has earned it 64 seconds by now, but the deadline comes first.
            try await Task.sleep(for: .milliseconds(1_100))
            let error = await #expect(throws: HeadwaterError.self) { while try await stream.next() != nil {} }
            #expect(error?.code == .deadlineExceeded)
            await client.close()
        }
    }

    @Test func drainingFinishesWhatRunsAndRefusesTheRest() async throws {
        try await withServer { server in
            let client = try await ClientTransport.connect(to: server.endpoint)
            let running = Task { try await client.call(.compact, head: []) }
            try await Task.sleep(for: .milliseconds(50))
            let stopping = Task { await server.transport.shutdownGracefully(within: .seconds(10)) }
            try await Task.sleep(for: .milliseconds(100))
            let refused = await #expect(throws: HeadwaterError.self) { try await client.call(.prepare, head: []) }
            #expect(refused?.code == .unavailable)
            server.handler.release.signal()
            _ = try await running.value
            await stopping.value
            #expect(server.transport.connectionCount == 0)
        }
    }
}
