import Engine
import FeatureModel
import Log
import Logging
import StorageIO
import TestDisks
import Testing
import Transport
import Wire

@testable import Server

/// The follower in the log's own directory: what the log keeps for it, and what is served where that is gone.
@Suite struct LocalFollowerTests {
    /// An online service with a log of many small segments; what is forgotten is trimmed by the next snapshot.
    private final class World: Sendable {
        let services: Services
        let node: OnlineNode

        init() async throws {
            let storage = MemoryStorage()
            let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
            var options = OnlineOptions()
            options.log = LogOptions(segmentBytes: 4_096, reserveAhead: 64)
            let engine = try OnlineEngine.open(
                storage: storage, dataDirectory: "data", options: options, newLogID: LogID((0..<16).map { UInt8($0) }), seed: 1,
                now: 1)
            node = OnlineNode(engine, clock: SystemClock(), logger: logger)
            services = Services(
                configuration: ServerConfiguration(role: .serve, dataDirectory: "data"), storage: storage, online: node,
                clock: SystemClock(), logger: logger)
            for _ in 0..<200 {
                await withCheckedContinuation { continuation in node.submit(.openProducer) { _ in continuation.resume() } }
            }
        }

        var checkpoint: LocalCheckpoint { LocalCheckpoint(services: services, logID: node.logID.bytes) }

        func registered() async throws -> Position? {
            try await node.engine.call { try $0.followers().first { $0.id == OnlineEngine.localFollowerID }?.position }
        }

        /// Lets the follower go, and with it the log behind a snapshot.
        func trim() async throws {
            try await node.engine.call { _ = try $0.forgetFollower(named: OnlineEngine.localFollowerName) }
            await withCheckedContinuation { continuation in node.snapshot { _ in continuation.resume() } }
            let oldest = try await node.engine.call { $0.logRetention.oldestPosition }
            #expect(oldest > 1)
        }

        func close() async {
            await node.close()
            await services.offline?.close()
            await services.close()
        }
    }

    @Test func aStoreFromAnOlderCopyMovesItsCheckpointBack() async throws {
        let world = try await World()
        try world.checkpoint.enter(0)
        world.checkpoint.save(150)
        #expect(try await world.registered() == 150)
        try world.checkpoint.enter(40)
        #expect(try await world.registered() == 40)
        try world.checkpoint.enter(90)
        #expect(try await world.registered() == 40, "what chunks hold is told by the flush that brought them there")
        await world.close()
    }

    @Test func aCheckpointOfALostHistoryStaysAsItWas() async throws {
        let world = try await World()
        try await world.trim()
        func enterAtTheBeginning() -> StatusCode? {
            do throws(HeadwaterError) { try world.checkpoint.enter(0) } catch { return error.code }
            return nil
        }
        #expect(enterAtTheBeginning() == .dataLoss)
        #expect(try await world.registered() == nil)
        try world.checkpoint.enter(200)
        #expect(enterAtTheBeginning() == .dataLoss)
        #expect(try await world.registered() == 200)
        await world.close()
    }

    @Test func aHistoryThatCannotBeWholeDoesNotTakeTheOnlineServiceDown() async throws {
        let world = try await World()
        try await world.trim()
        let feed = HistoryFeed(services: world.services)
        try feed.openNow()
        // There is nothing to feed: the part ends when it is told to, and does not bring the server down.
        let feeding = Task { try await feed.run() }
        feeding.cancel()
        try await feeding.value
        #expect(world.services.offline == nil)
        let error = #expect(throws: HeadwaterError.self) { try world.services.needOffline() }
        #expect(error?.code == .dataLoss && error?.message.contains("restore") == true)
        await world.close()
    }

    @Test func aRegistrationBeyondTheLogsEndIsNotTakenForOneThatTheLogHasLetGo() async throws {
        let world = try await World()
        let handlers = FollowHandlers(services: world.services)
        func code(register: Bool, at position: Position) async throws -> StatusCode? {
            try await world.node.engine.call { engine in
                let head = AcknowledgeRequest.with { ($0.follower, $0.position, $0.register) = ("far", position, register) }
                do throws(HeadwaterError) { _ = try handlers.acknowledge(head, engine) } catch { return error.code }
                return nil
            }
        }
        #expect(try await code(register: false, at: 1) == .notFound)
        #expect(try await code(register: true, at: 9_999) == .failedPrecondition)
        #expect(try await code(register: true, at: 200) == nil)
        #expect(try await code(register: false, at: 9_999) == .outOfRange)
        await world.close()
    }

    @Test func oneTransferTooManyIsSentAwayAndTheNextOneTakesTheFreePlace() throws {
        let places = ConcurrencyLimit(2, what: "transfers")
        try places.take()
        try places.take()
        let error = #expect(throws: HeadwaterError.self) { try places.take() }
        #expect(error?.code == .unavailable)
        places.leave()
        try places.take()
    }

    @Test func aPeerThatNamesItsOwnMachineIsOnTheOnlineServicesMachine() throws {
        let far = try Endpoint("db.example:7070")
        for local in ["127.0.0.1:7071", "0.0.0.0:7071", "[::]:7071", "[::1]:7071", "localhost:7071"] {
            #expect(try Endpoint(local).seen(through: far) == Endpoint("db.example:7071"))
            #expect(try Endpoint(local).seen(through: Endpoint("127.0.0.1:7070")) == Endpoint(local))
        }
        #expect(try Endpoint("other.example:7071").seen(through: far) == Endpoint("other.example:7071"))
        #expect(try Endpoint("unix:/run/hw").seen(through: far) == Endpoint("unix:/run/hw"))
    }
}
