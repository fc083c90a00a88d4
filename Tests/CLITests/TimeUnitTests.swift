import Foundation
import Testing

@Suite(.serialized)
struct TimeUnitTests {
    /// 2026-01-20T00:00:00Z in seconds.
    private static let second = 1_768_867_200

    @Test func wholeNumbersInTheWrongUnitAreRefusedWhereverTimesAreRead() throws {
        let sandbox = try Shop.open()
        let before = try sandbox.succeed("scan", "orders", "--out", "-").output
        for (factor, unit) in [(1, "s"), (1_000, "ms"), (1_000_000_000, "ns")] {
            let number = Self.second * factor
            try sandbox.write("t.csv", "customer_id,ordered_at\n1,\(number)\n2,\(number + 1)\n")
            try sandbox.write("t.ndjson", "{\"customer_id\":1,\"ordered_at\":\(number)}\n")
            try sandbox.write("spine.csv", "customer_id,event_time\n1,\(number)\n")
            try sandbox.write("spine.ndjson", "{\"customer_id\":1,\"event_time\":\"\(number)\"}\n")
            for command in [
                ["write", "orders", "--from", "t.csv"], ["write", "orders", "--from", "t.ndjson"],
                ["delete", "orders", "--from", "t.csv"],
                ["delete", "orders", "--key", "customer_id=1", "--event-time", "\(number)"],
                ["history", "--spine", "spine.csv", "--service", "churn", "--out", "x.csv"],
                ["history", "--spine", "spine.ndjson", "--service", "churn", "--out", "x.ndjson"],
                ["scan", "orders", "--start", "\(number)", "--out", "x.csv"],
                ["scan", "orders", "--end", "\(number)", "--out", "x.csv"],
                ["scan", "orders", "--latest", "--at", "\(number)", "--out", "x.csv"],
                ["get", "--service", "churn", "--entity", "customer_id=1", "--at", "\(number)"],
            ] {
                let outcome = try sandbox.run(command)
                #expect([1, 64].contains(outcome.code), "\(command)")
                #expect(outcome.errors.contains("--time-unit \(unit)"), "\(command): \(outcome.errors)")
                #expect(outcome.errors.contains("2026-01-20T00:00:00.000000Z"), "\(command): \(outcome.errors)")
            }
        }
        #expect(try sandbox.succeed("scan", "orders", "--out", "-").output == before)
        #expect(!sandbox.exists("x.csv") && !sandbox.exists("x.ndjson"))
    }

    @Test func aStatedUnitIsTheOneThatTimesAreReadIn() throws {
        let sandbox = try Shop.open()
        for (customer, factor, unit) in [(11, 1, "s"), (12, 1_000, "ms"), (13, 1_000_000, "us"), (14, 1_000_000_000, "ns")] {
            let number = Self.second * factor
            let csv = "customer_id,ordered_at,amount\n\(customer),\(number),5\n"
            try sandbox.succeed("write", "orders", "--from", "-", "--time-unit", unit, input: csv)
            let spine = "customer_id,event_time,note\n\(customer),\(number),00501\n\(customer),\(number - factor),\n"
            let history = try sandbox.succeed(
                "history", "--spine", "-", "--time-unit", unit, "--features", "orders:amount", "--out", "-", input: spine)
            #expect(history.lines.dropFirst() == ["\(customer),\(number),00501,5.0", "\(customer),\(number - factor),,"])
            let scan = try sandbox.succeed(
                "scan", "orders", "--start", "\(number)", "--end", "\(number + factor)", "--time-unit", unit, "--key",
                "customer_id=\(customer)", "--brief", "--out", "-")
            #expect(scan.lines.last == "\(customer),2026-01-20T00:00:00.000000Z,5.0,")
        }
    }

