import Foundation
import Testing

@Suite(.serialized)
struct ReadTests {
    @Test func aGetGivesValuesAndStatusesAsOneJSONDocument() throws {
        let sandbox = try Shop.open()
        let got = try sandbox.succeed(
            "get", "--service", "churn", "--entity", "customer_id=1", "--entity", "customer_id=", "--entity", "customer_id=2",
            "--at",
            "2026-02-06T09:00:00Z", "--json"
        ).json()
        let vectors = try #require(got["vectors"] as? [[String: Any]])
        let statuses = vectors.map { ($0["statuses"] as? [String: String])?["amount"] }
        #expect(statuses == ["PRESENT", "NOT_FOUND", "NULL_VALUE"])
        #expect((vectors[0]["features"] as? [String: Any])?["amount"] as? Double == 80)
        #expect((vectors[0]["features"] as? [String: Any])?["items"] as? [String] == ["pot"])
        let late = try sandbox.succeed(
            "get", "--features", "orders:amount", "--entity", "customer_id=1", "--at", "2026-02-08T12:00:00.000001Z")
        #expect(late.output.contains("OUTSIDE_MAX_AGE"))
    }

    @Test func aGlobalFeatureNeedsNoEntity() throws {
        let sandbox = try Shop.open()
        try sandbox.succeed("write", "rates", "--from", "-", input: "at,euro\n2026-01-01,1.25\n")
        let got = try sandbox.succeed("get", "--features", "rates:euro", "--json").output
        #expect(got.contains(#""features":{"euro":1.25},"keys":{}"#))
    }

    @Test func keysMayHoldCommasAndEqualsSigns() throws {
        let sandbox = try Sandbox()
        try sandbox.start()
        try sandbox.write(
            "names.yaml",
            """
            project: shop
            entities: [{name: person, keys: [{name: name, type: string}]}]
            feature_groups:
              - {name: people, entity: person, features: [{name: age, type: int32}]}

            """)
        try sandbox.succeed("apply", "names.yaml")
        try sandbox.succeed("write", "people", "--from", "-", input: "name,age\n\"Doe, J=1\\\",40\n\"\",1\n")
        let got = try sandbox.succeed(
            "get", "--features", "people:age", "--entity", #"name=Doe\, J\=1\\"#, "--entity", #"name="""#, "--json"
        ).output
        #expect(got.contains(#""features":{"age":40}"#) && got.contains(#""features":{"age":1}"#))
    }

    @Test func readsBeyondTheLogOrOfUnknownNamesSayWhy() throws {
        let sandbox = try Shop.open()
        for (arguments, code, reason) in [
            (["get", "--features", "orders:amount", "--entity", "customer_id=1", "--min-position", "99"], Int32(1), "99"),
            (["get", "--service", "nope", "--entity", "customer_id=1"], 3, "no feature service 'nope'"),
            (["get", "--service", "churn", "--entity", "customer_id=x"], 1, "'x' is not an int64"),
            (["get", "--service", "churn"], 1, "give --entity with the keys customer_id (int64)"),
            (["describe", "nope"], 3, "nothing is called 'nope'"),
            (["scan", "nope", "--out", "x.csv"], 3, "no feature group 'nope'"),
        ] {
            let outcome = try sandbox.run(arguments)
            #expect(outcome.code == code)
            #expect(outcome.errors.contains(reason), "\(outcome.errors)")
        }
        #expect(!sandbox.exists("x.csv"))
    }

