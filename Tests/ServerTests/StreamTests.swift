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

/// A whole server over a disk in memory, on a Unix socket, with one group of wide rows in it.
final class WideServer: Sendable {
    static let rowCount = 8_000
    static let time: Microseconds = 1_700_000_000_000_000

    let services: Services
    let client: ClientTransport
    private let transport: ServerTransport
    private let feeding: Task<Void, any Error>

    init(historyBytesMax: Int = 1 << 30) async throws {
        var configuration = ServerConfiguration(role: .serve, dataDirectory: "data")
        configuration.historyBytesMax = historyBytesMax
        let storage = MemoryStorage()
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        var options = OnlineOptions()
        options.log = LogOptions(segmentBytes: 4 << 20)
        let engine = try OnlineEngine.open(
            storage: storage, dataDirectory: "data", options: options, newLogID: LogID((0..<16).map { UInt8($0) }), seed: 1,
            now: Self.time)
        let node = OnlineNode(engine, clock: SystemClock(), logger: logger)
        services = Services(
            configuration: configuration, storage: storage, online: node, clock: SystemClock(), logger: logger)
        let feed = HistoryFeed(services: services)
        try feed.openNow()
        feeding = Task { try await feed.run() }
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("hw-\(UUID().uuidString.prefix(8))").path
        // The suites beside this one take the processor: a client may be slow to say hello.
        var serverOptions = ServerOptions()
        serverOptions.helloTimeout = .seconds(120)
        transport = try await ServerTransport.start(
            endpoints: [.unix(path: path)], handler: Router(services: services), options: serverOptions)
        client = try await ClientTransport.connect(to: .unix(path: path))
        try await fill()
    }

    private func fill() async throws {
        let definitions = try DefinitionsFile.load(
            text: """
                project: p
                entities:
                  - {name: e, keys: [{name: id, type: int64}]}
                  - {name: page, keys: [{name: url, type: string}]}
                feature_groups:
                  - {name: g, entity: e, event_time: at, features: [{name: text, type: string}]}
                  - {name: visits, entity: page, event_time: at, features: [{name: count, type: int64}]}
                """, fileName: "p.yaml"
        ).definitions
        let apply = ApplyRequest.with { $0.project = "p" }
        _ = try await client.call(.apply, apply, body: definitions.encodeJSON()[...], reply: ApplyReply.self)
        var text = ColumnBuilder(.string)
        for row in 0..<Self.rowCount { text.append(text: Self.text(row)) }
        let batch = Batch(rowCount: Self.rowCount, columns: try spineColumns() + [(2, text.finish())])
        let entry = RecordEntry(groupID: 1, schemaVersion: 1, operation: .write, batch: batch)
        let write = WriteRequest.with { $0.project = "p" }
        let reply = try await client.call(.write, write, body: RecordBody.encode([entry])[...], reply: WriteReply.self).head
        while try #require(services.offline).gate.applied < reply.position { try await Task.sleep(for: .milliseconds(5)) }
    }

    static func text(_ row: Int) -> [UInt8] { Array("\(row)".utf8) + [UInt8](repeating: 65, count: 1_020) }

    private func spineColumns() throws -> [(ordinal: Int, column: Column)] {
        [
            (0, try Column(.int64, (0..<Self.rowCount).map { .int64(Int64($0)) })),
            (1, try Column(.timestamp, (0..<Self.rowCount).map { _ in .timestamp(Self.time) })),
        ]
    }

    private let historyRequest = HistoryRequest.with {
        $0.project = "p"
        $0.features = ["g:text"]
        $0.spineColumns = [ColumnSpec(Field("id", .int64)), ColumnSpec(Field("event_time", .timestamp))]
        $0.spineTime = "event_time"
    }

    /// Asks for every row's feature: more than a window of answer.
    func history() throws -> ClientStream {
        client.stream(
            .history, head: historyRequest, body: Batch(rowCount: Self.rowCount, columns: try spineColumns()).bytes)
    }

    /// Asks for the features of so many keys, sent frame by frame while the answer comes.
    func history(_ ids: [Int], rowsPerFrame: Int) -> (stream: ClientStream, feed: Task<Void, any Error>) {
        let stream = client.stream(.history, head: historyRequest, isEnd: false)
        let feed = Task {
            for start in stride(from: 0, to: ids.count, by: rowsPerFrame) {
                let rows = ids[start..<min(start + rowsPerFrame, ids.count)]
                let columns = [
                    (0, try Column(.int64, rows.map { .int64(Int64($0)) })),
                    (1, try Column(.timestamp, rows.map { _ in .timestamp(Self.time) })),
                ]
                try await stream.send(Batch(rowCount: rows.count, columns: columns).bytes)
            }
            try await stream.send([], isEnd: true)
        }
        return (stream, feed)
    }

    /// Asks for a feature of pages that are not there, by long keys.
    func historyOfPages(_ count: Int, keyBytes: Int, rowsPerFrame: Int) -> (stream: ClientStream, feed: Task<Void, any Error>) {
        let request = HistoryRequest.with {
            $0.project = "p"
            $0.features = ["visits:count"]
            $0.spineColumns = [ColumnSpec(Field("url", .string)), ColumnSpec(Field("event_time", .timestamp))]
            $0.spineTime = "event_time"
        }
        let stream = client.stream(.history, head: request, isEnd: false)
        let feed = Task {
            for start in stride(from: 0, to: count, by: rowsPerFrame) {
                var urls = ColumnBuilder(.string)
                for row in start..<start + rowsPerFrame {
                    urls.append(text: Array("\(row)".utf8) + [UInt8](repeating: 47, count: keyBytes))
                }
                let times = try Column(.timestamp, (0..<rowsPerFrame).map { _ in .timestamp(Self.time) })
                try await stream.send(Batch(rowCount: rowsPerFrame, columns: [(0, urls.finish()), (1, times)]).bytes)
            }
            try await stream.send([], isEnd: true)
        }
        return (stream, feed)
    }

