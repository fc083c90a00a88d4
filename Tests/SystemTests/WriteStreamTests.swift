import Catalog
import Client
import FeatureModel
import Foundation
import ProcessSupport
import Synchronization
import TestSupport
import Testing

extension SystemSuite {
    /// Streams of the Swift client: each row once and in order, whatever happens to connections and servers; and what they say
    /// where that cannot be.
    @Suite(.serialized)
    struct WriteStreamTests {
        /// All rows have this event time, so that of a key the one that was added last is the latest.
        private static let time: Microseconds = 1_700_000_000_000_000
        private static let keyCount = 10

        private static let definitions = """
            project: shop
            entities: [{name: thing, keys: [{name: id, type: int64}]}]
            feature_groups:
              - name: things
                entity: thing
                event_time: seen
                features: [{name: value, type: int32, checks: {min: 0}}, {name: note, type: string}]

            """

        private static func row(_ number: Int) -> [String: Value] {
            ["id": .int64(Int64(number % keyCount)), "seen": .timestamp(time), "value": .int32(Int32(number))]
        }

        private func place() throws -> (Place, Child) {
            let place = try Place()
            let server = try place.start("serve")
            try place.write("things.yaml", Self.definitions)
            try place.succeed("apply", "things.yaml")
            return (place, server)
        }

        private func client(
            _ place: Place, socket: String = "s.sock", writeTimeout: Duration = .seconds(60)
        ) async throws -> HeadwaterClient {
            var configuration = ClientConfiguration()
            configuration.writeTimeout = writeTimeout
            return try await .connect(place.address(socket), project: "shop", configuration: configuration)
        }

