import Catalog
import Engine
import FeatureModel
import Foundation
import Log
import Logging
import NIOCore
import OnlineStore
import SocketSupport
import StorageIO
import TestDisks
import TestSupport
import Testing
import Transport
import Wire

@testable import Server

/// Gets by handle over a socket: what is answered at once, what takes the general way, and what moves under a handle.
@Suite struct PreparedGetTests {
    static let time: Microseconds = 1_700_000_000_000_000

    /// An online service over a disk in memory, on a Unix socket.
    private final class Place: Sendable {
        let services: Services
        let client: ClientTransport
        let endpoint: Endpoint
        private let transport: ServerTransport

        init() async throws {
            let storage = MemoryStorage()
            let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
            var options = OnlineOptions()
            options.log = LogOptions(segmentBytes: 4 << 20)
            let engine = try OnlineEngine.open(
                storage: storage, dataDirectory: "data", options: options, newLogID: LogID((0..<16).map { UInt8($0) }), seed: 1,
                now: PreparedGetTests.time)
            let node = OnlineNode(engine, clock: SystemClock(), logger: logger)
            services = Services(
                configuration: ServerConfiguration(role: .online, dataDirectory: "data"), storage: storage, online: node,
                clock: SystemClock(), logger: logger)
            let path = FileManager.default.temporaryDirectory.appendingPathComponent("hw-\(UUID().uuidString.prefix(8))").path
            endpoint = .unix(path: path)
            // The suites beside this one take the processor: a client may be slow to say hello.
            var serverOptions = ServerOptions()
            serverOptions.helloTimeout = .seconds(120)
            transport = try await ServerTransport.start(
                endpoints: [endpoint], handler: Router(services: services), options: serverOptions)
            client = try await ClientTransport.connect(to: endpoint)
        }

        func apply(_ features: String, service: String = "[\"g:a\", \"g:text\"]") async throws {
            let definitions = try DefinitionsFile.load(
                text: """
                    project: p
                    entities:
                      - {name: e, keys: [{name: id, type: int64}]}
                      - {name: t, keys: [{name: tag, type: string}]}
                    feature_groups:
                      - {name: g, entity: e, event_time: at, features: [\(features)]}
                      - {name: tags, entity: t, event_time: none, features: [{name: weight, type: float64}]}
                    feature_services:
                      - {name: s, version: 1, features: \(service)}
                    """, fileName: "p.yaml"
            ).definitions
            let apply = ApplyRequest.with { $0.project = "p" }
            _ = try await client.call(.apply, apply, body: definitions.encodeJSON()[...], reply: ApplyReply.self)
        }

        func write(_ group: GroupID, version: UInt32 = 1, _ columns: [Column]) async throws -> Position {
            let batch = Batch(rowCount: columns[0].count, columns: columns.enumerated().map { ($0.offset, $0.element) })
            let entry = RecordEntry(groupID: group, schemaVersion: version, operation: .write, batch: batch)
            let write = WriteRequest.with { $0.project = "p" }
            return try await client.call(
                .write, write, body: RecordBody.encode([entry])[...], reply: WriteReply.self
            ).head.position
        }

        func prepare(_ fill: (inout PrepareRequest) -> Void) async throws -> PrepareReply {
            var request = PrepareRequest.with { $0.project = "p" }
            fill(&request)
            return try await client.call(.prepare, request, reply: PrepareReply.self).head
        }

        func get(
            _ prepared: PrepareReply, _ keys: [Column], handle: UInt64? = nil,
            _ fill: (inout GetPreparedRequest) -> Void = { _ in }
        ) async throws -> PackedColumns {
            var request = GetPreparedRequest()
            fill(&request)
            let body = PackedColumns.encode(tag: handle ?? prepared.handle, rowCount: keys[0].count, columns: keys)
            let reply = try await client.call(.getPrepared, head: request.encode(), body: body[...], deadline: .seconds(5))
            return try PackedColumns(
                decoding: reply.body, types: try prepared.outputs.map { try FeatureType.parse($0.type) })
        }
    }

