import Foundation
import Testing

@Suite(.serialized)
struct QuickstartTests {
    @Test func theQuickstartWorksAsTheReadmeHasIt() throws {
        let sandbox = try Sandbox()
        try sandbox.start()
        let readme = try String(
            contentsOf: URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../README.md"),
            encoding: .utf8)
        // From the definitions on: the lines before install the binary and start the server.
        let start = try #require(readme.range(of: "cat > features.yaml"))
        let end = try #require(readme.range(of: "```", range: start.lowerBound..<readme.endIndex))
        let script = "set -euo pipefail\nheadwater() { \(Sandbox.binary) \"$@\"; }\n" + readme[start.lowerBound..<end.lowerBound]
        try sandbox.write("quickstart.sh", script)
        let bash = Process()
        bash.executableURL = URL(fileURLWithPath: "/bin/bash")
        bash.arguments = ["quickstart.sh"]
        bash.currentDirectoryURL = sandbox.directory
        bash.environment = ["HEADWATER_ADDRESS": sandbox.address, "PATH": "/usr/bin:/bin"]
        _ = FileManager.default.createFile(atPath: sandbox.path("bash.out"), contents: nil)
        bash.standardOutput = FileHandle(forWritingAtPath: sandbox.path("bash.out"))
        bash.standardError = bash.standardOutput
        try bash.run()
        bash.waitUntilExit()
        let output = try sandbox.read("bash.out")
        #expect(bash.terminationStatus == 0, "\(output)")
        #expect(output.contains("wrote 3 rows to orders@1"))
        #expect(output.contains("NOT_FOUND"))
        #expect(output.contains("online and offline agree"))
        #expect(
            try sandbox.read("training.csv") == """
                customer_id,event_time,label,amount,items
                1,2026-01-06T00:00:00Z,0,25.5,"[""tea"",""cup""]"
                1,2026-01-10T00:00:00Z,1,80.0,"[""pot""]"

                """)
    }

    @Test func aWrongCommandLineIsExitCode64WithTheReason() throws {
        let sandbox = try Sandbox()
        for (arguments, reason) in [
            (["get", "--service", "s", "--bogus"], "unknown option '--bogus'"), (["frobnicate"], "frobnicate"),
            (["get", "--entity", "a=1"], "give either --service NAME or --features"), (["write", "orders"], "--from"),
            (["serve", "--data", "d", "--durability", "often"], "often"),
            (["serve", "--data", "d", "--listen", "nowhere"], "nowhere"),
            (["get", "--service", "s", "--at", "yesterday"], "yesterday"), (["delete", "orders"], "give either --key"),
        ] {
            let outcome = try sandbox.run(arguments)
            #expect(outcome.code == 64, "\(arguments)")
            #expect(outcome.errors.contains(reason), "\(outcome.errors)")
            #expect(outcome.errorLines.allSatisfy { $0.hasPrefix("headwater: ") })
            #expect(outcome.output.isEmpty)
        }
    }

    @Test func helpAndVersionSucceedAndEveryCommandHasAnExample() throws {
        let sandbox = try Sandbox()
        #expect(try sandbox.run("--version").output == "0.1.0\n")
        let commands = [
            "serve", "online", "offline", "apply", "plan", "list", "describe", "search", "projects", "write", "delete", "get",
            "history", "scan",
            "status",
            "audit", "snapshot", "compact", "log verify", "log dump", "log forget", "config check", "config show",
        ]
        let help = try sandbox.succeed("--help").output
        for command in commands {
            let words = command.split(separator: " ").map(String.init)
            #expect(help.contains("  \(words[0])"))
            let outcome = try sandbox.run(words + ["--help"])
            #expect(outcome.code == 0 && outcome.output.contains("  headwater \(command)"), "\(command)")
        }
    }

    @Test func examplesOfTheHelpPasteFromATerminalOfEightyColumns() throws {
        let sandbox = try Sandbox()
        for command in [
            "", "serve", "online", "offline", "config check", "config show", "apply", "plan", "promote", "remove", "list",
            "describe",
            "search", "projects", "write", "delete", "get", "history", "scan", "dataset", "dataset verify", "eval", "status",
            "clients", "slow", "audit", "snapshot", "compact", "clock accept", "log verify", "log dump", "log forget",
        ] {
            let lines = try sandbox.run(command.split(separator: " ").map(String.init) + ["--help"]).output
                .split(separator: "\n", omittingEmptySubsequences: false)
            for (line, next) in zip(lines, lines.dropFirst()) where line.hasPrefix("  ") && line.contains("headwater ") {
                #expect(next.isEmpty || next.hasPrefix("  "), "\(command): '\(line)' goes on with '\(next)'")
            }
        }
    }

    @Test func aWrongAddressNamesTheVariableThatItCameFrom() throws {
        let outcome = try Sandbox().run("status", environment: ["HEADWATER_ADDRESS": "nowhere"])
        #expect(outcome.code == 1 && outcome.errors.hasPrefix("headwater: HEADWATER_ADDRESS: address 'nowhere'"), "\(outcome)")
    }

    @Test func aServerThatIsDownIsNamedWithWhatToDo() throws {
        let sandbox = try Sandbox()
        try sandbox.write("features.yaml", Shop.features)
        for arguments in [["status"], ["apply", "features.yaml"], ["get", "--service", "churn", "--entity", "customer_id=1"]] {
            let outcome = try sandbox.run(arguments)
            #expect(outcome.code == 4)
            #expect(outcome.errorLines.count == 1)
            #expect(
                outcome.errors.hasPrefix("headwater: no server answers at \(sandbox.address): start one with 'headwater serve"))
        }
    }
}
