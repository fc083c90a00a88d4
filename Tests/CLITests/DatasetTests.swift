import Foundation
import Testing

@Suite(.serialized)
struct DatasetTests {
    private static let spine = """
        label,customer_id,event_time
        a,1,2026-01-06
        b,1,2026-01-10
        c,2,2026-01-10
        d,3,2026-01-10
        e,,2026-01-10

        """

    /// The shop with a dataset of five rows.
    private func saved(_ more: String...) throws -> (Sandbox, Outcome) {
        let sandbox = try Shop.open()
        try sandbox.write("spine.csv", Self.spine)
        let base = ["history", "--spine", "spine.csv", "--service", "churn", "--save", "june", "--out", "june.csv"]
        let outcome = try sandbox.run(base + more)
        try #require(outcome.code == 0, "\(outcome.errors)")
        return (sandbox, outcome)
    }

    @Test func aSavedSetIsShownAndListed() throws {
        let (sandbox, outcome) = try saved()
        #expect(outcome.output.contains("wrote 5 rows") && outcome.output.contains("saved as dataset june"))
        let list = try sandbox.succeed("dataset", "list").output
        #expect(list.contains("june") && list.contains("5"))
        let entries = try #require(try sandbox.succeed("dataset", "list", "--json").json()["datasets"] as? [[String: Any]])
        #expect(entries.map { $0["name"] as? String } == ["june"])
        let shown = try sandbox.succeed("dataset", "show", "june", "--json").json()
        let query = try #require(shown["query"] as? [String: Any])
        #expect(query["service"] as? String == "churn" && query["as_of"] as? Int == entries[0]["as_of"] as? Int)
        #expect(shown["source"] as? String == sandbox.path("spine.csv"))
        let text = try sandbox.succeed("dataset", "show", "june").output
        #expect(text.contains("rows: 5") && text.contains("service: churn") && text.contains("array(string)"))
        #expect(try sandbox.succeed("list").output.contains("june"))
        #expect(try sandbox.succeed("describe", "june").output.contains("june"))
        let unknown = try sandbox.run("dataset", "show", "july")
        #expect(unknown.code == 3 && unknown.errors.contains("no dataset 'july'") && unknown.errors.contains("june"))
        // What is there, and no dataset.
        #expect(try sandbox.run("dataset", "show", "churn").errors.contains("no dataset 'churn'"))
    }

    @Test func aSavedSetIsVerifiedAfterWhatItReadsWasRemoved() throws {
        let (sandbox, _) = try saved()
        let refused = try sandbox.run("remove", "group", "orders")
        #expect(refused.code == 1 && refused.errors.contains("dataset june reads it as of"), "\(refused.errors)")
        try sandbox.succeed("remove", "group", "orders", "--force")
        try sandbox.succeed("compact")
        let verified = ["dataset", "verify", "june", "--spine", "spine.csv"]
        let sound = try sandbox.run(verified)
        #expect(sound.code == 0, "\(sound.errors)")
        try sandbox.succeed("audit")
        // Released, the set lets the rows go, and says so.
        try sandbox.succeed("dataset", "release", "june")
        try sandbox.succeed("compact")
        let gone = try sandbox.run(verified)
        #expect(gone.code != 0 && gone.errors.contains("removed at"), "\(gone.errors)")
        try sandbox.succeed("remove", "dataset", "june")
        #expect(!(try sandbox.succeed("list").output.contains("june")))
    }

    @Test func savingSaysWhichRetentionsWaitAndReleasingEndsThat() throws {
        let (sandbox, outcome) = try saved()
        #expect(!outcome.errors.contains("retention"))
        try sandbox.write(
            "features.yaml", Shop.features.replacingOccurrences(of: "max_age: 30d", with: "max_age: 30d\n    retention: 36500d"))
        try sandbox.succeed("apply", "features.yaml")
        let arguments = ["history", "--spine", "spine.csv", "--service", "churn", "--save", "july", "--out", "july.csv"]
        let notes = try sandbox.run(arguments).errorLines.filter { $0.contains("retention") }
        #expect(notes.count == 1, "\(notes)")
        #expect(notes.first?.contains("36500d of history") == true && notes.first?.contains("'july'") == true, "\(notes)")
        #expect(notes.first?.contains("dataset release july") == true)

        #expect(try sandbox.succeed("dataset", "list").output.contains("kept"))
        #expect(try sandbox.succeed("dataset", "release", "july").output.contains("dataset july is released"))
        let again = try sandbox.succeed("dataset", "release", "july", "--json").json()
        #expect(again["dataset"] as? String == "july")
        let listed = try sandbox.succeed("dataset", "list").output.split(separator: "\n")
        #expect(listed.count { $0.contains("released") } == 1 && listed.count { $0.contains("kept") } == 1, "\(listed)")
        #expect(try sandbox.succeed("dataset", "show", "july").output.contains("history: released"))
        // Saving it once more does not take that back.
        let query = try sandbox.succeed("dataset", "show", "july", "--json").json()["query"] as? [String: Any]
        #expect(try sandbox.run(arguments + ["--as-of", "\(try #require(query?["as_of"]))"]).code == 0)
        #expect(try sandbox.succeed("dataset", "show", "july").output.contains("history: released"))
        #expect(try sandbox.run("dataset", "release", "august").errors.contains("no dataset 'august'"))
    }

