import Foundation
import Testing

/// SIGHUP: a running server reads its configuration file again.
@Suite(.serialized)
struct ReloadTests {
    /// A server with a file, and what it has said since.
    private final class Server {
        let sandbox: Sandbox
        private let process: Process
        private var seen = 0

        init(_ text: String?, _ more: [String] = [], role: String = "serve", environment: [String: String] = [:]) throws {
            sandbox = try Sandbox()
            if let text { try sandbox.write("h.yaml", text) }
            process = try sandbox.launch(
                [role, "--data", "store", "--listen", sandbox.address] + (text == nil ? [] : ["--config", "h.yaml"]) + more,
                errors: "log", environment: environment)
            _ = try said("ready")
        }

        deinit { sandbox.stop(process) }

        /// The lines of the log since the last question, once one of them has the words.
        func said(_ words: String) throws -> [String] {
            let deadline = Date() + 60
            while true {
                let lines = try sandbox.read("log").split(separator: "\n").map(String.init)
                let new = Array(lines.dropFirst(seen))
                if new.contains(where: { $0.contains(words) }) {
                    seen = lines.count
                    return new
                }
                try #require(Date() < deadline && process.isRunning, "\(words): \(new)")
                Thread.sleep(forTimeInterval: 0.02)
            }
        }

        /// Writes the file, and tells the server.
        func reload(_ text: String, until words: String) throws -> [String] {
            try sandbox.write("h.yaml", text)
            return try hangUp(until: words)
        }

        func hangUp(until words: String) throws -> [String] {
            kill(process.processIdentifier, SIGHUP)
            return try said(words)
        }

        func status(_ part: String) throws -> [String: Any] {
            try #require(try sandbox.succeed("status", "--json").json()[part] as? [String: Any])
        }
    }

    @Test func whatCanChangeTakesEffectAtOnceAndIsSaid() throws {
        let server = try Server("log-level: info\nlog-bytes-max: 1GiB\nscrub-interval: 24h\n")
        #expect(try server.status("online")["log_bytes_max"] as? Int == 1 << 30)
        let lines = try server.reload(
            "log-level: debug\nlog-bytes-max: 2GiB\nmemory-bytes-max: 100MiB\nnetwork-bytes-max: 20MiB\nscrub-interval: 12h\n",
            until: "option=log-level")
        #expect(lines.count == 5, "\(lines)")
        for words in [
            "new=2GiB old=1GiB option=log-bytes-max", "new=100MiB old=\"no cap\" option=memory-bytes-max",
            "option=network-bytes-max", "new=12h old=24h option=scrub-interval", "new=debug old=info option=log-level",
        ] {
            #expect(lines.contains { $0.contains("notice an option has changed") && $0.hasSuffix(words) }, "\(words): \(lines)")
        }
        let online = try server.status("online")
        #expect(online["log_bytes_max"] as? Int == 2 << 30 && online["resident_bytes_max"] as? Int == 100 << 20)
        #expect(try server.status("network")["bytes_max"] as? Int == 20 << 20)
        #expect(try server.status("scrub")["interval_seconds"] as? Int == 12 * 3_600)

        // What the file no longer says has its default again.
        _ = try server.reload("log-bytes-max: 2GiB\n", until: "option=log-level")
        #expect(try server.status("online")["resident_bytes_max"] == nil)
        #expect(try server.hangUp(until: "nothing has changed").count == 1)
        // Less is logged from here on: that is the last that is said.
        #expect(try server.reload("log-level: error\nlog-bytes-max: 2GiB\n", until: "new=error").count == 1)
        _ = try server.reload("log-level: info\n", until: "new=info")
    }

    @Test func aCapThatComesWithAReloadRefusesTheNextWrite() throws {
        let server = try Server("")
        let sandbox = server.sandbox
        try sandbox.write("features.yaml", Shop.features)
        try sandbox.write("orders.csv", Shop.orders)
        try sandbox.succeed("apply", "features.yaml")
        try sandbox.succeed("write", "orders", "--from", "orders.csv")
        _ = try server.reload("memory-bytes-max: 1\nhistory-bytes-max: 16MiB\n", until: "option=memory-bytes-max")
        let refused = try sandbox.run("write", "orders", "--from", "orders.csv")
        #expect(refused.code == 1 && refused.errors.contains("over the cap of 1"), "\(refused.errors)")
        _ = try server.reload("", until: "option=memory-bytes-max")
        try sandbox.succeed("write", "orders", "--from", "orders.csv")
        try sandbox.write("spine.csv", "customer_id,event_time\n1,2026-02-01T00:00:00Z\n")
        try sandbox.succeed("history", "--spine", "spine.csv", "--features", "orders:amount", "--out", "out.csv")
        #expect(try sandbox.read("out.csv").contains("80"))
    }

    @Test func rowsGoToChunksByTheNewBound() throws {
        let server = try Server("flush-bytes: 1GiB\n")
        try server.sandbox.write("features.yaml", Shop.features)
        try server.sandbox.write("orders.csv", Shop.orders)
        try server.sandbox.succeed("apply", "features.yaml")
        try server.sandbox.succeed("write", "orders", "--from", "orders.csv")
        let begun = Date()
        _ = try server.reload("flush-bytes: 1\ncompaction-bytes-max: 256MiB\n", until: "option=compaction-bytes-max")
        func isFlushed() throws -> Bool {
            let offline = try server.status("offline")
            return offline["durable_position"] as? Int == offline["applied_position"] as? Int
        }
        while try !isFlushed(), Date() < begun + 60 { Thread.sleep(forTimeInterval: 0.05) }
        // By time it would be half a minute.
        #expect(try isFlushed() && Date() < begun + 20)
    }