    func scan() -> ClientStream {
        client.stream(
            .scan,
            head: ScanRequest.with {
                $0.project = "p"
                $0.group = "g"
            })
    }

    func close() async {
        await client.close()
        await transport.shutdownGracefully(within: .seconds(5))
        feeding.cancel()
        _ = await feeding.result
        await services.online?.close()
        await services.offline?.close()
        await services.close()
    }
}

@Suite struct StreamTests {
    /// Polls until `condition` holds, or gives up after a while.
    private func eventually(_ condition: () -> Bool) async throws -> Bool {
        for _ in 0..<1_000 {
            if condition() { return true }
            try await Task.sleep(for: .milliseconds(10))
        }
        return condition()
    }

    private func rows(_ stream: ClientStream) async throws -> Int {
        var rows = 0
        for try await item in stream { rows += Int(item.body.littleEndian(at: 8, as: UInt32.self)) }
        return rows
    }

    /// With memory for all answers at once, and with less than half of it.
    @Test(arguments: [4 << 30, 40 << 20])
    func historiesThatNobodyReadsLeaveWorkersAndMemoryToOthers(bytesMax: Int) async throws {
        let server = try await WideServer(historyBytesMax: bytesMax)
        #expect(try await rows(server.history()) == WideServer.rowCount)
        #expect(try await eventually { server.services.historyMemory.takenBytes == 0 })

        // More than may work at once, each with one item read and then
        // none: while they wait for credit they keep no one from work.
        var stalled: [ClientStream] = []
        for _ in 0..<12 {
            let stream = try server.history()
            #expect(try await stream.next() != nil)
            stalled.append(stream)
        }
        let held = server.services.historyMemory.takenBytes
        #expect(
            held > 0 && held <= bytesMax && held <= 12 * 4 * 1_024 * WideServer.rowCount, "\(held) bytes for 12 answers of 8 MB")
        #expect(try await rows(server.history()) == WideServer.rowCount)

        let next = try server.history()
        async let answer = rows(next)
        for stream in stalled { stream.cancel() }
        #expect(try await answer == WideServer.rowCount)
        #expect(try await eventually { server.services.historyMemory.takenBytes == 0 })
        await server.close()
    }

    /// With memory for a part of the spine, and of the answer of that part for some of its rows.
    @Test(arguments: [(1 << 20, 500), (4 << 20, 8_000)])
    func aHistoryIsJoinedPartByPartWithinItsMemory(bytesMax: Int, rowsPerFrame: Int) async throws {
        let server = try await WideServer(historyBytesMax: bytesMax)
        var random = SplitMix64(seed: 4)
        let ids = (0..<3 * WideServer.rowCount).map { _ in random.int(0...WideServer.rowCount) }
        let (stream, feed) = server.history(ids, rowsPerFrame: rowsPerFrame)
        var row = 0
        for try await item in stream {
            #expect(try RowsData(decoding: item.head).rowOffset == UInt64(row))
            let cells = try Cells(decoding: item.body, outputCount: 1)
            let held = server.services.historyMemory.takenBytes
            #expect(held <= bytesMax)
            for place in 0..<cells.rowCount {
                let isThere = ids[row + place] < WideServer.rowCount
                guard cells.statuses[0][place] == (isThere ? .present : .notFound),
                    cells.columns[0].bytes(place).prefix(8).elementsEqual(
                        isThere ? WideServer.text(ids[row + place]).prefix(8) : [])
                else {
                    Issue.record("row \(row + place) has another cell")
                    break
                }
            }
            row += cells.rowCount
        }
        try await feed.value
        #expect(row == ids.count)
        #expect(try await eventually { server.services.historyMemory.takenBytes == 0 })
        await server.close()
    }

    /// A spine whose keys are ten times as large as what is joined to them.
    @Test func aSpineOfLongKeysIsReadInPartsToo() async throws {
        let bytesMax = 1 << 20
        let server = try await WideServer(historyBytesMax: bytesMax)
        let (stream, feed) = server.historyOfPages(10_000, keyBytes: 1_000, rowsPerFrame: 50)
        var row = 0
        for try await item in stream {
            let cells = try Cells(decoding: item.body, outputCount: 1)
            #expect(cells.statuses[0].packed.count == (cells.rowCount + 3) / 4)
            #expect((0..<cells.rowCount).allSatisfy { cells.statuses[0][$0] == .notFound })
            #expect(server.services.historyMemory.takenBytes <= bytesMax)
            row += cells.rowCount
        }
        try await feed.value
        #expect(row == 10_000)
        #expect(try await eventually { server.services.historyMemory.takenBytes == 0 })
        await server.close()
    }

    @Test func scansThatNobodyReadsHoldNothingAndLeaveWorkersToOthers() async throws {
        let server = try await WideServer()
        var stalled: [ClientStream] = []
        for _ in 0..<12 {
            let stream = server.scan()
            #expect(try await stream.next() != nil)
            stalled.append(stream)
        }
        #expect(server.services.historyMemory.takenBytes == 0)
        #expect(try await rows(server.scan()) == WideServer.rowCount)
        let next = server.scan()
        async let answer = rows(next)
        for stream in stalled { stream.cancel() }
        #expect(try await answer == WideServer.rowCount)
        await server.close()
    }
}
