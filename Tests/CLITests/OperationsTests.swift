import Foundation
import Testing

@Suite(.serialized)
struct OperationsTests {
    @Test func planAndApplyShowTheDifferenceAndRefuseWithLines() throws {
        let sandbox = try Shop.open()
        let same = try sandbox.succeed("plan", "features.yaml", "--json").json()
        #expect(same["changed"] as? Bool == false)
        try sandbox.write("features.yaml", Shop.features.replacing("amount, type: float64", with: "amount, type: string"))
        // The check does not fit the new type: refused before any server is asked.
        #expect(try sandbox.run("plan", "features.yaml").code == 1)
        try sandbox.write(
            "features.yaml", Shop.features.replacing("{name: items, type: array(string)}", with: "{name: items, type: string}"))
        let refused = try sandbox.run("apply", "features.yaml")
        #expect(refused.code == 1)
        #expect(refused.errors.contains("features.yaml:12"), "\(refused.errors)")
        let plan = try sandbox.run("plan", "features.yaml")
        #expect(plan.code == 1 && plan.output.contains("refused"))
    }

    @Test func theFilesProjectCountsAndAnotherOneOnTheCommandLineIsRefused() throws {
        let sandbox = try Shop.open()
        let other = try sandbox.run("plan", "features.yaml", "--project", "other")
        #expect(other.code == 1 && other.errors.contains("other"))
        #expect(try sandbox.run(["plan", "features.yaml"], environment: ["HEADWATER_PROJECT": "other"]).code == 0)
    }

    @Test func everyCommandWithJSONPrintsOneDocument() throws {
        let sandbox = try Shop.open()
        let status = try sandbox.succeed("status", "--json").json()
        #expect(status["roles"] as? [String] == ["online", "offline"])
        #expect(try sandbox.succeed("list", "--json").json()["project"] as? String == "shop")
        #expect((try sandbox.succeed("describe", "orders", "--json").json()["feature_groups"] as? [Any])?.count == 1)
        #expect(try sandbox.succeed("audit", "--json").json()["difference_count"] as? Int == 0)
        #expect(try sandbox.succeed("snapshot", "--json").json()["rows"] as? Int == 2)
        #expect(try sandbox.succeed("compact", "--json").json()["chunks_after"] as? Int == 1)
        #expect(try sandbox.succeed("log", "verify", "--data", "store", "--json").json()["records"] as? Int == 3)
        let records = try JSONSerialization.jsonObject(
            with: Data(try sandbox.succeed("log", "dump", "--data", "store", "--json").output.utf8))
        #expect((records as? [[String: Any]])?.map { $0["kind"] as? String } == ["definitions", "producer", "data"])
    }

    @Test func compactTakesTheGroupThatIsNamed() throws {
        let sandbox = try Shop.open()
        func chunks() throws -> [String: Int] {
            let offline = try sandbox.succeed("status", "--json").json()["offline"] as? [String: Any]
            let groups = offline?["groups"] as? [[String: Any]] ?? []
            return Dictionary(
                uniqueKeysWithValues: groups.map {
                    (
                        ($0["group"] as? String ?? "").split(separator: "@").first.map(String.init) ?? "",
                        ($0["chunks_by_level"] as? [Int] ?? []).reduce(0, +)
                    )
                })
        }
        for day in 1...2 {
            try sandbox.succeed("write", "rates", "--from", "-", input: "at,euro\n2026-01-0\(day),1.1\n")
            try sandbox.succeed("write", "orders", "--from", "-", input: Shop.orders)
            try sandbox.succeed("compact", "orders")
        }
        #expect(try chunks() == ["orders": 1, "rates": 2], "a compaction flushes all, and merges one group")
        let unknown = try sandbox.run("compact", "nothing")
        #expect(unknown.code == 3 && unknown.errors.contains("nothing"))
        #expect(try chunks()["rates"] == 2)
        #expect(try sandbox.succeed("compact", "rates", "--json").json()["chunks_before"] as? Int == 2)
        #expect(try chunks() == ["orders": 1, "rates": 1])
    }

