import Foundation
import Testing

/// What a server says of itself: in its log, in `status`, to those who come to the wrong place.
@Suite(.serialized)
struct ServerTests {
    /// Starts a server whose log is kept.
    private func serve(
        _ sandbox: Sandbox, _ more: [String] = [], until done: (String) -> Bool = { $0.contains("ready") }
    ) throws -> (process: Process, log: String) {
        let name = "log-\(UUID().uuidString.prefix(6))"
        let process = try sandbox.launch(
            ["serve", "--data", "store", "--listen", sandbox.address] + more, errors: name)
        let deadline = Date() + 60
        while Date() < deadline, process.isRunning, !done(try sandbox.read(name)) { Thread.sleep(forTimeInterval: 0.02) }
        return (process, name)
    }

    @Test func theStartIsOneLineThatSaysAllOfIt() throws {
        let sandbox = try Sandbox()
        for (kill, wanted) in [
            (SIGKILL, "last_end=\"none: a new store\""), (SIGTERM, "last_end=unclean"), (SIGTERM, "last_end=clean"),
        ] {
            let (process, name) = try serve(sandbox)
            let lines = try sandbox.read(name).split(separator: "\n").filter { $0.contains(" ready ") }
            try #require(lines.count == 1)
            let line = String(lines[0])
            #expect(line.firstMatch(of: #/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info ready /#) != nil, "\(line)")
            for word in [
                "version=0.1.0", "pid=\(process.processIdentifier)", "directory=store", "durability=sync", "rows=0",
                "recovery_ms=", "role=serve", "listen=\(sandbox.address)", wanted,
            ] { #expect(line.contains(word), "\(word): \(line)") }
            sandbox.stop(process, kill)
        }
    }

    @Test func aLogAsJSONIsAnObjectALine() throws {
        let sandbox = try Sandbox()
        let (process, name) = try serve(sandbox, ["--log-format", "json"])
        sandbox.stop(process)
        let lines = try sandbox.read(name).split(separator: "\n")
        #expect(lines.count >= 2)
        for line in lines {
            let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            #expect(
                object?["level"] is String && object?["message"] is String && object?["fields"] is [String: String], "\(line)")
            #expect((object?["time"] as? String)?.count == 24, "\(line)")
        }
    }