    private func ids(_ numbers: [Int64?]) throws -> Column { try Column(.int64, numbers.map { $0.map { .int64($0) } ?? .null }) }

    private func rows(_ count: Int) throws -> [Column] {
        [
            try ids((0..<count).map { Int64($0) }), try Column(.timestamp, (0..<count).map { _ in .timestamp(Self.time) }),
            try Column(.int32, (0..<count).map { $0 % 7 == 3 ? .null : .int32(Int32($0) * 2) }),
            try Column(.string, (0..<count).map { .string(ByteString("row \($0)")) }),
        ]
    }

    private static let features = "{name: a, type: int32}, {name: text, type: string}"

    /// One row, many in one read, and so many that worker threads answer: the same values, at the write's position.
    @Test func getsOfAnySizeAnswerTheSame() async throws {
        let place = try await Place()
        try await place.apply(Self.features)
        let position = try await place.write(1, rows(3_000))
        let prepared = try await place.prepare { $0.service = "s" }
        #expect(prepared.outputs.map(\.name) == ["a", "text"] && prepared.keys.map(\.name) == ["id"])
        for count in [1, 2, 9, 100, 1_025, 3_000] {
            var asked: [Int64?] = (0..<count).map { Int64($0) }
            if count > 2 { (asked[1], asked[2]) = (nil, 99_999) }
            let got = try await place.get(prepared, [ids(asked)]) { $0.eventTimes = true }
            #expect(got.header.tag == position && got.header.rowCount == count)
            for (row, id) in asked.enumerated() {
                let isThere = id.map { $0 < 3_000 } ?? false
                let value: Value = isThere && id! % 7 != 3 ? .int32(Int32(id!) * 2) : .null
                #expect(got.columns[0].value(row) == value)
                #expect(got.columns[1].value(row) == (isThere ? .string(ByteString("row \(id!)")) : .null))
                let status: CellStatus = isThere ? (value == .null ? .nullValue : .present) : .notFound
                #expect((got.statuses.isEmpty ? .present : got.statuses[0][row]) == status)
                #expect(got.eventTimes[0][row] == (isThere ? Self.time : EventTime.always))
            }
        }
    }

    /// One key mostly, else up to twelve: of 200 that are there, now and then null or another.
    private func randomKeys(_ random: inout SplitMix64) -> [Int64?] {
        (0..<(random.chance(0.7) ? 1 : random.int(1...12))).map { _ in
            random.chance(0.03) ? nil : Int64(random.int(0...(random.chance(0.9) ? 199 : 400)))
        }
    }

