import ProcessSupport
import FeatureModel
import Foundation
import OnlineStore
import StorageIO
import TestSupport
import Testing

extension SystemSuite {
    /// Damage and differences that are planted under running servers are found, and told with their place.
    @Suite(.serialized)
    struct ScrubTests {
        private static let keys = 20_000

        /// A server that scrubs every second over chunks and a snapshot, and went through one clean scrub.
        private func scrubbed(_ place: Place) throws {
            try place.start("serve", ["--scrub-interval", "1s"])
            try fill(place)
            try place.succeed("snapshot")
            try place.succeed("compact")
            // Snapshot, chunks, and both sides of the audit.
            let clean = try scrub(place) { ($0["rows"] as? Int ?? 0) >= 4 * Self.keys && $0["finished_at"] != nil }
            #expect(clean["damage_count"] as? Int == 0 && clean["difference_count"] as? Int == 0)
        }

        private func fill(_ place: Place) throws {
            try place.write("things.yaml", StormRows.definitions)
            try place.succeed("apply", "things.yaml")
            try place.succeed(["write", "things", "--from", "-"], input: StormRows.csv(0..<Self.keys))
        }

        /// The scrub's part of the status, as soon as it is as wanted.
        @discardableResult
        private func scrub(
            _ place: Place, socket: String = "s.sock", until isWanted: ([String: Any]) -> Bool
        ) throws -> [String: Any] {
            var last: [String: Any] = [:]
            let found = try poll(seconds: 60) {
                let status = try place.succeed("status", "--json", "--address", place.address(socket)).json()
                last = status["scrub"] as? [String: Any] ?? [:]
                return isWanted(last)
            }
            try #require(found, "\(last)")
            return last
        }

        /// Changes one byte in the middle of what a file holds, under the server's feet.
        ///
        /// - Returns: where.
        private func rot(_ place: Place, _ name: String) throws -> Int {
            // The log's file ends in zeros for what is to come.
            let start = try Data(contentsOf: URL(fileURLWithPath: place.path(name))).prefix(1 << 20)
            let used = try #require(start.lastIndex { $0 != 0 })
            let offset = UInt64(used / 2)
            let file = try FileHandle(forUpdating: URL(fileURLWithPath: place.path(name)))
            try file.seek(toOffset: offset)
            let byte = try #require(try file.read(upToCount: 1)?.first)
            try file.seek(toOffset: offset)
            try file.write(contentsOf: Data([byte ^ 0x40]))
            try file.close()
            return Int(offset)
        }

        @Test(arguments: ["online", "offline", "log"])
        func aChangedByteIsFoundWithFileAndOffset(part: String) throws {
            let place = try Place()
            try scrubbed(place)
            let prefixes = ["online": "snapshot-", "offline": "chunk", "log": "segment-"]
            let name = try #require(
                try FileManager.default.contentsOfDirectory(atPath: place.path("store/\(part)"))
                    .first { $0.hasPrefix(prefixes[part]!) })
            let planted = ContinuousClock.now
            let changed = try rot(place, "store/\(part)/\(name)")
            let found = try scrub(place) { $0["damage_count"] as? Int ?? 0 > 0 }
            let finding = try #require((found["findings"] as? [[String: Any]])?.first)
            let location = try #require(finding["location"] as? String)
            let offset = try #require(Int(location.split(separator: ":").last ?? ""))
            print("\(part): found after \(ContinuousClock.now - planted) at \(location)")
            #expect(location.contains(name) && (0...changed).contains(offset))
            if part == "online" { #expect(offset == changed / 4_096 * 4_096) }
            let text = try place.succeed("status").output
            #expect(text.contains("DAMAGE") && text.contains(location))
            // What was damaged after it had been read whole is not served.
            if part == "online" {
                let refused = try (0..<Self.keys / 1_000).contains { first in
                    let keys = (first * 1_000..<first * 1_000 + 1_000).flatMap { ["--entity", "id=\($0)"] }
                    return try place.run(["get", "--features", "things:value"] + keys).errors.contains("DATA_LOSS")
                }
                #expect(refused)
            } else if part == "offline" {
                #expect(try place.run("scan", "things", "--out", "-").errors.contains("DATA_LOSS"))
            }
        }

        /// The same row with other features, under a checksum that holds: only a comparison of the stores can find it.
        @Test func aRowThatDiffersIsFoundByAuditAndScrubAcrossProcesses() throws {
            let place = try Place()
            let online = try place.start("online")
            try place.start("offline", socket: "o.sock", ["--scrub-interval", "1s"])
            try fill(place)
            try place.succeed("audit")
            try place.succeed("snapshot")
            online.send(SIGTERM)
            try #require(online.wait(seconds: 30) == .exit(0))
            try replaceRow(place, id: 4_711)
            try place.start("online")
            let refused = try place.run("audit", "--json")
            #expect(refused.ending == .exit(5) && refused.errors.contains("differ in 1 key"))
            let report = try refused.json()
            let difference = try #require((report["differences"] as? [[String: Any]])?.first)
            #expect(report["difference_count"] as? Int == 1 && report["is_complete"] as? Bool == true)
            #expect(difference["key"] as? String == "id=4711" && difference["kind"] as? String == "the values differ")
            let found = try scrub(place, socket: "o.sock") { $0["difference_count"] as? Int == 1 }
            #expect(((found["differences"] as? [[String: Any]])?.first)?["key"] as? String == "id=4711")
        }

        private func replaceRow(_ place: Place, id: Int64) throws {
            let storage = RealStorage()
            let directory = place.path("store/online")
            let name = try #require(try storage.list(directory).first { $0.hasPrefix("snapshot-") })
            let logID = Array(try storage.readAll("\(directory)/\(name)")[32..<48])
            let store = try OnlineStore.open(storage, directory: directory, seed: 0, logID: logID)
            defer { store.close() }
            let key = try #require(KeyCodec.key([try Column(.int64, [.int64(id)])], row: 0))
            let features = try [Column(.int64, [.int64(-1)]), Column(.string, [.string("planted")])]
            #expect(try store.replaceRowBehindTheLog(groupID: 1, key: key, features: features, row: 0))
            try store.adopt(store.writeSnapshot(store.beginSnapshot(), extra: store.recoveredExtra))
        }

        @Test func anOfflineServiceAloneRefusesWhatLiesBeyondTheLogsEnd() throws {
            let place = try Place()
            let online = try place.start("online")
            try place.start("offline", socket: "o.sock")
            try place.start("offline", data: "far", socket: "f.sock", ["--follow", place.address("s.sock")])
            try fill(place)
            let last = try place.lastPosition()
            func scan(_ position: Int, _ socket: String) throws -> Outcome {
                try place.run(
                    ["scan", "things", "--out", "-", "--min-position", "\(position)", "--address", place.address(socket)])
            }
            for socket in ["o.sock", "f.sock"] {
                #expect(try scan(last, socket).succeeded)
                let started = ContinuousClock.now
                // The owner itself knows that nobody was given the next position; the files know it of one beyond the reserve.
                for position in [last + 1, last + 10_000_000] {
                    let refused = try scan(position, socket)
                    #expect(!refused.succeeded && refused.errors.contains("lies beyond the log's end"), "\(refused.errors)")
                }
                #expect(ContinuousClock.now - started < .seconds(20))
            }
            online.send(SIGTERM)
            try #require(online.wait(seconds: 30) == .exit(0))
            // A clean end leaves the last position in the log's files.
            let refused = try scan(last + 1, "o.sock")
            #expect(!refused.succeeded && refused.errors.contains("lies beyond the log's end"), "\(refused.errors)")
        }
    }
}