    @Test func historyKeepsTheSpineAsItStandsAndAppendsStatuses() throws {
        let sandbox = try Shop.open()
        try sandbox.write(
            "spine.csv",
            #"""
            note,t,customer_id
            "b, ""q""",2026-01-06T00:00:00+01:00,1
             ,2026-01-10,1
            ,2026-01-10,1
            x,2026-01-04,1
            n,2026-01-10,

            """#)
        try sandbox.succeed(
            "history", "--spine", "spine.csv", "--features", "orders:amount", "--spine-time", "t", "--statuses",
            "--full-feature-names",
            "--out", "out.csv")
        #expect(
            try sandbox.read("out.csv") == #"""
                note,t,customer_id,orders__amount,orders__amount__status
                "b, ""q""",2026-01-06T00:00:00+01:00,1,25.5,PRESENT
                 ,2026-01-10,1,80.0,PRESENT
                ,2026-01-10,1,80.0,PRESENT
                x,2026-01-04,1,,NOT_FOUND
                n,2026-01-10,,,NOT_FOUND

                """#)
    }

    @Test func historyOfManyRowsKeepsOrderAndNumber() throws {
        let sandbox = try Shop.open()
        var csv = "row,customer_id,event_time\n"
        for row in 1...100_000 { csv += "\(row),\(row % 3),2026-01-\(row % 2 == 0 ? "06" : "10")\n" }
        try sandbox.write("spine.csv", csv)
        try sandbox.succeed("history", "--spine", "spine.csv", "--features", "orders:amount", "--out", "out.csv")
        let lines = try sandbox.read("out.csv").split(separator: "\n")
        #expect(lines.count == 100_001)
        for row in stride(from: 1, through: 100_000, by: 997) {
            let value = row % 3 == 1 ? (row % 2 == 0 ? "25.5" : "80.0") : ""
            #expect(lines[row] == "\(row),\(row % 3),2026-01-\(row % 2 == 0 ? "06" : "10"),\(value)")
        }
    }

    @Test func historyWorksOnNDJSONAndOnPipes() throws {
        let sandbox = try Shop.open()
        let line = #"{"customer_id": 1, "event_time":"2026-01-10", "x":{"y":[1]}}"# + "\n"
        let piped = try sandbox.succeed(
            "history", "--spine", "-", "--format", "ndjson", "--features", "orders:amount", "--out", "-", input: line)
        #expect(piped.output == #"{"customer_id": 1, "event_time":"2026-01-10", "x":{"y":[1]},"amount":80.0}"# + "\n")
    }

    @Test func aFailedHistoryLeavesTheOldFile() throws {
        let sandbox = try Shop.open()
        try sandbox.write("out.csv", "old\n")
        try sandbox.write("spine.csv", "customer_id,event_time\n1,2026-01-06\n1,never\n")
        let bad = try sandbox.run("history", "--spine", "spine.csv", "--service", "churn", "--out", "out.csv")
        #expect(bad.code == 1 && bad.errors.contains("row 2 (line 3), column event_time"))
        try sandbox.write("clash.csv", "customer_id,event_time,amount\n1,2026-01-06,1\n")
        let clash = try sandbox.run("history", "--spine", "clash.csv", "--service", "churn", "--out", "out.csv")
        #expect(clash.code == 1 && clash.errors.contains("use --full-feature-names"))
        try sandbox.write("lacking.csv", "customer,event_time\n1,2026-01-06\n")
        let lacking = try sandbox.run("history", "--spine", "lacking.csv", "--service", "churn", "--out", "out.csv")
        #expect(lacking.code == 1 && lacking.errors.contains("the spine lacks the key column customer_id"))
        #expect(try sandbox.read("out.csv") == "old\n")
        #expect(try FileManager.default.contentsOfDirectory(atPath: sandbox.directory.path).allSatisfy { !$0.hasSuffix(".part") })
    }

    @Test func asOfAndAvailabilityLookBack() throws {
        let sandbox = try Shop.open()
        let got = try sandbox.succeed("get", "--service", "churn", "--entity", "customer_id=1", "--json").json()
        let before = try #require(got["position"] as? Int)
        try sandbox.succeed("write", "orders", "--from", "-", input: "customer_id,ordered_at,amount\n1,2026-01-09T18:00:00Z,99\n")
        try sandbox.write("spine.csv", "customer_id,event_time\n1,2026-01-10\n")
        func history(_ more: String...) throws -> String {
            let base = ["history", "--spine", "spine.csv", "--features", "orders:amount", "--out", "-"]
            let lines = try sandbox.run(base + more).lines
            return try #require(lines.last)
        }
        #expect(try history() == "1,2026-01-10,99.0")
        #expect(try history("--as-of", "\(before)") == "1,2026-01-10,80.0")
        #expect(try history("--availability", "ingest") == "1,2026-01-10,")
    }

    @Test func aScanChoosesColumnsAndTimesAndIsWrittenBack() throws {
        let sandbox = try Shop.open()
        let part = try sandbox.succeed(
            "scan", "orders", "--columns", "amount", "--start", "2026-01-07", "--end", "2026-01-09T12:00:00Z", "--out", "-",
            "--format",
            "ndjson")
        #expect(part.lines.count == 1 && part.output.contains(#""customer_id":2"#) && part.output.contains(#""amount":null"#))
        #expect(!part.output.contains("items"))
        try sandbox.succeed("scan", "orders", "--deletes", "--out", "all.csv")
        #expect(try sandbox.read("all.csv").hasPrefix("customer_id,event_time,ingest_time,position,row,deleted,amount,items\n"))
        let wrong = try sandbox.run("scan", "orders", "--columns", "amunt", "--out", "-")
        #expect(wrong.code == 1 && wrong.errors.contains("amunt"))
    }

    @Test func aScanGivesTheLatestRowsAndThoseOfSomeKeys() throws {
        let sandbox = try Shop.open()
        func scan(_ more: [String]) throws -> [String] {
            let outcome = try sandbox.run(["scan", "orders", "--columns", "amount", "--brief", "--out", "-"] + more)
            #expect(outcome.code == 0, "\(outcome.errors)")
            return outcome.lines
        }
        let head = "customer_id,event_time,amount"
        let (first, last) = ("1,2026-01-05T10:00:00.000000Z,25.5", "1,2026-01-09T12:00:00.000000Z,80.0")
        let other = "2,2026-01-07T09:30:00.000000Z,"
        for place in [[], ["--data", "copy"]] {
            if !place.isEmpty {
                // The same without a server, from what is in chunks and what is not.
                try FileManager.default.copyItem(atPath: sandbox.path("store"), toPath: sandbox.path("copy"))
            }
            #expect(try scan(place + ["--latest"]) == [head, last, other])
            #expect(try scan(place + ["--latest", "--key", "customer_id=1", "--key", "customer_id=9"]) == [head, last])
            #expect(try scan(place + ["--key", "customer_id=1"]) == [head, first, last])
            #expect(try scan(place + ["--latest", "--at", "2026-01-06"]) == [head, first])
        }
        for (arguments, reason) in [
            (["--at", "2026-01-06"], "--at goes with --latest"), (["--latest", "--start", "2026-01-06"], "takes --at"),
            (["--key", "customer=1"], "the keys are: customer_id (int64)"), (["--key", "customer_id="], "customer_id"),
        ] {
            let wrong = try sandbox.run(["scan", "orders", "--out", "-"] + arguments)
            #expect(wrong.code != 0 && wrong.errors.contains(reason), "\(wrong.errors)")
        }
    }
}