    @Test func statusSaysWhatTheProcessIsAndHasOneMeaningOfPositionALine() throws {
        let sandbox = try Shop.open()
        let text = try sandbox.succeed("status").output
        for word in ["process   ", ", up ", "connections 1 of at most", "directory ", "free\n", "snapshot    none yet"] {
            #expect(text.contains(word), "\(word): \(text)")
        }
        for line in text.split(separator: "\n") { #expect(line.ranges(of: "position ").count <= 1, "\(line)") }
        let table = text.split(separator: "\n").filter { $0.contains("orders@1") }
        #expect(table.count == 2 && table.allSatisfy { $0.contains(" bytes") || $0.contains("KiB") }, "\(text)")
        let document = try sandbox.succeed("status", "--json").json()
        for name in ["pid", "started_at", "network", "disk_free_bytes", "directory"] {
            #expect(document[name] != nil, "\(name)")
        }
    }

    @Test func aFollowerThatWaitsSaysSoOnceAndSaysWhenItGoesOn() throws {
        let sandbox = try Sandbox()
        let online = try sandbox.start("online", socket: "s.sock")
        try sandbox.write("features.yaml", Shop.features)
        try sandbox.succeed("apply", "features.yaml")
        let follower = try sandbox.launch(
            ["offline", "--data", "copy", "--follow", sandbox.address, "--listen", "unix:\(sandbox.path("f.sock"))"],
            errors: "follower.log")
        func wait(_ done: (String) -> Bool) throws -> String {
            let deadline = Date() + 60
            while Date() < deadline, !done(try sandbox.read("follower.log")) { Thread.sleep(forTimeInterval: 0.05) }
            return try sandbox.read("follower.log")
        }
        _ = try wait { $0.contains("ready") }
        Thread.sleep(forTimeInterval: 1)
        sandbox.stop(online)
        _ = try wait { $0.contains("broke off") }
        // Some tries later it has said nothing more, and does not claim that nothing is missing.
        Thread.sleep(forTimeInterval: 3)
        let status = try sandbox.succeed("status", "--address", "unix:\(sandbox.path("f.sock"))").output
        #expect(status.contains("how far behind the log is not known") && !status.contains(" 0 behind"), "\(status)")
        try sandbox.start("online", socket: "s.sock")
        let log = try wait { $0.contains("again") }
        #expect(log.ranges(of: "broke off").count == 1, "\(log)")
        #expect(log.ranges(of: "following \(sandbox.address) again").count == 1, "\(log)")
        sandbox.stop(follower)
    }

    @Test func whoWaitsForTheLogOfItsOwnDirectorySaysSoOnce() throws {
        let sandbox = try Sandbox()
        let offline = try sandbox.launch(
            ["offline", "--data", "store", "--listen", "unix:\(sandbox.path("o.sock"))"], errors: "offline.log")
        Thread.sleep(forTimeInterval: 1.5)
        try sandbox.start("online", socket: "s.sock")
        let deadline = Date() + 60
        while Date() < deadline, !(try sandbox.read("offline.log").contains("following it")) {
            Thread.sleep(forTimeInterval: 0.05)
        }
        let log = try sandbox.read("offline.log")
        #expect(log.ranges(of: "waiting for the online service's log").count == 1 && log.contains("following it"), "\(log)")
        sandbox.stop(offline)
    }

    @Test func aHeldDirectoryNamesTheProcessAndItsAddress() throws {
        let sandbox = try Sandbox()
        let first = try sandbox.start()
        let second = try sandbox.run("serve", "--data", "store", "--listen", "unix:\(sandbox.path("second.sock"))")
        #expect(second.code == 1)
        #expect(second.errors.contains("process \(first.processIdentifier) already holds this lock"), "\(second.errors)")
        #expect(second.errors.contains("it serves at \(sandbox.address)"), "\(second.errors)")
    }

    @Test func aFileAtTheSocketsPathIsNoServer() throws {
        let sandbox = try Sandbox()
        try sandbox.write("s.sock", "mine")
        let outcome = try sandbox.run("serve", "--data", "store", "--listen", sandbox.address)
        #expect(outcome.code == 1 && outcome.errors.contains("no socket") && !outcome.errors.contains("another server"))
        #expect(try sandbox.read("s.sock") == "mine")
    }

    @Test(arguments: [
        ("unix:none/s.sock", Int32(3), "there is no directory 'none': make it, or use another path"),
        ("unix:file/s.sock", 3, "there is no directory 'file': make it, or use another path"),
        ("192.0.2.1:7070", 1, "this machine has no such address: 'ip address' lists those that it has"),
    ])
    func anAddressThatCannotBeListenedOnSaysWhatToDo(_ address: String, _ code: Int32, _ words: String) throws {
        let sandbox = try Sandbox()
        try sandbox.write("file", "")
        let outcome = try sandbox.run("serve", "--data", "store", "--listen", address, "--insecure")
        #expect(outcome.code == code && outcome.errors == "headwater: listening on \(address) failed: \(words)\n", "\(outcome)")
        guard !address.hasPrefix("unix:") else { return }
        let http = try sandbox.run("serve", "--data", "store", "--listen", sandbox.address, "--insecure", "--http", address)
        #expect(http.code == code && http.errors.contains("for HTTP failed: \(words)"), "\(http)")
    }

    @Test func aServiceThatIsDownIsNamedWithTheSystemsWords() throws {
        let sandbox = try Shop.open(keepsServer: false)
        let offline = try sandbox.launch(["offline", "--data", "store", "--listen", "127.0.0.1:0"], errors: "off.log")
        let online = try sandbox.launch(["online", "--data", "store", "--listen", sandbox.address], errors: "on.log")
        defer { for process in [online, offline] where process.isRunning { process.terminate() } }
        let deadline = Date() + 60
        while try !sandbox.run("audit").output.contains("agree"), Date() < deadline { usleep(50_000) }
        // One that ends by itself says so, and is known no more.
        kill(offline.processIdentifier, SIGKILL)
        offline.waitUntilExit()
        let outcome = try sandbox.run("audit")
        #expect(outcome.code == 4 && outcome.errors.contains("the offline service is down"), "\(outcome)")
        #expect(outcome.errors.contains("(Connection refused)"), "\(outcome.errors)")
        #expect(!outcome.errors.contains("errno") && !outcome.errors.contains("SingleConnectionFailure"), "\(outcome.errors)")
    }

    @Test func aLogWithoutItsControlFileSaysWhatIsMissing() throws {
        let sandbox = try Shop.open(keepsServer: false)
        try FileManager.default.removeItem(atPath: sandbox.path("store/log/control"))
        let outcome = try sandbox.run("serve", "--data", "store", "--listen", sandbox.address)
        #expect(outcome.code == 5 && outcome.errors.contains("store/log/control"), "\(outcome.errors)")
        #expect(
            outcome.errors.contains("the file is missing") && !outcome.errors.contains("empty directory"), "\(outcome.errors)")
    }

