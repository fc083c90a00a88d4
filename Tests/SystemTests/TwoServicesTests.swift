import Foundation
import ProcessSupport
import TestSupport
import Testing

extension SystemSuite {
    /// The two services as two processes.
    @Suite(.serialized)
    struct TwoServicesTests {
        @Test func twoProcessesOnOneDirectoryAgree() throws {
            let place = try Place()
            try place.start("online")
            try place.start("offline", socket: "o.sock")
            try expectAgreement(place, follows: "o.sock")
        }

        @Test func aFollowerOverTheProtocolAgreesAlsoAfterAKill() throws {
            let place = try Place()
            try place.start("online")
            let follow = ["--follow", place.address("s.sock")]
            let follower = try place.start("offline", data: "other", socket: "o.sock", follow)
            let first = try expectAgreement(place, follows: "o.sock")
            follower.killNow()
            // Written while it is down: it catches up.
            let second = 5_000..<5_100
            let position = try write(place, second)
            try place.start("offline", data: "other", socket: "o.sock", follow)
            try expectHistory(place, socket: "o.sock", keys: [first.lowerBound, second.upperBound - 1], position: position)
            try expectNoDifferences(place, socket: "o.sock", rows: first.count + second.count, position: position)
            // A new follower, when the log has all of it already.
            try place.start("offline", data: "third", socket: "p.sock", follow)
            try expectHistory(place, socket: "p.sock", keys: [first.lowerBound, second.upperBound - 1], position: position)
            try expectNoDifferences(place, socket: "p.sock", rows: first.count + second.count, position: position)
        }

        @Test func withoutTheOfflineServiceWritesAndGetsGoOn() throws {
            let place = try Place()
            try place.start("online")
            let offline = try place.start("offline", socket: "o.sock")
            try place.write("things.yaml", StormRows.definitions)
            try place.succeed("apply", "things.yaml")
            _ = try write(place, 0..<50)
            offline.killNow()
            let position = try write(place, 50..<100)
            try expectGet(place, key: 99, position: position)
            for command in [
                ["history", "--spine", "spine.csv", "--features", "things:value", "--out", "-"],
                ["scan", "things", "--out", "-"], ["audit"],
            ] {
                try place.write("spine.csv", "id,event_time\n1,2030-01-01\n")
                let refused = try place.run(command)
                #expect(refused.ending == .exit(4))
                #expect(refused.errors.contains("the offline service is down"), "\(command): \(refused.errors)")
            }
            // Back again, it has what was written meanwhile.
            try place.start("offline", socket: "o.sock")
            try expectHistory(place, socket: "o.sock", keys: [1, 99], position: position)
            try expectNoDifferences(place, socket: "o.sock", rows: 100, position: position)
        }

        @Test func withoutTheOnlineServiceHistoryStillAnswers() throws {
            let place = try Place()
            let online = try place.start("online")
            try place.start("offline", socket: "o.sock")
            try place.write("things.yaml", StormRows.definitions)
            try place.succeed("apply", "things.yaml")
            let position = try write(place, 0..<50)
            try expectHistory(place, socket: "o.sock", keys: [0, 49], position: position)
            online.killNow()
            try expectHistory(place, socket: "o.sock", keys: [0, 49], position: position)
            let offline = ["--address", place.address("o.sock")]
            let scan = try place.succeed(["scan", "things", "--out", "-"] + offline)
            #expect(scan.lines.count == 51)
            for command in [
                ["write", "things", "--from", "-"], ["get", "--features", "things:value", "--entity", "id=1"],
                ["apply", "things.yaml"],
            ] {
                let refused = try place.run(command + offline, input: StormRows.csv(60..<61))
                #expect(refused.ending == .exit(4))
                #expect(refused.errors.contains("the online service is down"), "\(command): \(refused.errors)")
            }
            try place.start("online")
            let later = try write(place, 50..<60)
            try expectNoDifferences(place, socket: "o.sock", rows: 60, position: later)
        }

        /// Writes, then asks the offline service of `socket`, which must have it all.
        @discardableResult
        private func expectAgreement(_ place: Place, follows socket: String) throws -> Range<Int> {
            try place.write("things.yaml", StormRows.definitions)
            try place.succeed("apply", "things.yaml")
            let keys = 0..<1_000
            var position = 0
            for start in stride(from: 0, to: keys.count, by: 250) { position = try write(place, start..<start + 250) }
            try expectGet(place, key: 999, position: position)
            try expectHistory(place, socket: socket, keys: [0, 499, 999], position: position)
            try expectNoDifferences(place, socket: socket, rows: keys.count, position: position)
            return keys
        }

        /// - Returns: the position of the write.
        private func write(_ place: Place, _ keys: Range<Int>) throws -> Int {
            let result = try place.succeed(["write", "things", "--from", "-", "--json"], input: StormRows.csv(keys)).json()
            #expect(result["rows"] as? Int == keys.count)
            return try #require(result["position"] as? Int)
        }

        private func expectGet(_ place: Place, key: Int, position: Int) throws {
            let got = try place.succeed(
                "get", "--features", "things:value", "--entity", "id=\(key)", "--min-position", "\(position)", "--json")
            #expect(got.output.contains("\"features\":{\"value\":\(StormRows.value(key))}"))
        }

        /// One microsecond before its time each row is not there, at its time it is.
        private func expectHistory(_ place: Place, socket: String, keys: [Int], position: Int) throws {
            var spine = "id,event_time\n"
            var expected = ["id,event_time,value,value__status"]
            for key in keys {
                let time = 1_700_000_000_000_000 + key
                spine += "\(key),\(time - 1)\n\(key),\(time)\n"
                expected += ["\(key),\(time - 1),,NOT_FOUND", "\(key),\(time),\(StormRows.value(key)),PRESENT"]
            }
            let history = try place.succeed(
                [
                    "history", "--spine", "-", "--features", "things:value", "--statuses", "--out", "-", "--min-position",
                    "\(position)", "--address", place.address(socket),
                ], input: spine)
            #expect(history.lines == expected)
        }

        private func expectNoDifferences(_ place: Place, socket: String, rows: Int, position: Int) throws {
            let audit = try place.succeed(
                "audit", "--json", "--min-position", "\(position)", "--address", place.address(socket)
            ).json()
            #expect(audit["difference_count"] as? Int == 0)
            let group = try #require((audit["groups"] as? [[String: Any]])?.first)
            #expect(group["online_rows"] as? Int == rows)
            #expect(group["offline_rows"] as? Int == rows)
        }
    }
}