    /// Requests that come together are read together where they can be: of few rows or many, by several handles, with other
    /// heads, for keys that are not there, each gets its own answer.
    @Test(arguments: [1, 2, 3] as [UInt64]) func manyGetsUnderWayAreAnsweredEach(seed: UInt64) async throws {
        let place = try await Place()
        try await place.apply(Self.features)
        let position = try await place.write(1, rows(200))
        let both = try await place.prepare { $0.service = "s" }
        let text = try await place.prepare { $0.features = ["g:text"] }
        var random = SplitMix64(seed: seed)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<300 {
                let prepared = random.chance(0.8) ? both : text
                let asked = randomKeys(&random)
                let (eventTimes, waits, fails) = (random.chance(0.1), random.chance(0.1), random.chance(0.05))
                group.addTask {
                    let keys = try self.ids(asked)
                    if fails {
                        await #expect(throws: HeadwaterError.self) { _ = try await place.get(prepared, [keys], handle: 77) }
                        return
                    }
                    let got = try await place.get(prepared, [keys]) {
                        $0.eventTimes = eventTimes
                        if waits { $0.minPosition = position }
                    }
                    #expect(got.header.rowCount == asked.count && got.header.tag == position)
                    for (row, id) in asked.enumerated() {
                        let isThere = id.map { $0 < 200 } ?? false
                        #expect(got.columns.last!.value(row) == (isThere ? .string(ByteString("row \(id!)")) : .null))
                        if prepared.handle == both.handle {
                            #expect(got.columns[0].value(row) == (isThere && id! % 7 != 3 ? .int32(Int32(id!) * 2) : .null))
                        }
                        if eventTimes { #expect(got.eventTimes[0][row] == (isThere ? Self.time : EventTime.always)) }
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    /// A request for a random number of keys, some of which are null or not there; now and then with a head, or malformed.
    private func randomGet(_ handles: [UInt64], _ random: inout SplitMix64) throws -> (head: [UInt8], body: [UInt8]) {
        let asked = randomKeys(&random)
        var body = PackedColumns.encode(
            tag: random.chance(0.02) ? 77 : random.pick(handles), rowCount: asked.count, columns: [try ids(asked)])
        if random.chance(0.02) { body.removeLast(8) }
        var request = GetPreparedRequest()
        if random.chance(0.1) { request.eventTimes = true }
        if random.chance(0.1) { request.at = Self.time + Int64(random.int(0...1)) }
        return (request.encode(), body)
    }

    /// Many requests in one send, and the same one by one: the same answers, and as many hits and misses.
    @Test(arguments: [1, 2, 3] as [UInt64]) func requestsOfOneReadAreAnsweredAsEachAlone(seed: UInt64) async throws {
        let place = try await Place()
        try await place.apply(Self.features)
        _ = try await place.write(1, rows(200))
        let raw = try await RawClient(place.endpoint)
        var bytes = RawClient.hello
        func append(_ method: Wire.Method, _ id: UInt64, head: [UInt8], body: [UInt8] = []) {
            var header = FrameHeader(.request, method: method, requestID: id)
            header.isEnd = true
            bytes += FrameEncoder.encode(header, head: head, body: body[...]).bytes
        }
        func answers(_ count: Int) async throws -> [UInt64: Frame] {
            for _ in 0..<200 where try raw.frames().count < count { try await Task.sleep(for: .milliseconds(25)) }
            return Dictionary(uniqueKeysWithValues: try raw.frames().map { ($0.header.requestID, $0) })
        }
        for (index, features) in [["g:a"], ["g:text", "g:a"]].enumerated() {
            let request = PrepareRequest.with {
                $0.project = "p"
                $0.features = features
            }
            append(.prepare, UInt64(2 + index), head: request.encode())
        }
        try await raw.send(bytes)
        let prepared = try await answers(3)
        let handles = try [2, 3].map { try PrepareReply(decoding: try #require(prepared[$0]).head).handle }
        var random = SplitMix64(seed: seed)
        let gets = try (0..<200).map { _ in try randomGet(random.chance(0.9) ? [handles[0]] : handles, &random) }
        func counted() -> [Int] {
            let counters = place.services.online!.store.readCounters[1]!.current
            return [counters.hits, counters.misses, counters.expired]
        }
        bytes = []
        for (index, get) in gets.enumerated() { append(.getPrepared, UInt64(10 + index), head: get.head, body: get.body) }
        try await raw.send(bytes)
        _ = try await answers(3 + gets.count)
        let countedTogether = counted()
        for (index, get) in gets.enumerated() {
            bytes = []
            append(.getPrepared, UInt64(1_000 + index), head: get.head, body: get.body)
            let before = raw.received.count
            try await raw.send(bytes)
            for _ in 0..<1_000 where raw.received.count == before { try await Task.sleep(for: .milliseconds(1)) }
        }
        let all = try await answers(3 + 2 * gets.count)
        for index in gets.indices {
            let (together, alone) = (all[UInt64(10 + index)], all[UInt64(1_000 + index)])
            #expect(alone != nil && alone?.header.status == together?.header.status && alone?.body == together?.body)
        }
        #expect(counted() == countedTogether.map { $0 * 2 })
        try await raw.channel.close()
    }

    @Test func keysOfTextAndSeveralGroupsGoByHandleToo() async throws {
        let place = try await Place()
        try await place.apply(Self.features)
        _ = try await place.write(1, rows(10))
        let tags = try Column(.string, ["", "é", "a\0b"].map { .string(ByteString($0)) })
        let position = try await place.write(2, [tags, try Column(.float64, [.float64(1), .float64(.nan), .null])])
        let prepared = try await place.prepare { $0.features = ["tags:weight", "g:a"] }
        #expect(prepared.keys.map(\.name) == ["tag", "id"])
        let got = try await place.get(prepared, [tags, ids([4, nil, 5])])
        #expect(got.header.tag == position)
        #expect(got.columns[0].value(0) == .float64(1) && got.columns[0].float64(1).isNaN)
        #expect(got.columns[1].values == [.int32(8), .null, .int32(10)])
        #expect([got.statuses[0][2], got.statuses[1][1]] == [.nullValue, .notFound])
    }

    /// A feature added or widened leaves the answer as it was prepared; a list that means something else is refused.
    @Test func definitionsThatMoveUnderAHandleAreNoticed() async throws {
        let place = try await Place()
        try await place.apply(Self.features)
        _ = try await place.write(1, rows(4))
        let pinned = try await place.prepare { $0.features = ["g:text"] }
        let widened = try await place.prepare { $0.features = ["g:a"] }
        #expect(try await place.get(widened, [ids([1])]).columns[0].value(0) == .int32(2))
        try await place.apply("{name: a, type: int64}, {name: text, type: string}, {name: more, type: bool}")
        #expect(try await place.get(pinned, [ids([2])]).columns[0].value(0) == .string(ByteString("row 2")))
        await #expect(throws: HeadwaterError.self) { _ = try await place.get(widened, [ids([1])]) }
        let again = try await place.prepare { $0.features = ["g:a", "g:more"] }
        let got = try await place.get(again, [ids([1])])
        #expect(got.columns.map { $0.value(0) } == [.int64(2), .null])
        _ = try await place.write(
            1, version: 2, rows(4).enumerated().map { $0.offset == 2 ? try ids([10, 11, 12, 13]) : $0.element })
        #expect(try await place.get(again, [ids([1, 3])]).columns[0].values == [.int64(11), .int64(13)])
    }

    @Test func whatCannotBeAnsweredSaysWhy() async throws {
        let place = try await Place()
        try await place.apply(Self.features)
        let position = try await place.write(1, rows(4))
        let prepared = try await place.prepare { $0.service = "s" }
        func code(_ body: () async throws -> PackedColumns) async -> StatusCode? {
            do { _ = try await body() } catch { return (error as? HeadwaterError)?.code }
            return nil
        }
        #expect(await code { try await place.get(prepared, [ids([1])], handle: 77) } == .notFound)
        #expect(await code { try await place.get(prepared, [ids([1]), ids([1])]) } == .invalidArgument)
        #expect(await code { try await place.get(prepared, [ids([1])]) { $0.minPosition = position + 1_000 } } == .outOfRange)
        let other = await code {
            try await place.get(prepared, [ids([1])]) { ($0.minPosition, $0.logID) = (1, [UInt8](repeating: 9, count: 16)) }
        }
        #expect(other == .failedPrecondition)
        // Positions that are there are waited for, and read.
        async let waiting = place.get(prepared, [ids([3])]) { $0.minPosition = position }
        #expect(try await waiting.header.tag == position)
        for size in [0, 8, 15, 17] {
            let reply = await code {
                _ = try await place.client.call(.getPrepared, head: [], body: [UInt8](repeating: 1, count: size)[...])
                throw HeadwaterError(.ok, "")
            }
            #expect([.invalidArgument, .notFound].contains(reply), "\(size) bytes: \(String(describing: reply))")
        }
    }
}
