import ProcessSupport
import Foundation
import TestSupport
import Testing

extension SystemSuite {
    /// Followers come and go: new ones, dead ones, forgotten ones that return.
    @Suite(.serialized)
    struct FollowersTests {
        /// Small files, so that the log lets go of its beginning early.
        private static let online = ["--segment-bytes", "64KiB", "--snapshot-bytes", "1GiB"]
        private static let definitions = """
            project: shop
            entities: [{name: thing, keys: [{name: id, type: int64}]}]
            feature_groups:
              - name: things
                entity: thing
                event_time: seen
                features: [{name: value, type: int64}, {name: note, type: string}]
              - name: names
                entity: thing
                event_time: none
                features: [{name: name, type: string}, {name: tags, type: array(int32)}]

            """

        /// An online service whose log has let go of its beginning, and its offline service.
        private struct World {
            let place = try! Place()
            let roles: [String]
            /// Positions at which history is compared.
            var positions: [Int] = []
            private(set) var keys = 0
            private(set) var servers: [String: Child] = [:]

            init(_ roles: [String], logBytesMax: String = "1GiB") throws {
                self.roles = roles
                try start(logBytesMax: logBytesMax)
                try place.write("things.yaml", definitions)
                try place.succeed("apply", "things.yaml")
                for _ in 0..<4 {
                    try write(3_000)
                    try place.succeed(
                        ["write", "names", "--from", "-"], input: "id,name,tags\n\(keys),n\(keys),\"[1,null,3]\"\n1,one,\n")
                    try place.succeed(
                        "delete", "things", "--key", "id=\(keys - 5)", "--event-time", "\(1_700_000_000_000_000 + keys)")
                    try flush()
                }
                try trim()
            }

            mutating func start(_ only: String? = nil, logBytesMax: String = "1GiB") throws {
                let options = online + ["--log-bytes-max", logBytesMax]
                for role in roles where only == nil || role == only {
                    servers[role] = try place.start(role, socket: socket(role), role == "offline" ? [] : options)
                }
            }

            func kill(_ role: String) { servers[role]?.killNow() }

            func socket(_ role: String) -> String { role == "offline" ? "o.sock" : "s.sock" }
            /// Where the history is that others are compared with.
            var history: String { place.address(roles.contains("offline") ? "o.sock" : "s.sock") }