    /// The promise: whatever is written, deleted, defined and rewritten later, the same set comes again.
    @Test func itIsMadeAgainWhateverCameLater() throws {
        let (sandbox, _) = try saved()
        try sandbox.succeed(
            "write", "orders", "--from", "-",
            input: "customer_id,ordered_at,amount\n1,2026-01-05T11:00:00Z,1\n2,2026-01-09T00:00:00Z,2\n3,2026-01-09T00:00:00Z,3\n"
        )
        try sandbox.succeed("delete", "orders", "--key", "customer_id=2", "--event-time", "2026-01-08T00:00:00Z")
        try sandbox.write(
            "features.yaml",
            Shop.features.replacingOccurrences(of: "max_age: 30d", with: "max_age: 1h").replacingOccurrences(
                of: "- name: churn\n", with: "- name: churn\n    version: 2\n"
            ).replacingOccurrences(of: ", \"orders:items\"]", with: "]"))
        try sandbox.succeed("apply", "features.yaml")
        try sandbox.succeed("compact")
        let verified = try sandbox.succeed("dataset", "verify", "june", "--against", "june.csv")
        #expect(verified.output.contains("every feature cell equal") && !verified.output.contains("DIFFERENT"))
        let report = try sandbox.succeed("dataset", "verify", "june", "--json").json()
        #expect(report["is_equal"] as? Bool == true && report["rows"] as? Int == 5 && report["difference_count"] == nil)
        // What is read now is another set, so that the test above means something.
        try sandbox.succeed("history", "--spine", "spine.csv", "--features", "orders:amount,orders:items", "--out", "now.csv")
        #expect(try sandbox.read("now.csv") != sandbox.read("june.csv"))
        let other = try sandbox.run("dataset", "verify", "june", "--against", "now.csv")
        #expect(other.code == 1 && other.errors.contains("now.csv has other cells than dataset 'june'"))
        #expect(other.output.contains("25.5") && other.output.contains("amount"))
    }

    @Test func itSurvivesARestartAndIsReadFromItsDirectory() throws {
        let sandbox = try Sandbox()
        var server = try sandbox.start()
        try sandbox.write("features.yaml", Shop.features)
        try sandbox.write("spine.csv", Self.spine)
        try sandbox.succeed("apply", "features.yaml")
        try sandbox.succeed("write", "orders", "--from", "-", input: Shop.orders)
        try sandbox.succeed("history", "--spine", "spine.csv", "--service", "churn", "--save", "june", "--out", "june.csv")
        sandbox.stop(server, SIGKILL)
        server = try sandbox.start()
        try sandbox.succeed("dataset", "verify", "june")
        sandbox.stop(server)
        for arguments in [["list"], ["show", "june"], ["verify", "june", "--against", "june.csv"]] {
            let outcome = try sandbox.run(["dataset"] + arguments + ["--data", "store"])
            #expect(outcome.code == 0 && outcome.output.contains("june"), "\(outcome.errors)")
        }
        let outcome = try sandbox.run(
            "history", "--data", "store", "--spine", "spine.csv", "--service", "churn", "--save", "july", "--out", "x.csv")
        #expect(outcome.code == 64 && outcome.errors.contains("--save writes into the store"))
    }