        /// Every row is there once, those of a key in the order in which they were added, and the last is the latest.
        private func expectRows(_ count: Int, in place: Place, at position: Position, _ label: Comment) throws {
            let scan = try place.succeed("scan", "things", "--min-position", "\(position)", "--out", "-").lines.dropFirst()
            var values: [Int: [Int]] = [:]
            for line in scan {
                // id,event_time,ingest_time,position,row,value,note
                let cells = line.split(separator: ",", omittingEmptySubsequences: false)
                values[try #require(Int(cells[0])), default: []].append(try #require(Int(cells[5])))
            }
            for key in 0..<Self.keyCount {
                #expect(values[key] == Array(stride(from: key, to: count, by: Self.keyCount)), "key \(key), \(label)")
            }
            let keys = (0..<Self.keyCount).flatMap { ["--entity", "id=\($0)"] }
            let got = try place.succeed(["get", "--features", "things:value", "--json"] + keys).json()
            let vectors = try #require(got["vectors"] as? [[String: Any]])
            let latest = vectors.compactMap { ($0["features"] as? [String: Any])?["value"] as? Int }
            #expect(Set(latest) == Set(count - Self.keyCount..<count), label)
        }

        /// The later seeds have notes, so that some requests are large and checked on other threads than small ones.
        @Test(arguments: [11, 12, 13, 14, 15] as [UInt64])
        func rowsAreWrittenOnceAndInOrderOverConnectionsThatBreak(_ seed: UInt64) async throws {
            let (place, _) = try place()
            let proxy = try Proxy(path: place.path("p.sock"), to: place.path("s.sock"), seed: seed)
            defer { proxy.close() }
            var random = SplitMix64(seed: seed)
            let client = try await client(place, socket: "p.sock")
            let stream = try await client.stream("things", batch: random.int(1...40), inFlight: random.int(1...16))
            let cutSeed = random.next()
            let cutting = Task {
                var random = SplitMix64(seed: cutSeed)
                var cuts = 0
                while !Task.isCancelled {
                    try? await Task.sleep(for: .milliseconds(random.int(20...200)))
                    cuts += proxy.cut()
                }
                return cuts
            }
            let count = 2_000
            for number in 0..<count {
                var row = Self.row(number)
                if seed > 13, random.chance(0.3) {
                    row["note"] = .string(ByteString(String(repeating: "n", count: random.int(1...8_000))))
                }
                try await stream.add(row)
                if random.chance(0.02) { try await Task.sleep(for: .milliseconds(random.int(0...5))) }
            }
            let position = try await stream.flush()
            cutting.cancel()
            let cuts = await cutting.value
            let summary = try await stream.close()
            print("stream over connections that break, seed \(seed): \(cuts) cuts, \(summary.requests) requests")
            #expect(summary.rows == count && summary.position == position && cuts > 0, "seed \(seed)")
            try expectRows(count, in: place, at: position, "seed \(seed)")
            await client.close()
        }

        @Test(arguments: [21, 22] as [UInt64])
        func aKilledServerCostsNoRowAndDoublesNone(_ seed: UInt64) async throws {
            var (place, server) = try place()
            var random = SplitMix64(seed: seed)
            let client = try await client(place)
            let stream = try await client.stream("things", batch: 64, inFlight: 8)
            let adding = Task {
                var number = 0
                while !Task.isCancelled {
                    try await stream.add(Self.row(number))
                    number += 1
                    if number % 50 == 0 { try? await Task.sleep(for: .milliseconds(1)) }
                }
                return number
            }
            for _ in 0..<5 {
                try await Task.sleep(for: .milliseconds(random.int(50...300)))
                server.killNow()
                server = try place.start("serve")
            }
            adding.cancel()
            // The row at which the task was cancelled is not taken.
            _ = await adding.result
            let count = await stream.rowsAdded
            let summary = try await stream.close()
            print("stream over SIGKILL, seed \(seed): \(summary.rows) rows, \(summary.requests) requests")
            #expect(summary.rows == count && count > 100)
            try expectRows(count, in: place, at: summary.position, "seed \(seed)")
            await client.close()
        }

        @Test func addWaitsWhileTheStreamHoldsAllThatItMay() async throws {
            let (place, _) = try place()
            let proxy = try Proxy(path: place.path("p.sock"), to: place.path("s.sock"), seed: 1)
            defer { proxy.close() }
            let client = try await client(place, socket: "p.sock")
            let stream = try await client.stream("things", batch: 10, inFlight: 3)
            try proxy.hold(true)
            let adding = Task { for number in 0..<1_000 { try await stream.add(Self.row(number)) } }
            try await Task.sleep(for: .seconds(1))
            #expect(await stream.rowsAdded == 40, "three requests on their way, and one gathered")
            #expect(await stream.summary.rows == 0)
            let cancelled = Task { try await stream.add(Self.row(1)) }
            cancelled.cancel()
            await #expect(throws: HeadwaterError.self) { try await cancelled.value }
            #expect(await stream.rowsAdded == 40)
            try proxy.hold(false)
            try await adding.value
            let summary = try await stream.close()
            #expect(summary.rows == 1_000)
            try expectRows(1_000, in: place, at: summary.position, "after a pause")
            await client.close()
        }

        @Test func aRowGoesOutByItselfWhenItHasLingered() async throws {
            let (place, _) = try place()
            let client = try await client(place)
            let stream = try await client.stream("things")
            try await stream.add(Self.row(1))
            let started = ContinuousClock.now
            while await stream.summary.rows == 0, ContinuousClock.now - started < .seconds(5) {
                try await Task.sleep(for: .milliseconds(1))
            }
            #expect(await stream.summary.rows == 1)
            let patient = try await client.stream("things", linger: .seconds(600))
            try await patient.add(Self.row(2))
            try await Task.sleep(for: .milliseconds(300))
            #expect(await patient.summary.rows == 0)
            let position = try await patient.flush()
            #expect(await patient.summary.rows == 1)
            #expect(try place.lastPosition() == Int(position))
            let eager = try await client.stream("things", linger: .zero)
            try await eager.add(Self.row(3))
            #expect(try await eager.flush() == position + 2, "its session, and the row")
            await client.close()
        }

        @Test func aRefusedRowFailsTheStreamAndItsRowsAreAccountedFor() async throws {
            let (place, _) = try place()
            let client = try await client(place)
            let stream = try await client.stream("things", linger: .seconds(600), batch: 10)
            for number in 0..<25 { try await stream.add(Self.row(number)) }
            let position = try await stream.flush()
            var bad = Self.row(1)
            bad["value"] = .int32(-1)
            try await stream.add(bad)
            try await stream.add(Self.row(1))
            let failure = try await #require(throws: HeadwaterError.self) { try await stream.flush() }
            #expect(failure.code == .invalidArgument)
            #expect(failure.message.contains("things@1 row 26, column value"), "\(failure)")
            #expect(
                failure.message.contains("rows 1 to 25 of the stream: acknowledged, up to position \(position)"), "\(failure)")
            #expect(failure.message.contains("rows 26 to 27: not written"), "\(failure)")
            await #expect(throws: failure) { try await stream.add(Self.row(2)) }
            await #expect(throws: failure) { try await stream.close() }
            #expect(try place.lastPosition() == Int(position))
            await client.close()
        }