    @Test func oneNumberOfOurTimeClearsAColumnHoweverTheTableIsCut() throws {
        let sandbox = try Shop.open()
        // More rows than a request has; the first or the last one decides.
        let good = Self.second * 1_000_000
        for first in [true, false] {
            var csv = "customer_id,ordered_at,amount\n"
            for row in 1...17_000 { csv += "\(row + 100),\(row == (first ? 1 : 17_000) ? good : row),1\n" }
            try sandbox.write("t.csv", csv)
            let written = try sandbox.succeed("write", "orders", "--from", "t.csv", "--json").json()
            #expect(written["rows"] as? Int == 17_000 && written["requests"] as? Int == 2)
        }
        var spine = "customer_id,event_time\n"
        for row in 1...66_000 { spine += "\(row + 100),\(row == 66_000 ? good : row)\n" }
        try sandbox.write("spine.csv", spine)
        try sandbox.succeed("history", "--spine", "spine.csv", "--features", "orders:amount", "--out", "out.csv")
        // Texts are not counted: they do not clear numbers, and numbers do not condemn them.
        let mixed = "customer_id,ordered_at\n1,2026-01-20\n2,\(Self.second)\n"
        let outcome = try sandbox.run("write", "orders", "--from", "-", input: mixed)
        #expect(outcome.code == 1)
        #expect(outcome.errors.contains("row 2 (line 3), column ordered_at"), "\(outcome.errors)")
        #expect(outcome.errorLines.last == "headwater: nothing was written")
    }

    @Test func keysAndFeaturesThatAreTimesFollowTheRuleToo() throws {
        let sandbox = try Sandbox()
        try sandbox.start()
        try sandbox.write(
            "days.yaml",
            """
            project: shop
            entities: [{name: day, keys: [{name: day, type: timestamp}]}]
            feature_groups:
              - {name: days, entity: day, features: [{name: visits, type: int64}, {name: peaks, type: array(timestamp)}]}

            """)
        try sandbox.succeed("apply", "days.yaml")
        func write(_ csv: String, _ more: String...) throws -> Outcome {
            try sandbox.run(["write", "days", "--from", "-"] + more, input: csv)
        }
        let key = try write("day,visits\n\(Self.second),7\n")
        #expect(key.code == 1 && key.errors.contains("column day") && key.errors.contains("--time-unit s"), "\(key.errors)")
        let feature = try write("day,peaks\n2026-01-20,\"[\(Self.second * 1_000),null]\"\n")
        #expect(feature.code == 1 && feature.errors.contains("column peaks") && feature.errors.contains("--time-unit ms"))
        #expect(try write("day,visits,peaks\n\(Self.second),7,[\(Self.second + 1)]\n", "--time-unit", "s").code == 0)
        let get = ["get", "--features", "days:*", "--json"]
        let wrong = try sandbox.run(get + ["--entity", "day=\(Self.second)"])
        #expect(wrong.code == 1 && wrong.errors.contains("--time-unit s"), "\(wrong.errors)")
        for entity in [["day=\(Self.second)", "--time-unit", "s"], ["day=2026-01-20"], ["day=\(Self.second * 1_000_000)"]] {
            let got = try sandbox.run(get + ["--entity"] + entity).output
            #expect(got.contains(#""peaks":["2026-01-20T00:00:01.000000Z"]"#) && got.contains(#""visits":7"#), "\(got)")
        }
    }

    @Test func oddUnitsAndNumbersBeyondTimeAreRefused() throws {
        let sandbox = try Sandbox()
        let unit = try sandbox.run("scan", "g", "--start", "5", "--time-unit", "minutes", "--out", "-")
        #expect(unit.code == 64 && ["s", "ms", "us", "ns"].allSatisfy { unit.errors.contains("'\($0)'") }, "\(unit.errors)")
        let beyond = try sandbox.run("scan", "g", "--start", "\(Int64.max)", "--time-unit", "s", "--out", "-")
        #expect(beyond.code == 64 && beyond.errors.contains("no time"), "\(beyond.errors)")
    }
}
