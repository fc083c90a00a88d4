import Dispatch
import Foundation
import ProcessSupport
import TestSupport
import Testing

extension SystemSuite {
    /// Positions, orderly ends, and who owns a directory.
    @Suite(.serialized)
    struct PromiseTests {
        @Test func aReadBeyondTheEndIsAnErrorAndNeverStale() throws {
            let place = try Place()
            try place.start("serve")
            try place.write("things.yaml", StormRows.definitions)
            try place.succeed("apply", "things.yaml")
            try place.succeed(["write", "things", "--from", "-"], input: StormRows.csv(0..<10))
            let end = try place.lastPosition()
            try place.write("spine.csv", "id,event_time\n1,2030-01-01\n")
            for command in [
                ["get", "--features", "things:value", "--entity", "id=1"], ["scan", "things", "--out", "-"],
                ["history", "--spine", "spine.csv", "--features", "things:value", "--out", "-"],
            ] {
                let at = try place.run(command + ["--min-position", "\(end)"])
                #expect(at.succeeded, "\(command): \(at.errors)")
                for beyond in [end + 1, end + 1_000_000] {
                    let refused = try place.run(command + ["--min-position", "\(beyond)"], seconds: 45)
                    #expect([.exit(1), .exit(4)].contains(refused.ending), "\(command) at \(beyond)")
                    #expect(refused.output.isEmpty)
                    #expect(refused.errors.contains("\(beyond)") || refused.errors.contains("DEADLINE"), "\(refused.errors)")
                }
            }
        }

        @Test func everyWriteIsReadAtItsPosition() throws {
            let place = try Place()
            try place.start("online")
            try place.start("offline", socket: "o.sock")
            try place.write("things.yaml", StormRows.definitions)
            try place.succeed("apply", "things.yaml")
            let storm = WriteStorm(place)
            storm.start(writers: 2, rows: 50)
            for key in 0..<10 {
                let result = try place.succeed(["write", "things", "--from", "-", "--json"], input: StormRows.csv(key..<key + 1))
                let position = try #require(try result.json()["position"] as? Int)
                let got = try place.succeed(
                    "get", "--features", "things:value", "--entity", "id=\(key)", "--min-position", "\(position)", "--json")
                #expect(got.output.contains("\"features\":{\"value\":\(StormRows.value(key))}"))
                #expect(try #require(try got.json()["position"] as? Int) >= position)
                let history = try place.succeed(
                    [
                        "history", "--spine", "-", "--features", "things:value", "--min-position", "\(position)", "--out", "-",
                    ], input: "id,event_time\n\(key),2030-01-01\n")
                #expect(history.lines.last == "\(key),2030-01-01,\(StormRows.value(key))")
            }
            _ = try #require(storm.finish())
        }

        @Test(arguments: ["serve", "online", "offline"])
        func anOrderlyEndInAWriteStreamLosesNothing(_ victim: String) throws {
            let place = try Place()
            let isApart = victim != "serve"
            let offlineSocket = isApart ? "o.sock" : "s.sock"
            let online = try place.start(isApart ? "online" : "serve")
            let offline = isApart ? try place.start("offline", socket: "o.sock") : nil
            try place.write("things.yaml", StormRows.definitions)
            try place.succeed("apply", "things.yaml")
            let storm = WriteStorm(place)
            storm.start()
            #expect(poll(seconds: 30) { storm.acknowledged >= 8 })
            let server = victim == "offline" ? offline! : online
            server.send(SIGTERM)
            #expect(server.wait(seconds: 10) == .exit(0), "\(server.errors)")
            try place.start(
                victim == "offline" ? "offline" : isApart ? "online" : "serve", socket: victim == "offline" ? "o.sock" : "s.sock")
            let before = storm.acknowledged
            #expect(poll(seconds: 30) { storm.acknowledged > before })
            let writes = try #require(storm.finish())
            let figures = try expectWhole(writes, in: place, offlineSocket: offlineSocket)
            print("SIGTERM of \(victim): \(figures)")
        }

        @Test func aDirectoryHasOneOwner() throws {
            let place = try Place()
            let first = try place.start("serve")
            try place.write("things.yaml", StormRows.definitions)
            try place.succeed("apply", "things.yaml")
            for role in ["serve", "online", "offline"] {
                let second = try place.launch(role, socket: "second.sock")
                let ending = second.wait(seconds: 30)
                second.killNow()
                #expect(ending == .exit(1), "\(role): \(second.errors)")
                #expect(second.errors.contains("store"), "\(role): \(second.errors)")
                let lower = second.errors.lowercased()
                #expect(["lock", "in use", "another", "owner"].contains { lower.contains($0) }, "\(role): \(second.errors)")
            }
            #expect(first.isRunning)
            try place.succeed(["write", "things", "--from", "-"], input: StormRows.csv(0..<10))
            #expect(try place.succeed("scan", "things", "--out", "-").lines.count == 11)
        }

        @Test func aSecondServerDoesNotTakeTheSocketOfTheFirst() throws {
            let place = try Place()
            let first = try place.start("serve")
            try place.write("things.yaml", StormRows.definitions)
            try place.succeed("apply", "things.yaml")
            let second = try place.launch("serve", data: "other")
            let ending = second.wait(seconds: 30)
            second.killNow()
            #expect(ending == .exit(1), "\(second.errors)")
            #expect(second.errors.contains("s.sock"), "\(second.errors)")
            #expect(first.isRunning)
            #expect(try place.succeed("list").output.contains("things"))
        }

        @Test(arguments: ["0.0.0.0:0", "[::]:0"])
        func beyondLoopbackItListensOnlyWhenToldSo(_ address: String) throws {
            let place = try Place()
            let refused = try place.run(["serve", "--data", "store", "--listen", address], seconds: 30)
            #expect(refused.ending == .exit(1), "\(refused.errors)")
            #expect(refused.errors.contains("--insecure"), "\(refused.errors)")
        }
    }
}