        @Test func aBadRowIsNamedByItsNumberAndTheStreamGoesOn() async throws {
            let (place, _) = try place()
            let client = try await client(place)
            let stream = try await client.stream("things")
            try await stream.add(Self.row(0))
            for (change, location, message) in [
                (["valeu": .int32(1)], "row 2", "unknown column 'valeu'; things@1 has id, seen, value, note"),
                (["id": .null], "row 2, column id", "every row needs a value here"),
                (["seen": .int64(5)], "row 2, column seen", "does not fit timestamp"),
                (["value": .int64(5)], "row 2, column value", "does not fit int32"),
            ] as [([String: Value], String, String)] {
                let row = Self.row(1).merging(change) { $1 }
                let error = try await #require(throws: HeadwaterError.self) { try await stream.add(row) }
                #expect(
                    error.code == .invalidArgument && error.location == location && error.message.contains(message), "\(error)")
            }
            try await stream.add(Self.row(1))
            #expect(try await stream.close().rows == 2)
            let closed = try await #require(throws: HeadwaterError.self) { try await stream.add(Self.row(1)) }
            #expect(closed.code == .failedPrecondition)
            await client.close()
        }

        @Test func aNewColumnAndAWiderTypeAreLookedUp() async throws {
            let (place, _) = try place()
            let client = try await client(place)
            let stream = try await client.stream("things")
            try await stream.add(Self.row(0))
            try place.write(
                "wider.yaml",
                Self.definitions.replacing("type: int32", with: "type: int64").replacing(
                    "{name: note, type: string}", with: "{name: note, type: string}, {name: more, type: float64}"))
            try place.succeed("apply", "wider.yaml")
            try await stream.add(Self.row(1))
            try await stream.add(Self.row(2).merging(["more": .float64(0.5), "value": .int64(1 << 40)]) { $1 })
            try await stream.add(Self.row(3))
            let summary = try await stream.close()
            #expect(summary.rows == 4)
            let scan = try place.succeed("scan", "things", "--min-position", "\(summary.position)", "--out", "-").lines
            #expect(scan.count == 5 && scan.contains { $0.hasSuffix(",\(1 << 40),,0.5") }, "\(scan)")
            await client.close()
        }

        @Test func tablesAndDeletesKeepTheirPlacesAmongTheRows() async throws {
            let (place, _) = try place()
            let client = try await client(place)
            let group = try await client.group("things")
            func entry(_ operation: FeatureModel.Operation, _ values: Range<Int>) throws -> RecordEntry {
                var columns = [
                    (0, try Column(.int64, values.map { .int64(Int64($0 % Self.keyCount)) })),
                    (1, try Column(.timestamp, values.map { _ in .timestamp(Self.time) })),
                ]
                if operation == .write { columns.append((2, try Column(.int32, values.map { .int32(Int32($0)) }))) }
                return RecordEntry(
                    groupID: group.id, schemaVersion: group.schemaVersion, operation: operation,
                    batch: Batch(rowCount: values.count, columns: columns.map { (ordinal: $0, column: $1) }))
            }
            let stream = try await client.stream("things", batch: 7, inFlight: 3)
            for number in 0..<5 { try await stream.add(Self.row(number)) }
            try await stream.add(try entry(.write, 5..<990))
            for number in 990..<1_000 { try await stream.add(Self.row(number)) }
            let position = try await stream.flush()
            try expectRows(1_000, in: place, at: position, "rows and a table")
            try await stream.add(try entry(.delete, 0..<3))
            try await stream.add(Self.row(1_002))
            #expect(try await stream.close().rows == 1_004)
            let got = try place.succeed(
                "get", "--features", "things:value", "--entity", "id=1", "--entity", "id=2", "--json"
            ).output
            #expect(got.contains("NOT_FOUND") && got.contains("1002"), "\(got)")
            await client.close()
        }

        @Test func aServerThatStaysAwayFailsTheStream() async throws {
            let (place, server) = try place()
            let client = try await client(place, writeTimeout: .seconds(2))
            let stream = try await client.stream("things")
            try await stream.add(Self.row(0))
            try await stream.flush()
            server.killNow()
            try await stream.add(Self.row(1))
            let failure = try await #require(throws: HeadwaterError.self) { try await stream.watch() }
            await #expect(throws: failure) { try await stream.close() }
            #expect(failure.code == .unavailable)
            #expect(failure.message.contains("row 1 of the stream: acknowledged"), "\(failure)")
            #expect(failure.message.contains("row 2: sent, and whether"), "\(failure)")
            await client.close()
        }
    }
}
