import FeatureModel
import NIOCore
import SocketSupport
import Synchronization
import Testing
import Wire

@testable import Transport

/// A turn of a server's loop is short, whatever there is to do.
@Suite(.timeLimit(.minutes(1)), .serialized) struct TurnTests {
    @Test func manyTasksAreRunInManyTurns() async throws {
        let loop = try ServerLoop.start(count: 1)[0]
        defer { loop.stop() }
        let order = Mutex<[Int]>([])
        let later = Mutex<Int?>(nil)
        // Handed over in one turn, so that the next one finds all of them.
        try await loop.submit {
            for number in 0..<200 {
                loop.execute {
                    beBusyForOneMillisecond()
                    order.withLock { $0.append(number) }
                }
            }
        }.get()
        loop.scheduleTask(in: .milliseconds(20)) { later.withLock { $0 = order.withLock { $0.count } } }
        #expect(try await eventually { order.withLock { $0.count } == 200 && later.withLock { $0 } != nil })
        #expect(order.withLock { $0 } == Array(0..<200))
        #expect(loop.turnTimes.longestRunNanoseconds < 100_000_000)
    }

    @Test func whatATimerHoldsMayComeBackToTheLoopAsItIsCancelled() async throws {
        let loop = try ServerLoop.start(count: 1)[0]
        defer { loop.stop() }
        let hasRun = Mutex(false)
        let timer: Scheduled<Void>
        do {
            let last = AtItsEnd { loop.execute { hasRun.withLock { $0 = true } } }
            timer = loop.scheduleTask(in: .hours(1)) { withExtendedLifetime(last) {} }
        }
        timer.cancel()
        #expect(try await eventually { hasRun.withLock { $0 } })
    }

    @Test func requestsThatMakeWorkAreTakenInTurnsAndAllAreAnswered() async throws {
        try await withServer { server in
            let raw = try await RawClient(server.endpoint)
            try await raw.send(RawClient.hello)
            #expect(try await eventually { !raw.received.isEmpty })
            // More than a turn takes, in one piece, and then no more comes.
            let requests = (0..<900).flatMap { number in
                var header = FrameHeader(.request, method: .prepare, requestID: UInt64(number) + 2)
                header.isEnd = true
                return FrameEncoder.encode(header, body: [UInt8(truncatingIfNeeded: number)]).bytes
            }
            try await raw.send(requests)
            #expect(try await eventually { (try? raw.frames().count) == 901 })
            let frames = try raw.frames().dropFirst()
            #expect(frames.map(\.header.requestID) == (2..<902).map { $0 })
            #expect(frames.enumerated().allSatisfy { Array($1.body) == [UInt8(truncatingIfNeeded: $0)] })
            try await raw.channel.close()
        }
    }

    @Test func whatCameBeforeAClientWentIsHandled() async throws {
        try await withServer { server in
            let raw = try await RawClient(server.endpoint)
            try await raw.send(RawClient.hello)
            #expect(try await eventually { !raw.received.isEmpty })
            let requests = (0..<500).flatMap { number in
                var header = FrameHeader(.request, method: .plan, requestID: UInt64(number) + 2)
                header.isEnd = true
                return FrameEncoder.encode(header).bytes
            }
            try await raw.send(requests)
            try await raw.channel.close()
            // Each has been begun, and was told that its client is gone.
            #expect(try await eventually { server.handler.cancelled.load(ordering: .relaxed) == 500 })
        }
    }
}

private func beBusyForOneMillisecond() {
    let end = ContinuousClock.now + .milliseconds(1)
    while ContinuousClock.now < end {}
}