            mutating func write(_ count: Int, note: (Int) -> String = { "note \($0)" }) throws {
                var csv = "id,seen,value,note\n"
                for key in keys..<keys + count {
                    csv += "\(key),\(1_700_000_000_000_000 + key),\(StormRows.value(key)),\(note(key))\n"
                }
                let result = try place.succeed(["write", "things", "--from", "-", "--json"], input: csv).json()
                keys += count
                positions.append(try #require(result["position"] as? Int))
            }

            /// Chunks of everything, and a log without what they hold.
            func flush() throws { try place.succeed("compact", "--address", history) }

            func trim() throws {
                try flush()
                try place.succeed("snapshot")
                #expect(try oldest() > 1, "the log has let go of its beginning")
            }

            func status(_ socket: String = "s.sock") throws -> [String: Any] {
                try place.succeed("status", "--json", "--address", place.address(socket)).json()
            }

            func onlineStatus() throws -> [String: Any] { try #require(try status()["online"] as? [String: Any]) }
            func oldest() throws -> Int { try #require(try onlineStatus()["oldest_position"] as? Int) }

            func followers() throws -> [[String: Any]] { try #require(try onlineStatus()["followers"] as? [[String: Any]]) }

            /// The follower that is not the directory's own.
            func remote() throws -> [String: Any]? {
                try followers().first { $0["name"] as? String != "offline" }
            }

            func follow(_ data: String = "far", socket: String = "f.sock", _ more: [String] = []) throws -> Child {
                try place.launch(
                    "offline", data: data, socket: socket, ["--follow", place.address("s.sock"), "--flush-bytes", "64KiB"] + more)
            }

            /// Waits until a follower serves everything, and compares it with the old one cell by cell.
            func expectEqual(_ child: Child, _ socket: String = "f.sock") throws {
                let last = try place.lastPosition()
                let isThere = try poll(seconds: 60) {
                    guard child.isRunning else { throw PlaceError(description: "the follower ended: \(child.errors)") }
                    let status = try? place.run("status", "--json", "--address", place.address(socket))
                    let offline = try? status?.json()["offline"] as? [String: Any]
                    return (offline?["applied_position"] as? Int ?? 0) >= last
                }
                try #require(isThere, "\(child.errors)")
                for address in [history, place.address(socket)] {
                    // Both wait for the same position.
                    try place.succeed(
                        "scan", "names", "--out", "-", "--min-position", "\(last)", "--address", address)
                }
                for position in positions.suffix(3) + [last] {
                    for group in ["things", "names"] {
                        let scan = ["scan", group, "--deletes", "--as-of", "\(position)", "--out", "-", "--address"]
                        let (old, new) = (
                            try place.succeed(scan + [history]), try place.succeed(scan + [place.address(socket)])
                        )
                        #expect(old.output == new.output, "\(group) as of \(position)")
                        #expect(old.lines.count > (group == "things" ? 3_000 : 2))
                    }
                }
                let audit = try place.succeed("audit", "--json", "--address", place.address(socket)).json()
                #expect(audit["difference_count"] as? Int == 0)
                let oldest = try [history, place.address(socket)].map { address in
                    let status = try place.succeed("status", "--json", "--address", address).json()
                    return (status["offline"] as? [String: Any])?["oldest_as_of"] as? Int
                }
                #expect(oldest[0] == oldest[1])
            }
        }

        @Test(arguments: [["serve"], ["online", "offline"]])
        func aNewFollowerBehindATrimmedLogEndsEqual(_ roles: [String]) throws {
            var world = try World(roles)
            let child = try world.follow()
            try world.expectEqual(child)
            #expect(child.errors.contains("the history is here"))
            try world.write(1_000)
            try world.expectEqual(child)
            let remote = try #require(try world.remote())
            #expect(remote["connected"] as? Bool == true)
            // A second one may take it from the first, when that is all there is.
            if roles.count == 2 {
                let second = try world.follow("farther", socket: "g.sock")
                try world.expectEqual(second, "g.sock")
            }
        }

        @Test func withoutAnyHistoryTheErrorSaysWhatToDo() throws {
            let world = try World(["online", "offline"])
            // The only history goes away, with its address.
            let place = world.place
            try place.succeed("log", "forget", "offline")
            try FileManager.default.removeItem(atPath: place.path("store/offline.address"))
            let child = try world.follow()
            #expect(poll(seconds: 20) { child.errors.contains("needs the history of an offline service") })
            #expect(child.errors.contains("restore a copy of its offline directory"))
            let status = try place.succeed("status", "--json", "--address", place.address("f.sock")).json()
            let failure = (status["bootstrap"] as? [String: Any])?["failure"] as? String
            #expect(failure?.contains("restore") == true)
            let scan = try place.run("scan", "things", "--out", "-", "--address", place.address("f.sock"))
            #expect(!scan.succeeded && scan.errors.contains("restore"))
        }

        @Test(arguments: ["follower", "source"], [11 as UInt64])
        func aKillInTheMiddleOfABootstrapOnlyDelaysIt(_ victim: String, seed: UInt64) throws {
            var world = try World(["online", "offline"])
            var random = SplitMix64(seed: seed)
            // Notes that do not compress, so that a transfer takes its time.
            for _ in 0..<3 { try world.write(8_000) { _ in (0..<24).map { _ in String(random.next(), radix: 36) }.joined() } }
            try world.trim()
            var child = try world.follow()
            var (kills, middle) = (0, 0)
            while kills < 10 {
                Thread.sleep(forTimeInterval: Double(random.int(50...900)) / 1_000)
                let isWhole = FileManager.default.fileExists(atPath: world.place.path("far/offline/manifest"))
                let isBegun = FileManager.default.fileExists(atPath: world.place.path("far/offline"))
                middle += isBegun && !isWhole ? 1 : 0
                kills += 1
                if victim == "follower" {
                    child.killNow()
                    // Every second time from the beginning.
                    if isWhole { try FileManager.default.removeItem(atPath: world.place.path("far")) }
                    child = try world.follow()
                } else {
                    world.kill("offline")
                    try world.start("offline")
                    if isWhole {
                        child.killNow()
                        try FileManager.default.removeItem(atPath: world.place.path("far"))
                        child = try world.follow()
                    }
                }
            }
            try world.expectEqual(child)
            let left = try FileManager.default.contentsOfDirectory(atPath: world.place.path("far/offline"))
            #expect(left.allSatisfy { !$0.hasPrefix("incoming") })
            print("bootstrap: \(kills) kills of the \(victim), \(middle) in the middle, seed \(seed); ended equal")
        }

        @Test func aDeadFollowerIsNamedHoldsTheLogIsForgottenAndComesBack() throws {
            var world = try World(["serve"], logBytesMax: "1500KiB")
            let place = world.place
            let first = try world.follow()
            try world.expectEqual(first)
            first.killNow()
            let dead = try #require(try world.remote())
            let name = try #require(dead["name"] as? String)
            #expect(poll(seconds: 5) { (try? world.remote()?["connected"] as? Bool) == false })
            #expect(dead["last_heard"] as? Int != nil)

            var refusal = ""
            for _ in 0..<200 {
                let keys = world.keys
                let outcome = try place.run(
                    ["write", "things", "--from", "-", "--json"], input: StormRows.csv(keys + 500_000..<keys + 501_000))
                if !outcome.succeeded {
                    refusal = outcome.errors
                    break
                }
                // Only the dead one is behind.
                try world.flush()
                try place.succeed("snapshot")
            }
            #expect(refusal.contains("'\(name)'") && refusal.contains("headwater log forget \(name)"), "\(refusal)")
            let holding = try #require(try world.remote())
            #expect(holding["behind"] as? Int ?? 0 > 0 && holding["held_bytes"] as? Int ?? 0 > 1_000_000)
            let text = try place.succeed("status").output
            #expect(text.contains("follower    \(name)") && text.contains("not connected, last heard of"))

            // The process was never restarted.
            try world.flush()
            try place.succeed("log", "forget", name)
            #expect(try world.remote() == nil)
            try world.write(1_000)
            try world.trim()
            let again = try world.follow()
            try world.expectEqual(again)
            #expect(again.errors.contains("no follower is registered as '\(name)'"), "it was told")
            #expect(again.errors.contains("the history is here"), "it took the history anew")
            #expect(try world.remote()?["name"] as? String == name)
        }

        @Test func aForgottenFollowerWhoseNextPositionIsThereKeepsItsChunks() throws {
            var world = try World(["serve"])
            let first = try world.follow()
            try world.expectEqual(first)
            let name = try #require(try world.remote()?["name"] as? String)
            // While it is connected: it hears so, and registers again.
            try world.place.succeed("log", "forget", name)
            #expect(poll(seconds: 20) { (try? world.remote()?["connected"] as? Bool) == true })
            first.killNow()
            try world.place.succeed("log", "forget", name)
            try world.write(100)
            let again = try world.follow()
            try world.expectEqual(again)
            #expect(again.errors.contains("registered with") && !again.errors.contains("fetching history"))
        }

        @Test func damageInTheSourceIsRefusedAndNeverInstalled() throws {
            var world = try World(["online", "offline"])
            let place = world.place
            world.kill("offline")
            let folder = place.path("store/offline")
            let name = try #require(
                try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasPrefix("chunk-") }.sorted().last)
            let handle = try #require(FileHandle(forUpdatingAtPath: folder + "/" + name))
            try handle.seek(toOffset: 150)
            let byte = try #require(try handle.read(upToCount: 1)?.first)
            try handle.seek(toOffset: 150)
            try handle.write(contentsOf: Data([byte ^ 4]))
            try handle.close()
            try world.start("offline")
            let child = try world.follow()
            #expect(poll(seconds: 20) { child.errors.contains("a page's checksum does not match") }, "\(child.errors)")
            #expect(child.errors.contains("offline/\(name):"))
            #expect(!FileManager.default.fileExists(atPath: place.path("far/offline/manifest")))
        }

        @Test func theOnlineStoreIsMadeAnewFromTheHistory() throws {
            var world = try World(["serve"])
            try world.write(500)
            let place = world.place
            let scan = ["scan", "things", "--out", "-", "--min-position", "\(try place.lastPosition())"]
            let before = try place.succeed(scan).output
            world.kill("serve")
            let folder = place.path("store/online")
            for name in try FileManager.default.contentsOfDirectory(atPath: folder) where name.hasPrefix("snapshot-") {
                try FileManager.default.removeItem(atPath: folder + "/" + name)
            }
            try world.start()
            let again = try #require(world.servers["serve"])
            #expect(again.errors.contains("made anew from the history"))
            let audit = try place.succeed("audit", "--json").json()
            #expect(audit["difference_count"] as? Int == 0)
            #expect(try place.succeed(scan).output == before)
            let rows = (audit["groups"] as? [[String: Any]])?.compactMap { $0["online_rows"] as? Int } ?? []
            #expect(rows.max() ?? 0 > 12_400)
        }

        @Test func anOfflineServiceThatLostItsHistorySaysWhatToDo() throws {
            let world = try World(["online", "offline"])
            let place = world.place
            world.kill("offline")
            try FileManager.default.removeItem(atPath: place.path("store/offline"))
            let child = try place.launch("offline", socket: "o.sock")
            #expect(child.wait(seconds: 20) == .exit(5))
            #expect(child.errors.contains("the log no longer holds what follows") && child.errors.contains("--follow"))
        }
    }
}
