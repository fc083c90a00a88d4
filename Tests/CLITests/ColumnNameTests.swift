import Foundation
import Testing

/// A table has one column of a name: what is made beside the user's own never takes the place of one.
@Suite(.serialized)
struct ColumnNameTests {
    private static let definitions = """
        project: shop
        entities:
          - {name: customer, keys: [{name: customer_id, type: int64}]}
          - {name: place, keys: [{name: position, type: int64}]}
        feature_groups:
          - name: orders
            entity: customer
            event_time: t
            features:
              - {name: x, type: float64}
              - {name: x__status, type: string}
          - name: odd
            entity: customer
            event_time: t
            features:
              - {name: event_time, type: timestamp}
              - {name: ingest_time, type: string}
              - {name: row, type: int64}
              - {name: deleted, type: bool}
              - {name: plain, type: int64}
          - name: places
            entity: place
            event_time: t
            features:
              - {name: size, type: int64}

        """

    private func open() throws -> Sandbox {
        let sandbox = try Sandbox()
        try sandbox.start()
        try sandbox.write("features.yaml", Self.definitions)
        try sandbox.succeed("apply", "features.yaml")
        try sandbox.succeed("write", "orders", "--from", "-", input: "customer_id,t,x,x__status\n1,2026-01-05,2.5,mine\n")
        try sandbox.succeed(
            "write", "odd", "--from", "-",
            input: "customer_id,t,event_time,ingest_time,row,deleted,plain\n1,2026-01-05,2020-01-01,mine,77,true,5\n")
        try sandbox.succeed("write", "places", "--from", "-", input: "position,t,size\n4711,2026-01-05,9\n")
        return sandbox
    }

    @Test func statusesDoNotTakeTheNameOfAFeature() throws {
        let sandbox = try open()
        try sandbox.write("spine.csv", "customer_id,event_time\n1,2026-01-06\n")
        let history = ["history", "--spine", "spine.csv", "--features", "orders:*", "--out", "out.csv"]
        let clash = try sandbox.run(history + ["--statuses"])
        #expect(clash.code == 1 && clash.errors.contains("'x__status'") && clash.errors.contains("--statuses"), "\(clash.errors)")
        #expect(!sandbox.exists("out.csv"))
        #expect(try sandbox.run(history).code == 0)
        #expect(try sandbox.read("out.csv") == "customer_id,event_time,x,x__status\n1,2026-01-06,2.5,mine\n")
        // By full names the two differ from each other only in what is made.
        let full = try sandbox.run(history + ["--statuses", "--full-feature-names"])
        #expect(full.code == 1 && full.errors.contains("orders__x__status"), "\(full.errors)")
    }

    @Test func aColumnOfTheSpineIsNeverOverwritten() throws {
        let sandbox = try open()
        try sandbox.write("further.csv", "customer_id,event_time,x\n1,2026-01-06,mine\n")
        try sandbox.write(
            "further.ndjson",
            #"{"customer_id":1,"event_time":"2026-01-06"}"# + "\n" + #"{"x":"mine","customer_id":1,"event_time":"2026-01-06"}"#
                + "\n")
        try sandbox.write("status.csv", "customer_id,event_time,x__status\n1,2026-01-06,mine\n")
        try sandbox.write("time.csv", "customer_id,plain\n1,2026-01-06\n")
        for (spine, more, name) in [
            ("further.csv", ["--features", "orders:x"], "'x'"), ("further.ndjson", ["--features", "orders:x"], "'x'"),
            ("status.csv", ["--features", "orders:x", "--statuses"], "'x__status'"),
            ("time.csv", ["--features", "odd:plain", "--spine-time", "plain"], "'plain'"),
        ] {
            for place in [[], ["--as-of", "5"]] {
                let outcome = try sandbox.run(["history", "--spine", spine, "--out", "-"] + more + place)
                #expect(outcome.code == 1 && outcome.output.isEmpty, "\(spine)")
                #expect(outcome.errors.contains(name) && outcome.errors.contains(spine), "\(outcome.errors)")
                #expect(outcome.errors.contains("--full-feature-names"), "\(outcome.errors)")
            }
            let renamed = try sandbox.run(["history", "--spine", spine, "--out", "-", "--full-feature-names"] + more)
            #expect(renamed.code == 0, "\(renamed.errors)")
        }
    }

    @Test func aScanDoesNotTakeTheNameOfAKeyOrFeature() throws {
        let sandbox = try open()
        try FileManager.default.copyItem(atPath: sandbox.path("store"), toPath: sandbox.path("copy"))
        for place in [[], ["--data", "copy"]] {
            func scan(_ more: String...) throws -> Outcome { try sandbox.run(["scan", "--out", "-"] + more + place) }
            for (arguments, name) in [
                (["odd"], "event_time"), (["odd", "--columns", "row"], "row"),
                (["odd", "--columns", "ingest_time"], "ingest_time"),
                (["odd", "--columns", "deleted", "--deletes", "--brief"], "deleted"), (["places"], "position"),
                (["odd", "--columns", "event_time", "--latest"], "event_time"),
            ] {
                let outcome = try sandbox.run(["scan", "--out", "-"] + arguments + place)
                #expect(outcome.code == 1 && outcome.output.isEmpty, "\(arguments)")
                #expect(outcome.errors.contains("'\(name)'"), "\(outcome.errors)")
            }
            #expect(try scan("odd", "--columns", "plain").lines.last?.hasSuffix(",5") == true)
            #expect(
                try scan("odd", "--columns", "row,ingest_time,deleted", "--brief").lines.last?.hasSuffix(",77,mine,true") == true)
            #expect(try scan("places", "--brief").lines.last == "4711,2026-01-05T00:00:00.000000Z,9")
        }
    }

    @Test func aGetKeepsKeysAndFeaturesApart() throws {
        let sandbox = try open()
        let got = try sandbox.succeed("get", "--features", "orders:*", "--entity", "customer_id=1", "--json").output
        #expect(got.contains(#""features":{"x":2.5,"x__status":"mine"},"keys":{"customer_id":1},"statuses":{"x":"PRESENT""#))
        let clash = try sandbox.run("get", "--features", "places:size,odd:row", "--entity", "position=4711,customer_id=1")
        #expect(clash.code == 0, "\(clash.errors)")
    }
}