    @Test func aStarListensOnBothFamilies() throws {
        let sandbox = try Sandbox()
        #expect(try sandbox.run("serve", "--data", "store", "--listen", "*:0").errors.contains("--insecure"))
        let name = "star.log"
        let process = try sandbox.launch(["serve", "--data", "store", "--listen", "*:0", "--insecure"], errors: name)
        let deadline = Date() + 60
        while Date() < deadline, process.isRunning, !(try sandbox.read(name).contains("ready")) {
            Thread.sleep(forTimeInterval: 0.02)
        }
        let log = try sandbox.read(name)
        let port = try #require(log.firstMatch(of: #/listen=\*:(\d+)/#)?.1, "\(log)")
        #expect(try sandbox.run("status", "--address", "127.0.0.1:\(port)").code == 0)
        if FileManager.default.fileExists(atPath: "/proc/net/if_inet6") {
            #expect(try sandbox.run("status", "--address", "[::1]:\(port)").code == 0)
        }
        // A browser at the port gets a line of text.
        let browser = try RawHTTP.get(port: try #require(UInt16(port)))
        #expect(browser.hasPrefix("HTTP/1.1 400 ") && browser.contains("Content-Type: text/plain"), "\(browser)")
        #expect(browser.contains("This is a Headwater server"), "\(browser)")
        sandbox.stop(process)
    }

    @Test func theDumpOfTheLogNamesGroupKindRowsAndKeysOnRequest() throws {
        let sandbox = try Shop.open()
        try sandbox.succeed("delete", "orders", "--key", "customer_id=2")
        let plain = try sandbox.succeed("log", "dump", "--data", "store").output
        #expect(!plain.contains("customer_id"))
        let dump = try sandbox.succeed("log", "dump", "--data", "store", "--content").output
        for line in [
            "definitions shop: feature group orders@1", "definitions shop: feature service churn@1",
            "write shop/orders@1, 3 rows: customer_id=1; customer_id=1; customer_id=2",
            "delete shop/orders@1, 1 row: customer_id=2",
        ] { #expect(dump.contains(line), "\(line): \(dump)") }
        // What came before the position is not listed, but known.
        let last = try sandbox.succeed("log", "dump", "--data", "store", "--after", "3", "--content", "--json").output
        let records = try JSONSerialization.jsonObject(with: Data(last.utf8)) as? [[String: Any]]
        #expect(records?.allSatisfy { ($0["position"] as? Int ?? 0) > 3 } == true)
        #expect(last.contains(#""what":"delete""#) && last.contains(#""name":"shop/orders@1""#), "\(last)")
    }

    @Test func aStoreThatHoldsLittleTakesLittleOnDisk() throws {
        let sandbox = try Shop.open()
        var bytes = 0
        let files = FileManager.default.enumerator(atPath: sandbox.path("store"))
        while let file = files?.nextObject() as? String {
            let attributes = try FileManager.default.attributesOfItem(atPath: sandbox.path("store/\(file)"))
            if attributes[.type] as? FileAttributeType == .typeRegular { bytes += (attributes[.size] as? Int) ?? 0 }
        }
        #expect(bytes < 8 << 20, "\(bytes)")
    }
}

/// Asks a port for a page, as a browser does.
enum RawHTTP {
    static func get(port: UInt16) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = [
            "-c", "exec 3<>/dev/tcp/127.0.0.1/\(port); printf 'GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n' >&3; cat <&3",
        ]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self)
    }
}
