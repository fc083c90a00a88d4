import Engine
import FeatureModel
import Foundation
import Log
import Logging
import TestDisks
import TestSupport
import Testing
import Transport
import Wire

@testable import Server

/// Streams of the log for followers, which sleep while nothing is written.
@Suite(.serialized) struct FollowStreamTests {
    /// An online service over a disk in memory, and a client that is registered as a follower.
    private final class World: Sendable {
        let node: OnlineNode
        let client: ClientTransport
        private let services: Services
        private let transport: ServerTransport

        /// - Parameter capabilities: what the follower says that it can.
        init(capabilities: [String] = [RecordBody.compactCapability]) async throws {
            let disk = MemoryStorage()
            let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
            let engine = try OnlineEngine.open(
                storage: disk, dataDirectory: "data", options: OnlineOptions(), newLogID: LogID((0..<16).map { UInt8($0) }),
                seed: 1, now: 1)
            node = OnlineNode(engine, clock: SystemClock(), logger: logger)
            services = Services(
                configuration: ServerConfiguration(role: .online, dataDirectory: "data"), storage: disk, online: node,
                clock: SystemClock(), logger: logger)
            let path = FileManager.default.temporaryDirectory.appendingPathComponent("hw-\(UUID().uuidString.prefix(8))").path
            var options = ServerOptions()
            options.helloTimeout = .seconds(120)
            transport = try await ServerTransport.start(
                endpoints: [.unix(path: path)], handler: Router(services: services), options: options)
            client = try await ClientTransport.connect(
                to: .unix(path: path), hello: HelloRequest.with { $0.capabilities = capabilities })
            let register = AcknowledgeRequest.with { ($0.follower, $0.register, $0.logID) = ("f", true, node.logID.bytes) }
            _ = try await client.call(.acknowledge, register, reply: AcknowledgeReply.self)
        }

        /// Appends a record.
        func append() async {
            await withCheckedContinuation { continuation in node.submit(.openProducer) { _ in continuation.resume() } }
        }

        func follow(after position: Position) -> ClientStream {
            let head = FollowRequest.with {
                ($0.fromPosition, $0.durablePosition, $0.follower, $0.logID) = (position + 1, 0, "f", node.logID.bytes)
            }
            return client.stream(.follow, head: head)
        }

        func forget() async throws {
            _ = try await client.call(.forget, ForgetRequest.with { $0.follower = "f" }, reply: ForgetReply.self)
        }

        func drain() async { await transport.shutdownGracefully(within: .seconds(30)) }

        func close() async {
            await client.close()
            await transport.shutdownGracefully(within: .zero)
            await node.close()
            await services.close()
        }
    }

    /// Reads a stream until a record at `position` has come.
    private func read(_ stream: ClientStream, through position: Position) async throws {
        for try await item in stream {
            if let last = try LogRecords.decode(item.body).last?.position, last >= position { return }
        }
        Issue.record("the stream ended before position \(position)")
    }

    /// A record that is written just as a stream begins is sent at once, although nothing is written behind it.
    @Test(.timeLimit(.minutes(2))) func aRecordWrittenWhileAStreamBeginsIsSent() async throws {
        let world = try await World()
        var random = SplitMix64(seed: 7)
        for position in 1...150 as ClosedRange<Position> {
            let stream = world.follow(after: position - 1)
            let reading = Task { try await read(stream, through: position) }
            try await Task.sleep(for: .microseconds(Int.random(in: 0...1_500, using: &random)))
            await world.append()
            try await reading.value
        }
        await world.close()
    }

    @Test(.timeLimit(.minutes(2))) func aSleepingStreamHearsThatItsFollowerIsForgotten() async throws {
        let world = try await World()
        let stream = world.follow(after: 0)
        let reading = Task { try await read(stream, through: 1) }
        try await Task.sleep(for: .milliseconds(100))
        try await world.forget()
        let error = await #expect(throws: HeadwaterError.self) { try await reading.value }
        #expect(error?.code == .notFound)
        await world.close()
    }

    @Test(.timeLimit(.minutes(2))) func aFollowerThatCannotReadCompactRecordsIsToldToUpgrade() async throws {
        let world = try await World(capabilities: [])
        let stream = world.follow(after: 0)
        let error = await #expect(throws: HeadwaterError.self) { for try await _ in stream {} }
        #expect(error?.code == .failedPrecondition && error?.message.contains("upgrade") == true)
        await world.close()
    }

    @Test(.timeLimit(.minutes(2))) func aSleepingStreamEndsWhenTheServerStops() async throws {
        let world = try await World()
        let stream = world.follow(after: 0)
        let reading = Task { for try await _ in stream {} }
        try await Task.sleep(for: .milliseconds(100))
        let begun = ContinuousClock.now
        await world.drain()
        #expect(ContinuousClock.now - begun < .seconds(20), "it is not cut off at the end of the time")
        try await reading.value
        await world.close()
    }
}
