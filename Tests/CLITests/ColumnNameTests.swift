import Foundation
import Testing

/// A table has one column of a name: what is made beside the user's own never takes the place of one.
@Suite(.serialized)
struct ColumnNameTests {
    private static let definitions = """
        project: shop
        entities:
          - {name: customer, keys: [{name: customer_id, type: int64}]}
        feature_groups:
          - name: orders
            entity: customer
            event_time: t
            features:
              - {name: x, type: float64}
          - name: odd
            entity: customer
            event_time: t
            features:
              - {name: deleted, type: bool}
              - {name: plain, type: int64}

        """

    private func open() throws -> Sandbox {
        let sandbox = try Sandbox()
        try sandbox.start()
        try sandbox.write("features.yaml", Self.definitions)
        try sandbox.succeed("apply", "features.yaml")
        try sandbox.succeed("write", "orders", "--from", "-", input: "customer_id,t,x\n1,2026-01-05,2.5\n")
        try sandbox.succeed("write", "odd", "--from", "-", input: "customer_id,t,deleted,plain\n1,2026-01-05,true,5\n")
        return sandbox
    }

    @Test func namesOfWhatIsMadeAreRefusedToFeaturesAndKeys() throws {
        let sandbox = try open()
        for name in ["x__status", "event_time", "ingest_time", "position", "row"] {
            try sandbox.write(
                "f.yaml",
                Self.definitions.replacingOccurrences(
                    of: "\n      - {name: plain", with: "\n      - {name: \(name), type: int64}\n      - {name: plain"))
            let feature = try sandbox.run("apply", "f.yaml")
            #expect(feature.code == 1 && feature.errors.contains("'\(name)'"), "\(name): \(feature.errors)")
            // The status of a key is made nowhere.
            guard name != "x__status" else { continue }
            try sandbox.write("k.yaml", Self.definitions.replacingOccurrences(of: "customer_id", with: name))
            let key = try sandbox.run("apply", "k.yaml")
            #expect(key.code == 1 && key.errors.contains("'\(name)'"), "\(name): \(key.errors)")
        }
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
            for place in [[], ["--as-of", "5"]] as [[String]] {
                let outcome = try sandbox.run(["history", "--spine", spine, "--out", "-"] + more + place)
                #expect(outcome.code == 1 && outcome.output.isEmpty, "\(spine)")
                #expect(outcome.errors.contains(name) && outcome.errors.contains(spine), "\(outcome.errors)")
                #expect(outcome.errors.contains("--full-feature-names"), "\(outcome.errors)")
            }
            let renamed = try sandbox.run(["history", "--spine", spine, "--out", "-", "--full-feature-names"] + more)
            #expect(renamed.code == 0, "\(renamed.errors)")
        }
    }

    @Test func aScanOfDeletesDoesNotTakeTheNameOfAFeature() throws {
        let sandbox = try open()
        try FileManager.default.copyItem(atPath: sandbox.path("store"), toPath: sandbox.path("copy"))
        for place in [[], ["--data", "copy"]] {
            for more in [[], ["--brief"], ["--latest"], ["--columns", "deleted"]] {
                let outcome = try sandbox.run(["scan", "odd", "--deletes", "--out", "-"] + more + place)
                #expect(outcome.code == 1 && outcome.output.isEmpty, "\(more)")
                #expect(outcome.errors.contains("'deleted'"), "\(outcome.errors)")
            }
            let others = try sandbox.run(["scan", "odd", "--deletes", "--columns", "plain", "--brief", "--out", "-"] + place)
            #expect(others.lines.last == "1,2026-01-05T00:00:00.000000Z,false,5", "\(others.errors)")
            #expect(try sandbox.run(["scan", "odd", "--brief", "--out", "-"] + place).lines.last?.hasSuffix(",true,5") == true)
        }
    }

    @Test func aGetKeepsKeysAndFeaturesApart() throws {
        let sandbox = try open()
        let got = try sandbox.succeed("get", "--features", "orders:x,odd:deleted", "--entity", "customer_id=1", "--json").output
        #expect(got.contains(#""features":{"x":2.5,"deleted":true},"keys":{"customer_id":1},"statuses":{"x":"PRESENT""#))
    }
}
