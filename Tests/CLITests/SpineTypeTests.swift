import Foundation
import Testing

@Suite(.serialized)
struct SpineTypeTests {
    private static let spine = "zip,label,customer_id,event_time\n00501,007,1,2026-01-10\n1E5,,2,2026-01-10\n"

    @Test func furtherColumnsOfACSVSpineStandByteForByteUnlessTheyAreGivenAType() throws {
        let sandbox = try Shop.open()
        try sandbox.write("spine.csv", Self.spine)
        func history(_ more: String...) throws -> [String] {
            let outcome = try sandbox.run(
                ["history", "--spine", "spine.csv", "--features", "orders:amount"] + more + ["--out", "out.csv"])
            #expect(outcome.code == 0, "\(outcome.errors)")
            return Array(try sandbox.read("out.csv").split(separator: "\n").map(String.init).dropFirst())
        }
        #expect(try history() == ["00501,007,1,2026-01-10,80.0", "1E5,,2,2026-01-10,"])
        #expect(try history("--spine-type", "label=int64") == ["00501,7,1,2026-01-10,80.0", "1E5,,2,2026-01-10,"])
        #expect(
            try history("--spine-type", "label=float64", "--spine-type", "zip=string")
                == ["00501,7.0,1,2026-01-10,80.0", "1E5,,2,2026-01-10,"])
    }

    @Test func aCSVSpineGoesOnAsNDJSONWithItsTypes() throws {
        let sandbox = try Shop.open()
        try sandbox.write("spine.csv", Self.spine)
        let arguments = [
            "history", "--spine", "spine.csv", "--spine-type", "label=int64", "--features", "orders:amount", "--out",
        ]
        #expect(try sandbox.run(arguments + ["out.ndjson"]).code == 0)
        #expect(
            try sandbox.read("out.ndjson")
                == #"{"zip":"00501","label":7,"customer_id":1,"event_time":"2026-01-10T00:00:00.000000Z","amount":80.0}"# + "\n"
                + #"{"zip":"1E5","label":null,"customer_id":2,"event_time":"2026-01-10T00:00:00.000000Z","amount":null}"# + "\n")
        let back = try sandbox.run("history", "--spine", "out.ndjson", "--features", "rates:euro", "--out", "back.csv")
        #expect(back.code == 1 && back.errors.contains("name an .ndjson file"), "\(back.errors)")
        let summary = try sandbox.run(arguments + ["out.ndjson", "--json"]).json()
        #expect((summary["columns"] as? [[String: String]])?.first == ["name": "amount", "type": "float64"])
    }

    @Test func aTypeOfAColumnThatNoObjectHasIsRefused() throws {
        let sandbox = try Shop.open()
        try sandbox.write("spine.ndjson", #"{"label":"1","customer_id":1,"event_time":"2026-01-10"}"# + "\n")
        let arguments = ["history", "--spine", "spine.ndjson", "--features", "orders:amount", "--out", "out.ndjson"]
        let wrong = try sandbox.run(arguments + ["--spine-type", "lable=string"])
        #expect(wrong.code == 1 && wrong.errors.contains("a type is given for lable, which no row has"), "\(wrong.errors)")
        #expect(!sandbox.exists("out.ndjson"))
        #expect(try sandbox.run(arguments + ["--spine-type", "label=string"]).code == 0)
    }

    @Test func cellsThatAreNotOfTheirTypeAndTypesThatFitNoColumnAreRefused() throws {
        let sandbox = try Shop.open()
        try sandbox.write("spine.csv", Self.spine)
        for (type, reason) in [
            ("zip=int64", "row 2 (line 3), column zip: '1E5' is not an int64"), ("nothing=int64", "no column"),
            ("label=int65", "int65"), ("label", "COLUMN=TYPE"), ("customer_id=string", "is a key or the time"),
            ("event_time=string", "is a key or the time"),
        ] {
            let outcome = try sandbox.run(
                "history", "--spine", "spine.csv", "--spine-type", type, "--features", "orders:amount", "--out", "out.csv")
            // What cannot be a type, whatever the spine, is a wrong command line.
            let code: Int32 = ["label=int65", "label"].contains(type) ? 64 : 1
            #expect(outcome.code == code && outcome.errors.contains(reason), "\(type): \(outcome.errors)")
            #expect(!sandbox.exists("out.csv"))
        }
    }
}
