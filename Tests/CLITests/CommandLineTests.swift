import Foundation
import Testing

/// What a script and a person hear when a command does not succeed.
@Suite(.serialized)
struct CommandLineTests {
    @Test func anUnknownNameIsSaidBeforeAMissingOneAndWithWhatIsMeant() throws {
        let sandbox = try Sandbox()
        for (arguments, words) in [
            (["write", "orders", "--form", "x.csv"], ["'--form'", "did you mean '--from'?"]),
            (["wirte", "orders"], ["unknown command 'headwater wirte'", "did you mean 'write'?"]),
            (["dataset", "shwo", "june"], ["unknown command 'headwater dataset shwo'", "did you mean 'show'?"]),
            (["log", "dupm", "--data", "d"], ["did you mean 'dump'?"]),
            (["frobnicate"], ["unknown command", "serve", "history", "status"]),
            (["serve", "--dat=d"], ["'--dat'", "did you mean '--data'?"]),
            (["get", "--entity", "--nope", "--service=s", "--frmat", "csv"], ["'--frmat'"]),
            (["history", "--spine", "s.csv", "--zzzzz"], ["unknown option '--zzzzz'", "--spine-time", "--out"]),
            (["log", "dump", "--data", "d", "--from", "3"], ["unknown option '--from'", "--after"]),
        ] {
            let outcome = try sandbox.run(arguments)
            #expect(outcome.code == 64, "\(arguments)")
            for word in words { #expect(outcome.errors.contains(word), "\(arguments): \(outcome.errors)") }
            #expect(!outcome.errors.contains("Missing"), "\(outcome.errors)")
        }
        // Where all names are known, what is missing is said.
        let missing = try sandbox.run("scan", "orders")
        #expect(missing.code == 64 && missing.errors.contains("Missing expected argument '--out <file>'"), "\(missing.errors)")
    }

    @Test func aBadValueNamesTheGoodOnes() throws {
        let sandbox = try Sandbox()
        for (option, value, words) in [
            ("--log-level", "loud", ["trace", "notice", "critical"]), ("--durability", "often", ["sync", "interval:10"]),
            ("--durability", "interval:0", ["1 to 3600000"]), ("--segment-bytes", "5x", ["64MiB", "1GB"]),
            ("--memory-bytes-max", "-1", ["64MiB"]), ("--scrub-interval", "soon", ["90s", "15m", "off"]),
            ("--stop-when-idle", "2 s", ["500ms"]), ("--listen", "nowhere", ["127.0.0.1:7070", "unix:PATH"]),
            ("--log-format", "xml", ["text", "json"]),
        ] {
            let outcome = try sandbox.run("serve", "--data", "d", "\(option)=\(value)")
            #expect(outcome.code == 64 && outcome.errors.contains(option) && outcome.errors.contains(value))
            for word in words { #expect(outcome.errors.contains(word), "\(option): \(outcome.errors)") }
        }
        let time = try sandbox.run("scan", "g", "--start", "never", "--out", "-")
        #expect(time.code == 64 && time.errors.contains("RFC 3339"), "\(time.errors)")
        #expect(!sandbox.exists("d"))
    }

    @Test func withoutACommandTheHelpIsNoSuccess() throws {
        let sandbox = try Sandbox()
        for arguments in [[], ["dataset"], ["log"]] {
            let outcome = try sandbox.run(arguments)
            #expect(outcome.code == 64 && outcome.output.isEmpty, "\(arguments)")
            #expect(outcome.errors.contains("USAGE: headwater") && outcome.errors.contains("no command is given"))
        }
        #expect(try sandbox.run("--help").code == 0)
        #expect(try sandbox.run("log", "--help").code == 0)
    }

    @Test func everyByteOptionStatesItsDefault() throws {
        let sandbox = try Sandbox()
        let help = try sandbox.succeed("serve", "--help").output
        let options = help.components(separatedBy: "\n  --").dropFirst()
        let ofBytes = options.filter { $0.prefix { $0 != "\n" }.contains("<bytes>") }
        #expect(ofBytes.count >= 7)
        for option in ofBytes { #expect(option.contains("Default:") || option.contains("default:"), "\(option)") }
        for title in ["SERVER:", "ONLINE SERVICE:", "OFFLINE SERVICE:"] { #expect(help.contains(title)) }
    }

    @Test func exitCodesTellRefusalsFromMissingNamesAndSilentServers() throws {
        let sandbox = try Shop.open()
        try sandbox.write("bad.csv", "customer_id,ordered_at,amount\n1,2026-01-05,abc\n")
        for (arguments, code, name) in [
            (["write", "orders", "--from", "bad.csv"], Int32(1), "INVALID_ARGUMENT"),
            (["write", "orders", "--from", "none.csv"], 3, "NOT_FOUND"), (["describe", "nope"], 3, "NOT_FOUND"),
            (["list", "--project", "shp"], 3, "NOT_FOUND"), (["status", "--address", "127.0.0.1:1"], 4, "UNAVAILABLE"),
            (["log", "verify", "--data", "none"], 3, "NOT_FOUND"), (["describe"], 64, "USAGE"),
            (["descrbe", "orders"], 64, "USAGE"),
        ] {
            let words = try sandbox.run(arguments)
            #expect(words.code == code, "\(arguments): \(words.errors)")
            #expect(words.errorLines.allSatisfy { $0.hasPrefix("headwater: ") })
            // The same as a document.
            let outcome = try sandbox.run(arguments + ["--json"])
            #expect(outcome.code == code && outcome.output.isEmpty && outcome.errorLines.count == 1, "\(outcome.errors)")
            let document = try JSONSerialization.jsonObject(with: Data(outcome.errors.utf8)) as? [String: [String: Any]]
            let error = try #require(document?["error"])
            #expect(error["code"] as? String == name && error["exit_code"] as? Int == Int(code), "\(outcome.errors)")
            #expect((error["message"] as? String)?.isEmpty == false)
        }
    }

    @Test func theStoresOnlyProjectNeedsNoName() throws {
        let sandbox = try Shop.open()
        let none = ["HEADWATER_PROJECT": ""]
        #expect(try sandbox.run(["list"], environment: none).output.contains("orders"))
        #expect(try sandbox.run(["get", "--service", "churn", "--entity", "customer_id=1"], environment: none).code == 0)
        let mistyped = try sandbox.run("list", "--project", "shp")
        #expect(mistyped.errors.contains("no project 'shp'") && mistyped.errors.contains("shop"), "\(mistyped.errors)")
        #expect(try sandbox.succeed("projects").lines == ["shop"])
        try sandbox.write("other.yaml", "project: other\nentities: [{name: thing, keys: [{name: id, type: int64}]}]\n")
        try sandbox.succeed("apply", "other.yaml", "--project", "other")
        #expect(try sandbox.succeed("projects", "--json").json()["projects"] as? [String] == ["other", "shop"])
        let several = try sandbox.run(["list"], environment: none)
        #expect(several.code == 0 && several.output.contains("other, shop"), "\(several.output)")
        try FileManager.default.copyItem(atPath: sandbox.path("store"), toPath: sandbox.path("copy"))
        #expect(try sandbox.succeed("projects", "--data", "copy").lines == ["other", "shop"])
    }

    @Test func searchFindsNamesDescriptionsOwnersAndTags() throws {
        let sandbox = try Shop.open()
        try sandbox.write(
            "more.yaml",
            """
            project: shop
            entities:
              - {name: shelf, description: "where Wares stand", keys: [{name: shelf_id, type: int64}]}
            feature_groups:
              - name: stock
                entity: shelf
                owner: ada@example.org
                tags: {team: Logistics}
                features: [{name: wares_left, type: int64}]

            """)
        try sandbox.succeed("apply", "more.yaml")
        for (text, found, other) in [
            ("WARES", ["shelf", "stock"], "orders"), ("ada@", ["stock"], "shelf "), ("logistics", ["stock"], "orders"),
            ("amount", ["orders", "churn"], "stock"),
        ] {
            let output = try sandbox.succeed("search", text).output
            for name in found { #expect(output.contains(name), "\(text): \(output)") }
            #expect(!output.contains(other), "\(text): \(output)")
        }
        #expect(try sandbox.succeed("search", "zebra").output.contains("nothing has 'zebra'"))
        let document = try sandbox.succeed("search", "wares", "--json").json()
        #expect((document["feature_groups"] as? [Any])?.count == 1 && (document["entities"] as? [Any])?.count == 1)
    }

    @Test(arguments: [
        (["--nope"], "unknown option '--nope'"), (["help", "nope"], "unknown command 'headwater nope'"),
        (["help", "wriet"], "did you mean 'write'?"), (["scan", "g", "--min-position", "-1"], "takes no negative number"),
        (["promote", "grp", "g@1"], "'group' and 'service'"), (["remove", "grp", "g@1"], "- feature"),
        (["status", "--address", "foo"], "a port is missing"),
    ])
    func aWrongCommandLineIsExplainedAndEndsWith64(_ arguments: [String], _ words: String) throws {
        let outcome = try Sandbox().run(arguments)
        #expect(outcome.code == 64 && outcome.errors.contains(words), "\(outcome.errors)")
    }

    @Test func keysOfAnOptionAreNamedByTheOption() throws {
        let sandbox = try Shop.open()
        let one = try sandbox.run("get", "--features", "orders:amount", "--entity", "customer_id=abc")
        #expect(one.errors.contains("--entity: key customer_id: 'abc' is not an int64"), "\(one.errors)")
        let two = try sandbox.run(
            "get", "--features", "orders:amount", "--entity", "customer_id=1", "--entity", "customer_id=abc")
        #expect(two.errors.contains("--entity number 2"), "\(two.errors)")
    }
}
