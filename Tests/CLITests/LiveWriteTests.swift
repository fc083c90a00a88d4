import Foundation
import Testing

/// `headwater write --stream`: rows of standard input as they come.
@Suite(.serialized)
struct LiveWriteTests {
    private static func line(_ id: Int) -> String {
        #"{"customer_id":\#(id),"ordered_at":"2026-02-01","amount":\#(id).5}"# + "\n"
    }

    private func writes(_ pipe: Pipe, _ text: String) throws { try pipe.fileHandleForWriting.write(contentsOf: Data(text.utf8)) }

    /// Whether a customer's row is there soon.
    private func isRead(_ id: Int, in sandbox: Sandbox, seconds: Double = 20) throws -> Bool {
        let deadline = Date() + seconds
        while Date() < deadline {
            let rows = try sandbox.succeed("scan", "orders", "--key", "customer_id=\(id)", "--brief", "--out", "-").output
            if rows.contains("\(id).5") { return true }
            Thread.sleep(forTimeInterval: 0.05)
        }
        return false
    }

    /// The results and errors of the command that was spawned last.
    private func outcome(_ process: Process, in sandbox: Sandbox) throws -> Outcome {
        process.waitUntilExit()
        return Outcome(
            code: process.terminationStatus, output: try sandbox.read("spawned.out"), errors: try sandbox.read("spawned.errors"))
    }

    @Test func aRowIsReadWhileTheInputGoesOn() throws {
        let sandbox = try Shop.open()
        let input = Pipe()
        let command = try sandbox.spawn(
            "write", "orders", "--stream", "--format", "ndjson", "--json", input: input.fileHandleForReading)
        try writes(input, Self.line(101))
        #expect(try isRead(101, in: sandbox))
        try writes(input, Self.line(102) + "\n" + Self.line(103).prefix(20))
        #expect(try isRead(102, in: sandbox))
        try writes(input, String(Self.line(103).dropFirst(20).dropLast()))
        try input.fileHandleForWriting.close()
        let result = try outcome(command, in: sandbox)
        #expect(result.code == 0, "\(result.errors)")
        let summary = try result.json()
        #expect(summary["rows"] as? Int == 3 && summary["requests"] as? Int == 3, "\(result.output)")
        let status = try sandbox.succeed("status", "--json").json()
        let position = try #require((status["online"] as? [String: Any])?["last_position"] as? Int)
        #expect(summary["position"] as? Int == position)
        #expect(try isRead(103, in: sandbox))
    }

    @Test func aBadLineIsNamedAndNothingBehindItIsWritten() throws {
        let sandbox = try Shop.open()
        for (bad, message) in [
            (#"{"customer_id":2,"ordered_at":"2026-02-01","amount":"x"}"#, "row 3 (line 4), column amount: "),
            (#"{"customer_id":2,"ordered_at":"2026-02-01","amount":-1}"#, "orders@1 row 3, column amount: -1 is below min 0"),
            ("customer_id,ordered_at", "row 3 (line 4): "),
        ] {
            let before = try sandbox.succeed("scan", "orders", "--out", "-").lines.count
            let input = Self.line(111) + "\n" + Self.line(112) + bad + "\n" + Self.line(113)
            let outcome = try sandbox.run(
                ["write", "orders", "--stream", "--format", "ndjson", "--linger", "off"], input: input)
            #expect(outcome.code == 1 && outcome.output.isEmpty)
            let lines = outcome.errorLines
            try #require(lines.count == 2, "\(lines)")
            #expect(lines[0].hasPrefix("headwater: standard input: \(message)"), "\(lines)")
            #expect(lines[1].hasPrefix("headwater: rows 1 to 2 were written, up to position "), "\(lines)")
            #expect(lines[1].hasSuffix(", and none behind them"), "\(lines)")
            #expect(try sandbox.succeed("scan", "orders", "--out", "-").lines.count == before + 2)
        }
        let first = try sandbox.run("write", "orders", "--stream", input: "customer_id,ordered_at\n,2026-02-01\n")
        #expect(first.code == 1 && first.errors.contains("nothing was written"))
        let header = try sandbox.run("write", "orders", "--stream", "--json", input: "customer,ordered_at\n")
        #expect(header.code == 1 && header.errors.contains("line 1: unknown column 'customer'"))
        #expect(try sandbox.run("write", "none", "--stream", input: "").code == 3)
    }

    @Test func anInterruptWritesWhatWasReadAndTellsThePosition() throws {
        let sandbox = try Shop.open()
        let input = Pipe()
        let command = try sandbox.spawn(
            "write", "orders", "--stream", "--format", "ndjson", "--linger", "1h", "--batch", "2", "--json",
            input: input.fileHandleForReading)
        try writes(input, Self.line(121) + Self.line(122) + Self.line(123) + "{\"customer_id\":124,")
        #expect(try isRead(122, in: sandbox))
        #expect(try !isRead(123, in: sandbox, seconds: 0.2), "it waits for another")
        kill(command.processIdentifier, SIGINT)
        let result = try outcome(command, in: sandbox)
        #expect(result.code == 130 && result.errors.contains("CANCELLED"), "\(result.errors)")
        let summary = try result.json()
        #expect(summary["rows"] as? Int == 3 && summary["requests"] as? Int == 2, "\(result.output)")
        #expect(summary["position"] as? Int ?? 0 > 0)
        #expect(try isRead(123, in: sandbox))
        try input.fileHandleForWriting.close()
    }

    @Test func rowsGoOnBehindARestart() throws {
        let sandbox = try Sandbox()
        var server = try sandbox.start()
        try sandbox.write("features.yaml", Shop.features)
        try sandbox.succeed("apply", "features.yaml")
        let input = Pipe()
        let command = try sandbox.spawn(
            "write", "orders", "--stream", "--format", "ndjson", "--batch", "10", "--in-flight", "2", "--json",
            input: input.fileHandleForReading)
        try writes(input, Self.line(131))
        #expect(try isRead(131, in: sandbox))
        sandbox.stop(server, SIGKILL)
        try writes(input, (132...300).map(Self.line).joined())
        server = try sandbox.start()
        #expect(try isRead(300, in: sandbox, seconds: 40))
        try input.fileHandleForWriting.close()
        let result = try outcome(command, in: sandbox)
        #expect(result.code == 0, "\(result.errors)")
        #expect(try result.json()["rows"] as? Int == 170)
        let scan = try sandbox.succeed("scan", "orders", "--out", "-", "--brief", "--columns", "amount").lines
        #expect(scan.count == 171 && Set(scan).count == 171)
        _ = server
    }

    @Test func optionsThatDoNotFitAreRefused() throws {
        let sandbox = try Sandbox()
        for (arguments, message) in [
            ([], "give --from FILE, or --stream"), (["--from", "x.csv", "--batch", "3"], "--batch goes with --stream"),
            (["--stream", "--batch", "1025"], "--batch takes 1 to 1024 rows"),
            (["--stream", "--in-flight", "0"], "--in-flight takes 1 to 1000 requests"),
            (["--stream", "--linger", "soon"], "--linger"),
        ] {
            let outcome = try sandbox.run(["write", "orders"] + arguments)
            #expect(outcome.code == 64 && outcome.errors.contains(message), "\(outcome.errors)")
        }
        let shop = try Shop.open()
        let packed = try shop.run("write", "orders", "--stream", "--from", "rows.csv.gz")
        #expect(packed.code == 1 && packed.errors.contains("is packed"), "\(packed.errors)")
    }
}