    @Test func theLogCommandsWorkBesideARunningServer() throws {
        let sandbox = try Shop.open()
        #expect(try sandbox.succeed("log", "verify", "--data", "store").output.hasSuffix("every record holds\n"))
        #expect(try sandbox.succeed("log", "dump", "--data", "store", "--after", "1", "--limit", "1").lines.count == 2)
        #expect(try sandbox.run("log", "verify", "--data", "nowhere").code == 3)
        let unknown = try sandbox.run("log", "forget", "nobody")
        #expect(unknown.code == 3 && unknown.errors.contains("nobody"))
        // The process that holds the directory, and where it serves.
        for command in [["list"], ["scan", "orders", "--out", "-"], ["get", "--features", "orders:amount", "--entity", "id=1"]] {
            let held = try sandbox.run(command + ["--data", "store"])
            #expect(held.code == 1 && held.errors.contains("process ") && held.errors.contains("ask the server with --address "))
        }
    }

    @Test func aDamagedLogIsReportedWithItsPlace() throws {
        let sandbox = try Shop.open()
        let log = sandbox.directory.appendingPathComponent("store/log")
        let segment = "segment-0000000000000001.log"
        let file = try FileHandle(forUpdating: log.appendingPathComponent(segment))
        try file.seek(toOffset: 300)
        try file.write(contentsOf: Data([0xFF, 0xFF, 0xFF, 0xFF]))
        try file.close()
        let outcome = try sandbox.run("log", "verify", "--data", "store")
        #expect(outcome.code == 5)
        #expect(outcome.errors.contains("DATA_LOSS") && outcome.errors.contains(segment))
    }

    @Test func aDirectoryAnswersAsItsServerDid() throws {
        let sandbox = try Sandbox()
        let server = try sandbox.start()
        try sandbox.write("features.yaml", Shop.features)
        try sandbox.succeed("apply", "features.yaml")
        try sandbox.succeed("write", "orders", "--from", "-", input: Shop.orders)
        try sandbox.succeed("snapshot")
        try sandbox.succeed("write", "orders", "--from", "-", input: "customer_id,ordered_at,amount\n5,2026-01-09,7\n")
        try sandbox.write("spine.csv", "customer_id,event_time\n1,2026-01-06\n5,2026-01-10\n")
        let commands = [
            ["list"], ["list", "--json"], ["describe", "churn"], ["describe", "orders", "--json"],
            ["scan", "orders", "--deletes", "--out", "-"],
            [
                "get", "--service", "churn", "--entity", "customer_id=5", "--entity", "customer_id=1", "--at", "2026-01-10",
                "--json",
            ],
            ["history", "--spine", "spine.csv", "--service", "churn", "--statuses", "--out", "-"],
        ]
        let answers = try commands.map { try sandbox.run($0).output }
        sandbox.stop(server, SIGKILL)
        for (command, answer) in zip(commands, answers) {
            let direct = try sandbox.run(command + ["--data", "store"])
            #expect(direct.code == 0 && direct.output == answer, "\(command): \(direct.errors)")
        }
        let status = try sandbox.succeed("status", "--data", "store", "--json").json()
        #expect(status["roles"] as? [String] == [])
        let followers = (status["online"] as? [String: Any])?["followers"] as? [[String: Any]]
        #expect(followers?.map { $0["name"] as? String } == ["offline"])
        #expect(followers?.first?["connected"] as? Bool == false && (followers?.first?["held_bytes"] as? Int ?? 0) > 0)
        #expect(try sandbox.run("list", "--data", "nowhere").errors.contains("there is no log here"))
    }