    @Test func wrongSpinesAndFilesAreTold() throws {
        let (sandbox, _) = try saved()
        func verify(_ more: String...) throws -> String {
            let outcome = try sandbox.run(["dataset", "verify", "june"] + more)
            // A spine that is not here is not found; all else does not fit.
            #expect(outcome.code == (more.isEmpty ? 3 : 1))
            return outcome.errors
        }
        // Labels do not decide what the features are, but what a model learns.
        try sandbox.write("relabelled.csv", Self.spine.replacingOccurrences(of: "a,1", with: "z,1"))
        #expect(try verify("--spine", "relabelled.csv").contains("the spine has other labels than dataset 'june' was saved with"))
        try sandbox.write("other.csv", Self.spine.replacingOccurrences(of: "d,3", with: "d,4"))
        #expect(try verify("--spine", "other.csv").contains("other cells in customer_id"))
        try sandbox.write("short.csv", Self.spine.replacingOccurrences(of: "e,,2026-01-10\n", with: ""))
        #expect(try verify("--spine", "short.csv").contains("it has 4 rows, that one 5"))
        #expect(try verify("--against", "spine.csv").contains("it lacks the features amount, items"))
        let june = try sandbox.read("june.csv")
        try sandbox.write("fewer.csv", june.split(separator: "\n").dropLast().joined(separator: "\n") + "\n")
        #expect(try verify("--against", "fewer.csv").contains("it has 4 rows, and the dataset has more"))
        try sandbox.write("more.csv", june + "f,1,2026-01-10,,\n")
        #expect(try verify("--against", "more.csv").contains("it has more than the 5 rows of the dataset"))
        try FileManager.default.removeItem(atPath: sandbox.path("spine.csv"))
        #expect(try verify().contains("give it with --spine FILE"))
    }

    @Test func aNameIsTakenOnce() throws {
        let (sandbox, outcome) = try saved()
        let position = try #require(outcome.output.firstMatch(of: #/position (\d+)/#)?.1)
        // The same again, as after a lost answer.
        try sandbox.succeed(
            "history", "--spine", "spine.csv", "--service", "churn", "--as-of", "\(position)", "--save", "june", "--out",
            "june.csv")
        try sandbox.write("spine2.csv", Self.spine.replacingOccurrences(of: "d,3", with: "d,1"))
        for more in [[], ["--as-of", "\(position)"]] {
            let base = ["history", "--spine", "spine2.csv", "--service", "churn", "--save", "june", "--out", "other.csv"]
            let taken = try sandbox.run(base + more)
            #expect(taken.code == 1 && taken.errors.contains("another name"), "\(taken.errors)")
        }
        let beyond = try sandbox.run("history", "--spine", "spine.csv", "--service", "churn", "--save", "a b", "--out", "x.csv")
        #expect(beyond.code == 64 && beyond.errors.contains("bad name 'a b'") && !sandbox.exists("x.csv"))
    }

