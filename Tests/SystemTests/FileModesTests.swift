import Foundation
import ProcessSupport
import StorageIO
import Testing

extension SystemSuite {
    /// What a store holds is for its owner alone, or for one group, whatever the umask.
    @Suite(.serialized)
    struct FileModesTests {
        /// Every file, directory and socket of a directory, itself included, whose mode is not the one of its kind.
        private func strangers(_ root: String, file: Int, directory: Int, socket: Int) throws -> [String] {
            let names = try FileManager.default.subpathsOfDirectory(atPath: root)
            return ([""] + names).compactMap { name in
                let path = root + "/" + name
                // A running server replaces files: one that is listed may be gone.
                guard FileManager.default.fileExists(atPath: path),
                    let attributes = try? FileManager.default.attributesOfItem(atPath: path)
                else { return nil }
                let mode = attributes[.posixPermissions] as? Int ?? -1
                let wanted =
                    switch attributes[.type] as? FileAttributeType {
                    case .typeDirectory?: directory
                    case .typeSocket?: socket
                    default: file
                    }
                return mode == wanted ? nil : "\(name): \(String(mode, radix: 8))"
            }
        }

        private func serve(_ place: Place, umask: String, _ role: String, _ more: [String]) throws -> Child {
            let command = "umask \(umask); exec \"$0\" \"$@\""
            let server = try place.spawn(["-c", command, Place.binary, role] + more, of: "/bin/sh")
            try place.waitUntilReady(server)
            return server
        }

        private func stop(_ server: Child) {
            server.send(SIGTERM)
            #expect(server.wait(seconds: 60) == .exit(0))
        }

        /// Everything that a server writes: segments, snapshots, chunks, scrubs, addresses, what a follower fetches.
        private func live(_ place: Place) throws {
            try place.write("things.yaml", StormRows.definitions)
            try place.succeed("apply", "things.yaml")
            for _ in 0..<2 {
                try place.succeed(["write", "things", "--from", "-"], input: StormRows.csv(0..<500))
                try place.succeed("snapshot")
                try place.succeed("compact")
            }
            let scrubbed = poll(seconds: 60) { FileManager.default.fileExists(atPath: place.path("store/scrub-serve.json")) }
            #expect(scrubbed)
        }

        @Test(arguments: ["000", "022", "277"])
        func filesAndDirectoriesOfAStoreAreForTheirOwnerAloneWhateverTheUmask(umask: String) throws {
            let place = try Place()
            let server = try serve(
                place, umask: umask, "serve",
                [
                    "--data", "store", "--listen", place.address("store/s.sock"), "--listen", place.address("s.sock"),
                    "--scrub-interval", "1s",
                ])
            try live(place)
            let follower = try serve(
                place, umask: umask, "offline",
                ["--data", "history", "--follow", place.address("s.sock"), "--listen", place.address("f.sock")])
            let position = try place.lastPosition()
            #expect(
                try poll(seconds: 60) {
                    let status = try place.succeed("status", "--json", "--address", place.address("f.sock")).json()
                    return (status["offline"] as? [String: Any])?["applied_position"] as? Int == position
                })
            #expect(try strangers(place.path("store"), file: 0o600, directory: 0o700, socket: 0o600) == [])
            stop(follower)
            #expect(try strangers(place.path("history"), file: 0o600, directory: 0o700, socket: 0o600) == [])
            stop(server)
            #expect(try strangers(place.path("store"), file: 0o600, directory: 0o700, socket: 0o600) == [])
        }

        @Test func aGroupMayReadAStoreThatIsServedForIt() throws {
            let place = try Place()
            let group = "\(getegid())"
            let server = try serve(
                place, umask: "077", "serve",
                [
                    "--data", "store", "--listen", place.address("store/s.sock"), "--listen", place.address("s.sock"),
                    "--scrub-interval", "1s", "--group", group,
                ])
            try live(place)
            #expect(try strangers(place.path("store"), file: 0o640, directory: 0o750, socket: 0o660) == [])
            stop(server)
            let refused = try place.run(
                "serve", "--data", "store", "--listen", place.address("s.sock"), "--group", "no-such-group")
            #expect(!refused.succeeded && refused.errors.contains("there is no group 'no-such-group'"))
        }

        @Test func whoIsRefusedADirectoryLeavesItsFilesAsTheyAre() throws {
            let place = try Place()
            let group = ["--group", "\(getegid())"]
            let server = try place.start("online", group)
            let history = try place.start("offline", socket: "h.sock", group)
            try place.write("things.yaml", StormRows.definitions)
            try place.succeed("apply", "things.yaml")
            for role in ["serve", "online", "offline"] {
                let refused = try place.run(role, "--data", "store", "--listen", place.address("t.sock"))
                #expect(!refused.succeeded && refused.errors.contains("already holds this lock"), "\(refused.errors)")
                #expect(try strangers(place.path("store"), file: 0o640, directory: 0o750, socket: 0o660) == [], "\(role)")
            }
            stop(history)
            // Another history of the same directory may have its own rights, and none over what the online service holds.
            let own = try place.start("offline", socket: "h.sock")
            let offline = place.path("store/offline")
            #expect(try strangers(offline, file: 0o600, directory: 0o700, socket: 0o600) == [])
            let changed = try strangers(place.path("store"), file: 0o640, directory: 0o750, socket: 0o660)
            #expect(changed.allSatisfy { $0.hasPrefix("offline") || $0.hasPrefix("log/followers/") }, "\(changed)")
            stop(own)
            stop(server)
        }

        @Test func readingADirectoryWithoutAServerChangesNoFile() throws {
            let place = try Place()
            let server = try place.start("serve", ["--group", "\(getegid())"])
            try place.write("things.yaml", StormRows.definitions)
            try place.succeed("apply", "things.yaml")
            try place.succeed(["write", "things", "--from", "-"], input: StormRows.csv(0..<10))
            try place.succeed("compact")
            stop(server)
            for command in [["scan", "things", "--out", "-"], ["status"], ["list"]] {
                try place.succeed(command + ["--data", "store"])
                #expect(try strangers(place.path("store"), file: 0o640, directory: 0o750, socket: 0o660) == [], "\(command)")
            }
        }

        @Test func aStoreThatWasReadableByAllIsSoNoMoreOnceItIsServed() throws {
            let place = try Place()
            var server = try place.start("serve")
            try place.write("things.yaml", StormRows.definitions)
            try place.succeed("apply", "things.yaml")
            stop(server)
            let store = place.path("store")
            for name in [""] + (try FileManager.default.subpathsOfDirectory(atPath: store)) {
                let kind = try FileManager.default.attributesOfItem(atPath: store + "/" + name)[.type] as? FileAttributeType
                let mode = kind == .typeDirectory ? 0o755 : 0o644
                try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: store + "/" + name)
            }
            server = try place.start("serve")
            #expect(try strangers(store, file: 0o600, directory: 0o700, socket: 0o600) == [])
            stop(server)
            // A directory that holds other things is its owner's to close; the store in it is closed all the same.
            try place.write("store/notes.txt", "mine")
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: store)
            server = try place.start("serve")
            #expect(try FileManager.default.attributesOfItem(atPath: store)[.posixPermissions] as? Int == 0o755)
            #expect(try FileManager.default.attributesOfItem(atPath: store + "/log")[.posixPermissions] as? Int == 0o700)
            stop(server)
        }
    }
}
