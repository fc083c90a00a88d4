import Catalog
import Engine
import FeatureModel
import Foundation
import Log
import Logging
import StorageIO
import TestDisks
import TestSupport
import Testing
import Transport
import Wire

@testable import Server

/// What the first reads of a start are answered, however late the history is fed.
@Suite struct StartTests {
    private static let hour: Microseconds = 3_600_000_000
    private static let rowCount = 5

    /// A whole server over a disk in memory; its history is fed when it is told to.
    private final class Life: Sendable {
        let client: ClientTransport
        private let services: Services
        private let history: HistoryFeed
        private let transport: ServerTransport

        /// - Parameter now: the time at which it starts, and takes the cutoffs that are due.
        init(_ disk: MemoryStorage, now: Microseconds) async throws {
            let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
            let engine = try OnlineEngine.open(
                storage: disk, dataDirectory: "data", options: OnlineOptions(),
                newLogID: LogID((0..<16).map { UInt8($0) }), seed: 1, now: now)
            #expect(engine.cutOffDue(now: now, ageTime: now).isEmpty)
            let node = OnlineNode(engine, clock: SystemClock(), logger: logger)
            services = Services(
                configuration: ServerConfiguration(role: .serve, dataDirectory: "data"), storage: disk, online: node,
                clock: SystemClock(), logger: logger)
            history = HistoryFeed(services: services)
            try history.openNow()
            let path = FileManager.default.temporaryDirectory.appendingPathComponent("hw-\(UUID().uuidString.prefix(8))").path
            var options = ServerOptions()
            options.helloTimeout = .seconds(120)
            transport = try await ServerTransport.start(
                endpoints: [.unix(path: path)], handler: Router(services: services), options: options)
            client = try await ClientTransport.connect(to: .unix(path: path))
        }

        func feed() -> Task<Void, any Error> { Task { try await history.run() } }

        /// A group with a retention of an hour, and rows of now.
        ///
        /// - Returns: the position of the rows.
        func fill(now: Microseconds) async throws -> Position {
            let definitions = try DefinitionsFile.load(
                text: """
                    project: p
                    entities: [{name: e, keys: [{name: id, type: int64}]}]
                    feature_groups:
                      - {name: g, entity: e, event_time: at, retention: 1h, features: [{name: x, type: float64}]}
                    """, fileName: "p.yaml"
            ).definitions
            let apply = ApplyRequest.with { $0.project = "p" }
            _ = try await client.call(.apply, apply, body: definitions.encodeJSON()[...], reply: ApplyReply.self)
            let columns = try StartTests.spine(at: now) + [(2, Column(.float64, (0..<rowCount).map { .float64(Double($0)) }))]
            let entry = RecordEntry(
                groupID: 1, schemaVersion: 1, operation: .write, batch: Batch(rowCount: rowCount, columns: columns))
            let write = WriteRequest.with { $0.project = "p" }
            return try await client.call(.write, write, body: RecordBody.encode([entry])[...], reply: WriteReply.self)
                .head.position
        }

        func appliedOffline(_ position: Position) async throws {
            while try #require(services.offline).gate.applied < position { try await Task.sleep(for: .milliseconds(5)) }
        }

        /// Ends; what is in the history's memory goes to chunks where it stops cleanly.
        func close() async {
            await client.close()
            await transport.shutdownGracefully(within: .seconds(5))
            await services.online?.close()
            await services.offline?.close()
            await services.close()
        }
    }

    private static func spine(at time: Microseconds) throws -> [(ordinal: Int, column: Column)] {
        [
            (0, try Column(.int64, (0..<rowCount).map { .int64(Int64($0)) })),
            (1, try Column(.timestamp, (0..<rowCount).map { _ in .timestamp(time) })),
        ]
    }

    /// How many rows or features each kind of read is served.
    private func served(_ client: ClientTransport, at time: Microseconds, asOf: Position? = nil) async throws -> [Int] {
        func rows(_ stream: ClientStream) async throws -> Int {
            var rows = 0
            for try await item in stream { rows += Int(item.body.littleEndian(at: 8, as: UInt32.self)) }
            return rows
        }
        let scan = ScanRequest.with { ($0.project, $0.group, $0.asOf) = ("p", "g", asOf) }
        let latest = LatestRequest.with { ($0.project, $0.group, $0.asOf) = ("p", "g", asOf) }
        let history = HistoryRequest.with {
            ($0.project, $0.features, $0.asOf) = ("p", ["g:x"], asOf)
            $0.spineColumns = [ColumnSpec(Field("id", .int64)), ColumnSpec(Field("event_time", .timestamp))]
            $0.spineTime = "event_time"
        }
        let spine = Batch(rowCount: Self.rowCount, columns: try Self.spine(at: time)).bytes
        async let scanned = rows(client.stream(.scan, head: scan))
        async let newest = rows(client.stream(.latest, head: latest))
        async let joined = {
            var found = 0
            for try await item in client.stream(.history, head: history, body: spine) {
                let cells = try Cells(decoding: item.body, outputCount: 1)
                found += (0..<cells.rowCount).count { cells.statuses[0][$0] == .present }
            }
            return found
        }()
        return try await [scanned, newest, joined]
    }

    @Test(.timeLimit(.minutes(2)))
    func theFirstReadsOfAStartHaveTheCutoffThatWasDueAtIt() async throws {
        let disk = MemoryStorage()
        let now = SystemClock().now()
        let all = [Int](repeating: Self.rowCount, count: 3)
        let first = try await Life(disk, now: now)
        var feeding = first.feed()
        let position = try await first.fill(now: now)
        try await first.appliedOffline(position)
        #expect(try await served(first.client, at: now) == all)
        feeding.cancel()
        await first.close()

        // Two hours later the rows are overdue; the history hears of it only when it is fed.
        let second = try await Life(disk, now: now + 2 * Self.hour)
        #expect(try await served(second.client, at: now, asOf: position) == all)
        async let answers = served(second.client, at: now)
        try await Task.sleep(for: .milliseconds(300))
        feeding = second.feed()
        #expect(try await answers == [0, 0, 0])
        feeding.cancel()
        await second.close()

        // With nothing due, nothing is waited for.
        let third = try await Life(disk, now: now + 2 * Self.hour)
        #expect(try await served(third.client, at: now) == [0, 0, 0])
        await third.close()
    }

    @Test(.timeLimit(.minutes(2)))
    func aCutoffThatTheHistoryMissedBeforeACrashIsThereAtTheFirstReadToo() async throws {
        let disk = MemoryStorage()
        let now = SystemClock().now()
        let first = try await Life(disk, now: now)
        var feeding = first.feed()
        try await first.appliedOffline(try await first.fill(now: now))
        feeding.cancel()
        await first.close()

        // It takes the cutoff and is killed before its history has come to it.
        let killed = try await Life(disk, now: now + 2 * Self.hour)
        let after = try await Life(disk.crash(seed: 5), now: now + 2 * Self.hour)
        async let answers = served(after.client, at: now)
        try await Task.sleep(for: .milliseconds(300))
        feeding = after.feed()
        #expect(try await answers == [0, 0, 0])
        feeding.cancel()
        await after.close()
        await killed.close()
    }
}