    /// An empty spine makes an empty set, and every format and every place of a spine may be used.
    @Test func emptySpinesPipesAndNDJSONWork() throws {
        let sandbox = try Shop.open()
        try sandbox.write("empty.csv", "customer_id,event_time\n")
        try sandbox.succeed("history", "--spine", "empty.csv", "--service", "churn", "--save", "none", "--out", "none.csv")
        #expect(
            try sandbox.succeed("dataset", "verify", "none", "--against", "none.csv").output.contains("every feature cell equal"))
        let lines =
            #"{"customer_id":1,"event_time":"2026-01-10"}"# + "\n" + #"{"customer_id":null,"event_time":"2026-01-10"}"# + "\n"
        let piped = try sandbox.succeed(
            "history", "--spine", "-", "--format", "ndjson", "--service", "churn", "--save", "piped", "--out", "-", input: lines)
        try sandbox.write("spine.ndjson", lines)
        try sandbox.write("made.ndjson", piped.output)
        #expect(try sandbox.run("dataset", "verify", "piped").errors.contains("from standard input: give it with --spine FILE"))
        try sandbox.succeed("dataset", "verify", "piped", "--spine", "spine.ndjson", "--against", "made.ndjson")
        // A spelling of null is of the spine alone: 'tea' in a cell of the file is text.
        try sandbox.write("tea.csv", "customer_id,event_time\n1,2026-01-10\ntea,2026-01-10\n")
        try sandbox.succeed(
            "history", "--spine", "tea.csv", "--null", "tea", "--service", "churn", "--save", "tea", "--out", "tea-out.csv")
        #expect(try sandbox.run("dataset", "verify", "tea").code == 1)
        try sandbox.succeed("dataset", "verify", "tea", "--null", "tea", "--against", "tea-out.csv")
        // The same rows as CSV are the same spine.
        try sandbox.write("spine.csv", "event_time,customer_id\n2026-01-10,1\n2026-01-10,\n")
        try sandbox.succeed("dataset", "verify", "piped", "--spine", "spine.csv")
    }

    /// 3,000 rows of 200 keys: each part against the rule told in docs/formats/dataset.md.
    @Test func aSplitByKeyKeepsKeysTogether() throws {
        let sandbox = try Shop.open()
        var csv = "row,customer_id,event_time\n"
        for row in 0..<3_000 { csv += "\(row),\(row % 200),2026-01-\(10 + row % 15)\n" }
        try sandbox.write("spine.csv", csv)
        func split(_ seed: String, _ name: String) throws -> [[String]] {
            try sandbox.succeed(
                "history", "--spine", "spine.csv", "--service", "churn", "--split", "train=0.7,valid=0.2,test=0.1", "--seed",
                seed,
                "--out", "\(name).csv")
            return try ["train", "valid", "test"].map { part in
                try sandbox.read("\(name).\(part).csv").split(separator: "\n").map(String.init)
            }
        }
        let parts = try split("0", "a")
        try sandbox.succeed("history", "--spine", "spine.csv", "--service", "churn", "--out", "whole.csv")
        let whole = try sandbox.read("whole.csv").split(separator: "\n").map(String.init)
        #expect(parts.allSatisfy { $0[0] == whole[0] })
        func row(_ line: String) -> Int { Int(line.prefix { $0 != "," })! }
        for part in parts { #expect(part.dropFirst().map(row) == part.dropFirst().map(row).sorted()) }
        #expect(parts.flatMap { $0.dropFirst() }.sorted { row($0) < row($1) } == Array(whole.dropFirst()))
        let keys = parts.map { Set($0.dropFirst().map { row($0) % 200 }) }
        #expect(keys.reduce(0) { $0 + $1.count } == 200)
        // By Python: hashlib.sha256(struct.pack('<Q', seed) + key bytes), see docs/formats/dataset.md.
        #expect(keys.map(\.count) == [138, 44, 18])
        #expect(try split("0", "b") == parts)
        #expect(try split("1", "c") != parts)
    }

    @Test func aSplitByTimeCutsBetweenTimes() throws {
        let sandbox = try Shop.open()
        // 10 rows a day, days in no order: a day is never cut in two.
        var csv = "row,customer_id,event_time\n"
        for row in 0..<200 { csv += "\(row),1,2026-01-\(10 + row * 7 % 20)\n" }
        try sandbox.write("spine.csv", csv)
        let json = try sandbox.succeed(
            "history", "--spine", "spine.csv", "--service", "churn", "--split", "train=0.72,test=0.28", "--split-by", "time",
            "--save",
            "cut", "--out", "out.csv", "--json"
        ).json()
        let parts = try #require(json["parts"] as? [[String: Any]])
        #expect(parts.map { $0["rows"] as? Int } == [140, 60] && json["dataset"] as? String == "cut")
        let days = try ["train", "test"].map { part in
            try sandbox.read("out.\(part).csv").split(separator: "\n").dropFirst().map { $0.split(separator: ",")[2] }
        }
        #expect(days[0].max()! < days[1].min()! && days.map(\.count) == [140, 60])
        #expect(try sandbox.succeed("dataset", "show", "cut").output.contains("by time"))
        try sandbox.succeed("dataset", "verify", "cut")
    }

    @Test func badSplitsAreUsageErrors() throws {
        let sandbox = try Sandbox()
        try sandbox.write("spine.csv", Self.spine)
        for (split, reason) in [
            (["--split", "train=0.8"], "2 to"), (["--split", "train=0.8,test=0.3"], "and not 1"),
            (["--split", "train=0.5,train=0.5"], "one name"), (["--split", "a/b=0.5,c=0.5"], "cannot name a part"),
            (["--split", "a=x,b=1"], "'a=x' is no part"), (["--seed", "1"], "go with --split"),
            (["--split", "a=0.5,b=0.5", "--split-by", "time", "--seed", "1"], "for a split by key"),
        ] {
            let outcome = try sandbox.run(["history", "--spine", "spine.csv", "--service", "churn", "--out", "o.csv"] + split)
            #expect(outcome.code == 64 && outcome.errors.contains(reason), "\(outcome.errors)")
        }
        let piped = try sandbox.run(
            "history", "--spine", "spine.csv", "--service", "churn", "--split", "a=0.5,b=0.5", "--out", "-")
        #expect(piped.code == 64 && piped.errors.contains("--split writes several files"))
        #expect(!sandbox.exists("o.csv"))
    }
}
