import Foundation
import Testing

@Suite(.serialized)
struct WriteTests {
    @Test func oneBadCellInALargeFileWritesNothing() throws {
        let sandbox = try Shop.open()
        var csv = "customer_id,ordered_at,amount\n"
        for row in 1...40_000 { csv += "\(row),2026-02-01T00:00:00Z,\(row == 39_999 ? "abc" : "1.5")\n" }
        try sandbox.write("large.csv", csv)
        let outcome = try sandbox.run("write", "orders", "--from", "large.csv")
        #expect(outcome.code == 1)
        #expect(
            outcome.errorLines == [
                "headwater: large.csv: row 39999 (line 40000), column amount: 'abc' is not a float64",
                "headwater: nothing was written",
            ])
        #expect(try sandbox.succeed("scan", "orders", "--out", "-").lines.count == 4)
    }

    @Test func aFileOfNoRowsIsCheckedAndGivesThePositionOfTheLog() throws {
        let sandbox = try Shop.open()
        let last = try #require(
            try sandbox.succeed("write", "orders", "--from", "orders.csv", "--json").json()["position"] as? Int)
        try sandbox.write("none.csv", "customer_id,ordered_at,amount\n")
        let result = try sandbox.succeed("write", "orders", "--from", "none.csv", "--json").json()
        #expect(result["rows"] as? Int == 0 && (result["position"] as? Int ?? 0) >= last)
        try sandbox.write("bad.csv", "customer_id,ordered_at,amont\n")
        #expect(try sandbox.run("write", "orders", "--from", "bad.csv").errors.contains("unknown column 'amont'"))
    }

    @Test func aFileLargerThanARequestIsWrittenInParts() throws {
        let sandbox = try Shop.open()
        var csv = "ordered_at,customer_id,amount\n"
        for row in 1...40_000 { csv += "2026-02-01T00:00:00Z,\(row),\(row).25\n" }
        try sandbox.write("large.csv", csv)
        let result = try sandbox.succeed("write", "orders", "--from", "large.csv", "--json").json()
        #expect(result["rows"] as? Int == 40_000)
        #expect(result["requests"] as? Int == 3)
        #expect(try sandbox.succeed("audit").output.contains("agree over 40,000 latest rows"))
    }

    @Test func declaredChecksAndTimesAreCheckedBeforeTheFirstRowIsSent() throws {
        let sandbox = try Shop.open()
        try sandbox.write("bad.csv", "customer_id,ordered_at,amount\n1,2026-01-05,5\n3,2026-01-05,-4\n4,3000-01-01,5\n")
        let outcome = try sandbox.run("write", "orders", "--from", "bad.csv")
        #expect(outcome.code == 1)
        #expect(outcome.errors.contains("row 2, column amount: -4 is below min 0"))
        #expect(outcome.errors.contains("row 3, column ordered_at: 3000-01-01T00:00:00.000000Z is more than 5m in the future"))
        #expect(outcome.errorLines.last == "headwater: nothing was written")
    }

    @Test(arguments: [
        ("customer_id,ordered_at,amont\n1,2026-01-05,5\n", "unknown column 'amont'"),
        ("customer_id,amount\n1,5\n", "missing column ordered_at"),
        ("customer_id,ordered_at\n,2026-01-05\n", "the cell is empty (null)"),
        ("customer_id,ordered_at\n1,2026-01-05,9\n", "3 cells where the header has 2"), ("", "the file is empty"),
        ("customer_id,ordered_at\n99999999999999999999,2026-01-05\n", "column customer_id"),
    ])
    func aBadFileIsRefusedWithItsReason(_ csv: String, _ reason: String) throws {
        let sandbox = try Shop.open()
        try sandbox.write("bad.csv", csv)
        let outcome = try sandbox.run("write", "orders", "--from", "bad.csv")
        #expect(outcome.code == 1)
        #expect(outcome.errors.contains(reason), "\(outcome.errors)")
        #expect(outcome.errors.contains("nothing was written"))
    }

    @Test func rowsComeFromStandardInputAsWell() throws {
        let sandbox = try Shop.open()
        let line = #"{"customer_id":7,"ordered_at":"2026-02-01","amount":null,"items":["a,b",null]}"# + "\n"
        try sandbox.succeed("write", "orders", "--from", "-", "--format", "ndjson", input: line)
        try sandbox.succeed("write", "orders", "--from", "-", input: "customer_id,ordered_at,amount\n8,2026-02-01,3\n")
        let scan = try sandbox.succeed("scan", "orders", "--out", "-", "--format", "ndjson").output
        #expect(scan.contains(#""customer_id":7"#) && scan.contains(#""items":["a,b",null]"#))
        #expect(scan.contains(#""customer_id":8"#))
    }

    @Test func largeStandardInputIsSpooledAndTidiedUp() throws {
        let sandbox = try Shop.open()
        var csv = "customer_id,ordered_at,items\n"
        let text = String(repeating: "x", count: 1_000)
        for row in 1...12_000 { csv += "\(row),2026-02-01,\"[\"\"\(text)\"\"]\"\n" }
        let result = try sandbox.succeed("write", "orders", "--from", "-", "--json", input: csv).json()
        #expect(result["rows"] as? Int == 12_000)
        let left = try FileManager.default.contentsOfDirectory(atPath: sandbox.directory.path).filter {
            $0.hasPrefix("headwater-")
        }
        #expect(left.isEmpty)
    }

    @Test func furtherSpellingsOfNullAreTakenOnRequest() throws {
        let sandbox = try Shop.open()
        try sandbox.write("na.csv", "customer_id,ordered_at,amount\n9,2026-02-01,NA\n10,2026-02-01,-\n")
        #expect(try sandbox.run("write", "orders", "--from", "na.csv").code == 1)
        try sandbox.succeed("write", "orders", "--from", "na.csv", "--null", "NA", "--null", "-")
    }

    @Test func aDeleteReportsKeysForWhichANewerRowWins() throws {
        let sandbox = try Shop.open()
        let early = try sandbox.succeed(
            "delete", "orders", "--key", "customer_id=1", "--key", "customer_id=2", "--event-time", "2026-01-08T00:00:00Z")
        #expect(early.output.contains("a newer row wins for 1 key"))
        #expect(early.lines.contains("  customer_id=1"))
        let now = try sandbox.succeed("delete", "orders", "--key", "customer_id=1", "--json").json()
        #expect(now["keys_with_newer_rows"] as? Int == 0)
        let got = try sandbox.succeed("get", "--service", "churn", "--entity", "customer_id=1", "--json").output
        #expect(got.contains(#""statuses":{"amount":"NOT_FOUND","items":"NOT_FOUND"}"#))
        // History before the delete still has the row.
        try sandbox.write("spine.csv", "customer_id,event_time\n1,2026-01-06\n1,2026-01-08T12:00:00Z\n1,2026-01-10\n")
        let history = try sandbox.succeed("history", "--spine", "spine.csv", "--features", "orders:amount", "--out", "-")
        #expect(
            history.lines == [
                "customer_id,event_time,amount", "1,2026-01-06,25.5", "1,2026-01-08T12:00:00Z,", "1,2026-01-10,80.0",
            ])
    }

    @Test func deletesComeFromATableAsWell() throws {
        let sandbox = try Shop.open()
        try sandbox.write("keys.csv", "customer_id,ordered_at\n1,2026-01-20\n2,2026-01-20\n")
        #expect(try sandbox.succeed("delete", "orders", "--from", "keys.csv").output.hasPrefix("deleted 2 keys of orders@1"))
        let refused = try sandbox.run("delete", "orders", "--key", "customer=1")
        #expect(refused.code == 1 && refused.errors.contains("'customer' is no key here; the keys are: customer_id (int64)"))
    }
}