    @Test func anAcknowledgedWriteSurvivesAKill() throws {
        let sandbox = try Sandbox()
        let server = try sandbox.start()
        try sandbox.write("features.yaml", Shop.features)
        try sandbox.succeed("apply", "features.yaml")
        try sandbox.succeed("write", "orders", "--from", "-", input: Shop.orders)
        sandbox.stop(server, SIGKILL)
        try sandbox.start()
        #expect(try sandbox.succeed("scan", "orders", "--out", "-").lines.count == 4)
        #expect(try sandbox.succeed("audit").output.contains("agree over 2 latest rows"))
    }

    @Test func aWriteGoesOnOverAKilledServerAndWritesEachRowOnce() throws {
        let sandbox = try Sandbox()
        let server = try sandbox.start()
        try sandbox.write("features.yaml", Shop.features)
        try sandbox.succeed("apply", "features.yaml")
        var csv = "customer_id,ordered_at,amount\n"
        for row in 1...60_000 { csv += "\(row),2026-02-01T00:00:00Z,\(row).5\n" }
        try sandbox.write("large.csv", csv)
        let writer = try sandbox.spawn("write", "orders", "--from", "large.csv", input: .nullDevice)
        while writer.isRunning, !(try sandbox.run("log", "dump", "--data", "store").output.contains("  data ")) {}
        #expect(writer.isRunning)
        sandbox.stop(server, SIGKILL)
        Thread.sleep(forTimeInterval: 0.5)
        try sandbox.start()
        writer.waitUntilExit()
        let errors = try sandbox.read("spawned.errors")
        #expect(writer.terminationStatus == 0, "\(errors)")
        #expect(try sandbox.succeed("scan", "orders", "--columns", "amount", "--out", "-").lines.count == 60_001)
        #expect(try sandbox.succeed("audit").output.contains("agree over 60,000 latest rows"))
    }

    @Test func apartEachServiceAnswersWhileTheOtherIsDown() throws {
        let sandbox = try Sandbox()
        let online = try sandbox.start("online", socket: "s.sock")
        let offline = try sandbox.start("offline", socket: "o.sock")
        let offlineAddress = "unix:\(sandbox.path("o.sock"))"
        try sandbox.write("features.yaml", Shop.features)
        try sandbox.succeed("apply", "features.yaml")
        try sandbox.succeed("write", "orders", "--from", "-", input: Shop.orders)
        try sandbox.write("spine.csv", "customer_id,event_time\n1,2026-01-06\n")
        let history = ["history", "--spine", "spine.csv", "--service", "churn", "--min-position", "3", "--out", "-"]
        // The client is told of one service and finds the other.
        #expect(try sandbox.run(history).lines.count == 2)
        #expect(try sandbox.run("get", "--service", "churn", "--entity", "customer_id=1", "--address", offlineAddress).code == 0)
        sandbox.stop(online)
        #expect(try sandbox.run(history + ["--address", offlineAddress]).lines.count == 2)
        let write = try sandbox.run(["write", "orders", "--from", "-", "--address", offlineAddress], input: Shop.orders)
        #expect(write.code == 4 && write.errors.contains("the online service is down"), "\(write.errors)")
        try sandbox.start("online", socket: "s.sock")
        sandbox.stop(offline)
        let down = try sandbox.run(history)
        #expect(down.code == 4 && down.errors.contains("the offline service is down"), "\(down.errors)")
        #expect(try sandbox.run("get", "--service", "churn", "--entity", "customer_id=1").code == 0)
    }

    @Test func ctrlCEndsACommandThatWaits() throws {
        let sandbox = try Shop.open()
        let input = Pipe()
        let process = try sandbox.spawn("write", "orders", "--from", "-", input: input.fileHandleForReading)
        Thread.sleep(forTimeInterval: 1)
        kill(process.processIdentifier, SIGINT)
        process.waitUntilExit()
        #expect(process.terminationStatus == 130)
        #expect(try sandbox.read("spawned.errors") == "headwater: interrupted\n")
    }
}