    @Test func aScrubComesByTheNewInterval() throws {
        let server = try Server("scrub-interval: off\n")
        _ = try server.reload("scrub-interval: 1s\nscrub-bytes-per-second: 1MiB\n", until: "scrub finished")
        _ = try server.reload("scrub-interval: off\n", until: "option=scrub-interval")
        #expect(try server.status("scrub")["next_due"] == nil)
    }

    @Test func whatNeedsARestartIsSaidAndStays() throws {
        let server = try Server("durability: sync\n")
        let lines = try server.reload("durability: interval:5\nlog-format: json\nstop-within: 1s\n", until: "stop-within")
        #expect(lines.filter { $0.contains("warning a change needs a restart: the old value stays") }.count == 2, "\(lines)")
        #expect(lines.contains { $0.hasSuffix("new=interval:5 old=sync option=durability") }, "\(lines)")
        #expect(try server.status("online")["durability"] as? String == "sync")
        // It is said again for as long as it is so.
        #expect(try server.hangUp(until: "option=log-format").count == 2)
        #expect(try server.reload("stop-within: 1s\n", until: "nothing has changed").count == 1)
    }

    @Test func aFileWithAMistakeChangesNothing() throws {
        let server = try Server("log-bytes-max: 1GiB\n")
        let lines = try server.reload("log-bytes-max: 2GiB\nlog-levle: info\nscrub-interval: 5\n", until: "scrub-interval")
        #expect(lines.count == 2 && lines.allSatisfy { $0.contains("error the configuration file has an error") }, "\(lines)")
        #expect(lines[0].contains("h.yaml:2: unknown key 'log-levle'"), "\(lines)")
        #expect(try server.status("online")["log_bytes_max"] as? Int == 1 << 30)
        for (text, words) in [("[", "not YAML"), ("- a", "not a list")] {
            #expect(try server.reload(text, until: words).count == 1)
        }
        try FileManager.default.removeItem(atPath: server.sandbox.path("h.yaml"))
        #expect(try server.hangUp(until: "there is no such file").count == 1)
        #expect(try server.reload("log-bytes-max: 1GiB\n", until: "nothing has changed").count == 1)
    }

    @Test func aPipeIsReadOnceAndALinkAgain() throws {
        let sandbox = try Sandbox()
        let made = unsafe mkfifo(sandbox.path("pipe"), 0o600)
        #expect(made == 0)
        let process = try sandbox.launch(
            ["serve", "--data", "store", "--listen", sandbox.address, "--config", "pipe"], errors: "log")
        try sandbox.write("real.yaml", "log-bytes-max: 1GiB\n")
        let pipe = try #require(FileHandle(forWritingAtPath: sandbox.path("pipe")))
        try pipe.write(contentsOf: Data("log-bytes-max: 1GiB\n".utf8))
        try pipe.close()
        func wait(for words: String) throws {
            let deadline = Date() + 60
            while Date() < deadline, !(try sandbox.read("log").contains(words)) { Thread.sleep(forTimeInterval: 0.02) }
            #expect(try sandbox.read("log").contains(words))
        }
        try wait(for: "ready")
        kill(process.processIdentifier, SIGHUP)
        try wait(for: "pipe: it is no file that can be read again")
        try FileManager.default.removeItem(atPath: sandbox.path("pipe"))
        try FileManager.default.createSymbolicLink(atPath: sandbox.path("pipe"), withDestinationPath: "real.yaml")
        kill(process.processIdentifier, SIGHUP)
        try wait(for: "nothing has changed")
        sandbox.stop(process)
    }

    @Test func commandLineAndEnvironmentStayBeforeTheFile() throws {
        let server = try Server(
            "log-bytes-max: 1GiB\n", ["--scrub-interval", "1h"], environment: ["HEADWATER_SERVE_LOG_BYTES_MAX": "3GiB"])
        _ = try server.reload("log-bytes-max: 2GiB\nscrub-interval: 2h\n", until: "nothing has changed")
        #expect(try server.status("online")["log_bytes_max"] as? Int == 3 << 30)
        #expect(try server.status("scrub")["interval_seconds"] as? Int == 3_600)
    }

    @Test func aServerWithoutAFileGoesOn() throws {
        let server = try Server(nil)
        #expect(try server.hangUp(until: "SIGHUP is ignored").count == 1)
        #expect(try server.status("online")["log_bytes_max"] as? Int == 64 << 30)
    }

    /// The help's words for what holds where nothing is given are what holds.
    @Test(arguments: ["serve", "online", "offline"]) func defaultsAreWhatTheHelpSays(_ role: String) throws {
        let server = try Server("", role: role)
        let options = try #require(
            try server.sandbox.succeed("config", "show", role, "--json").json()["options"] as? [[String: Any]])
        let named = options.compactMap { option -> String? in
            guard option["changes_at_reload"] as? Bool == true, let name = option["name"] as? String,
                let text = option["default"] as? String, !["no cap", "an eighth of the memory, at least 256MiB"].contains(text)
            else { return nil }
            return "\(name): \(text)\n"
        }
        #expect(named.count >= 6)
        #expect(try server.reload(named.joined(), until: "nothing has changed").count == 1)
    }
}
