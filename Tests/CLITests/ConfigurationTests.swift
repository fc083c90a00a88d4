import Foundation
import Testing

/// A server's options from the command line, the environment and a file: which holds, and what is said of wrong ones.
@Suite(.serialized)
struct ConfigurationTests {
    /// An option as `config show --json` tells it.
    private struct Option: Decodable {
        let name: String
        let variable: String
        let value: String?
        let source: String
        let place: String?
        let `default`: String?
        let changesAtReload: Bool
    }

    private struct Shown: Decodable {
        let role: String
        let options: [Option]
        let notForThisRole: [[String: String]]

        subscript(_ name: String) -> Option? { options.first { $0.name == name } }
    }

    private func show(_ sandbox: Sandbox, _ arguments: [String], environment: [String: String] = [:]) throws -> Shown {
        let outcome = try sandbox.run(["config", "show"] + arguments + ["--json"], environment: environment)
        try #require(outcome.code == 0, "\(outcome.errors)")
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Shown.self, from: Data(outcome.output.utf8))
    }

    // MARK: Which holds

    @Test func theCommandLineComesBeforeTheEnvironmentAndThatBeforeTheFile() throws {
        let sandbox = try Sandbox()
        try sandbox.write(
            "h.yaml",
            """
            # all three
            log-level: warning
            scrub-interval: 1h

            flush-bytes: 32MiB
            insecure: true
            """)
        let shown = try show(
            sandbox, ["--config", "h.yaml", "--log-level", "debug"],
            environment: [
                "HEADWATER_SERVE_LOG_LEVEL": "error", "HEADWATER_SERVE_SCRUB_INTERVAL": "2h", "HEADWATER_SERVE_INSECURE": "false",
                "HEADWATER_SERVE_GROUP": "",
            ])
        let wanted: [(name: String, value: String?, source: String, place: String?)] = [
            ("log-level", "debug", "command line", nil),
            ("scrub-interval", "2h", "environment", "HEADWATER_SERVE_SCRUB_INTERVAL"),
            ("insecure", "false", "environment", "HEADWATER_SERVE_INSECURE"), ("flush-bytes", "32MiB", "file", "h.yaml:5"),
            ("snapshot-bytes", "256MiB", "default", nil), ("listen", "127.0.0.1:7070", "default", nil),
            ("config", "h.yaml", "command line", nil), ("data", nil, "default", nil),
        ]
        for (name, value, source, place) in wanted {
            let option = try #require(shown[name])
            #expect(option.value == value && option.source == source && option.place == place, "\(option)")
        }
        let text = try sandbox.succeed("config", "show", "--config", "h.yaml", "--log-level=debug").output
        #expect(text.contains(try Regex("log-level +debug +command line\n")), "\(text)")
        #expect(text.contains(try Regex("scrub-interval +1h +h.yaml:3\n")), "\(text)")
    }

    @Test func addressesOfTheCommandLineReplaceThoseOfTheFile() throws {
        let sandbox = try Sandbox()
        try sandbox.write("h.yaml", "listen:\n  - 127.0.0.1:1\n  - unix:a.sock\n")
        #expect(try show(sandbox, ["--config", "h.yaml"])["listen"]?.value == "127.0.0.1:1,unix:a.sock")
        let variable = ["HEADWATER_SERVE_LISTEN": "127.0.0.1:2, unix:b.sock"]
        #expect(try show(sandbox, ["--config", "h.yaml"], environment: variable)["listen"]?.value == "127.0.0.1:2,unix:b.sock")
        let line = ["--config", "h.yaml", "--listen", "127.0.0.1:3", "--listen=127.0.0.1:4"]
        #expect(try show(sandbox, line, environment: variable)["listen"]?.value == "127.0.0.1:3,127.0.0.1:4")
    }

    @Test func aFileIsEnoughToStartAServer() throws {
        let sandbox = try Sandbox()
        try sandbox.write(
            "h.yaml", "data: store\nlisten: [\"\(sandbox.address)\", \"unix:\(sandbox.path("two.sock"))\"]\nlog-format: json\n")
        let server = try sandbox.launch(
            ["serve"], errors: "log",
            environment: ["HEADWATER_SERVE_CONFIG": "h.yaml", "HEADWATER_SERVE_DURABILITY": "interval:7"])
        try wait(sandbox, "log") { $0.contains("ready") }
        for socket in ["s.sock", "two.sock"] {
            let status = try sandbox.succeed("status", "--json", "--address", "unix:\(sandbox.path(socket))").json()
            #expect((status["online"] as? [String: Any])?["durability"] as? String == "interval:7")
        }
        #expect(try sandbox.read("log").hasPrefix("{"))
        sandbox.stop(server)
    }

    @Test func twoRolesShareAFile() throws {
        let sandbox = try Sandbox()
        try sandbox.write(
            "h.yaml",
            """
            log-level: info
            log-bytes-max: 1GiB
            flush-bytes: 2MiB
            offline:
              listen: 127.0.0.1:9
              log-level: debug
            serve:
            """)
        let online = try show(sandbox, ["online", "--config", "h.yaml"])
        #expect(online["log-level"]?.value == "info" && online["log-bytes-max"]?.value == "1GiB" && online["flush-bytes"] == nil)
        #expect(online.notForThisRole.map { $0["name"] } == ["flush-bytes", "listen", "log-level"])
        let offline = try show(sandbox, ["offline", "--config", "h.yaml"], environment: ["HEADWATER_SERVE_DURABILITY": "bad"])
        #expect(offline["log-level"]?.place == "h.yaml:6" && offline["listen"]?.value == "127.0.0.1:9")
        #expect(offline["log-bytes-max"] == nil && offline["flush-bytes"]?.value == "2MiB")
        #expect(
            try sandbox.succeed("config", "check", "h.yaml").lines == [
                "serve: 3 options", "online: 2 options; not for this role: flush-bytes",
                "offline: 3 options; not for this role: log-bytes-max",
            ])
    }

    // MARK: What is wrong

    @Test(arguments: [
        ("log-levle: info", "h.yaml:1: unknown key 'log-levle': did you mean 'log-level'?"),
        ("a: 1\nb: 2", "h.yaml:2: unknown key 'b'; there are data, listen,"),
        ("scrub_bytes_per_second: 1", "h.yaml:1: unknown key 'scrub_bytes_per_second': did you mean 'scrub-bytes-per-second'?"),
        ("onlin:\n  data: x", "h.yaml:1: unknown key 'onlin': did you mean 'online'?"),
        ("data: x\nlog-level: loud", "h.yaml:2: log-level: 'loud' is not taken: write trace, debug,"),
        ("network-bytes-max: 5", "h.yaml:1: network-bytes-max: --network-bytes-max is at least 16MiB"),
        ("stop-within: 5", "h.yaml:1: stop-within: '5' is not taken: write a length of time"),
        ("log-level:", "h.yaml:1: log-level: there is no value: write one, or leave the key out"),
        ("group: ~", "h.yaml:1: group: there is no value"), ("data: ''", "h.yaml:1: data: there is no value"),
        ("log-level: [info]", "h.yaml:1: log-level: expected one value, not a list"),
        ("listen: []", "h.yaml:1: listen: the list is empty"),
        ("listen: [127.0.0.1:1, nowhere]", "h.yaml:1: listen: 'nowhere' is not taken: write HOST:PORT"),
        ("listen: [[a]]", "h.yaml:1: listen: expected a value, not a list"),
        ("log-level: {a: 1}", "h.yaml:1: log-level: expected a value, not fields"),
        ("insecure: yes", "h.yaml:1: insecure: write true or false, not 'yes'"),
        ("insecure: 1", "h.yaml:1: insecure: write true or false, not '1'"),
        ("insecure:", "h.yaml:1: insecure: there is no value"),
        ("config: b.yaml", "h.yaml:1: config: a file names no other file"),
        ("online: 5", "h.yaml:1: online: expected options of this role, not '5'"),
        ("online:\n  flush-bytes: 1MiB", "h.yaml:2: flush-bytes: 'headwater online' has no such option"),
        ("offline:\n  loglevel: info", "h.yaml:2: unknown key 'loglevel': did you mean 'log-level'?"),
        ("offline:\n  serve:\n    data: x", "h.yaml:2: unknown key 'serve'"),
        ("data: x\n\ndata: y", "'data' is given twice"),
        ("- data", "h.yaml:1: expected options, such as 'log-level: debug', not a list"),
        ("data", "h.yaml:1: expected options, such as 'log-level: debug', not 'data'"), ("data: [x", "h.yaml:2:1: not YAML"),
        ("data: x\n---\ndata: y", "not YAML"), ("data: -1\nlog-level: -1", "h.yaml:2: log-level: '-1' is not taken"),
        ("data: \"a\\0b\"", "h.yaml:1: data: there is a NUL in the value"), ("log-level: {{", "not YAML"),
        ("--log-level: info", "h.yaml:1: unknown key '--log-level': did you mean 'log-level'?"),
        ("[a]: b", "h.yaml:1: unknown key 'a list'"), ("stop-when-idle: never", "h.yaml:1: stop-when-idle: 'never' is not taken"),
        ("follow: x", "h.yaml:1: follow: 'x' is not taken"),
        ("http: unix:h.sock", "h.yaml:1: http: 'unix:h.sock' is not taken: write HOST:PORT, such as 127.0.0.1:7072"),
        ("http: 7072", "h.yaml:1: http: '7072' is not taken: write HOST:PORT, such as 127.0.0.1:7072, or *:PORT"),
    ])
    func aMistakeInAFileIsToldWithLineAndKey(_ text: String, _ message: String) throws {
        let sandbox = try Sandbox()
        try sandbox.write("h.yaml", text + "\n")
        for arguments in [["config", "check", "h.yaml"], ["online", "--data", "store", "--config", "h.yaml"]] {
            let outcome = try sandbox.run(arguments)
            #expect(outcome.errors.contains(message), "\(outcome)")
            #expect(outcome.code == 1 && outcome.errorLines.allSatisfy { $0.hasPrefix("headwater: h.yaml") }, "\(outcome)")
        }
        #expect(!sandbox.exists("store"))
    }

    @Test(arguments: ["listen: 0.0.0.0:0", "listen: ['unix:s.sock', '[::]:0']", "listen: unix:s.sock\nhttp: '*:0'"])
    func anAddressThatOthersReachIsRefusedBeforeAnythingIsOpened(_ text: String) throws {
        let sandbox = try Sandbox()
        try sandbox.write("h.yaml", text + "\n")
        for arguments in [["config", "check", "h.yaml"], ["serve", "--data", "store", "--config", "h.yaml"]] {
            let outcome = try sandbox.run(arguments)
            #expect(outcome.code == 1 && outcome.errors.contains("would let other machines in"), "\(outcome)")
            #expect(outcome.errors.contains("--insecure"), "\(outcome)")
        }
        #expect(!sandbox.exists("store"))
        try sandbox.write("h.yaml", text + "\ninsecure: true\n")
        #expect(try sandbox.run("config", "check", "h.yaml").code == 0)
    }

    @Test func allMistakesAreToldAtOnce() throws {
        let sandbox = try Sandbox()
        try sandbox.write("h.yaml", "log-level: loud\nnope: 1\nonline:\n  durability: maybe\nflush-bytes: many\n")
        let names = try allNames
        let checked = try sandbox.run("config", "check", "h.yaml")
        #expect(checked.code == 1 && checked.output == "")
        #expect(
            checked.errorLines.map { $0.split(separator: ":").prefix(4).joined(separator: ":") } == [
                "headwater: h.yaml:1: log-level",
                "headwater: h.yaml:2: unknown key 'nope'; there are \(names), serve, online, offline",
                "headwater: h.yaml:4: durability", "headwater: h.yaml:5: flush-bytes",
            ])
        let started = try sandbox.run(
            ["serve", "--data", "store", "--config", "h.yaml"], environment: ["HEADWATER_SERVE_STOP_WITHIN": "soon"])
        #expect(started.code == 1 && started.errorLines.count == 5, "\(started.errors)")
        let document = try sandbox.run("config", "show", "--config", "h.yaml", "--json").errors
        #expect(document.hasPrefix("{\"error\":{\"code\":\"INVALID_ARGUMENT\""), "\(document)")
    }

    private var allNames: String {
        get throws {
            let sandbox = try Sandbox()
            var names: [String] = []
            for role in ["serve", "online", "offline"] {
                names += try show(sandbox, [role]).options.map(\.name).filter { !names.contains($0) && $0 != "config" }
            }
            return names.joined(separator: ", ")
        }
    }

    @Test func filesThatAreNoneAreTold() throws {
        let sandbox = try Sandbox()
        try FileManager.default.createDirectory(atPath: sandbox.path("folder"), withIntermediateDirectories: true)
        try Data([0xFF, 0xFE, 0x80]).write(to: URL(fileURLWithPath: sandbox.path("binary")))
        for (name, code, words) in [
            ("missing.yaml", Int32(3), "missing.yaml: there is no such file"),
            ("folder", 1, "folder: it is a directory: name a file in it"),
            ("binary", 1, "binary: the file is not UTF-8 text"),
        ] {
            for arguments in [["config", "check", name], ["config", "show", "--config", name], ["serve", "--config", name]] {
                let outcome = try sandbox.run(arguments)
                #expect(outcome.code == code && outcome.errors == "headwater: \(words)\n", "\(outcome)")
            }
        }
        let input = try sandbox.run("serve", "--data", "store", "--config", "-", input: "log-level: info\n")
        #expect(input.code == 1 && input.errors.contains("--config: name a file"), "\(input.errors)")
        #expect(
            try sandbox.run("config", "check", "-", input: "nope: 1\n").errors.contains("standard input:1: unknown key 'nope'"))
        for (name, text) in [
            ("empty", ""), ("comment", "# nothing\n"), ("null", "---\n"), ("marked", "\u{FEFF}log-level: info\n"),
        ] {
            try sandbox.write(name, text)
            #expect(try sandbox.succeed("config", "check", name).lines.count == 3)
        }
    }

    @Test func mistakesInTheEnvironmentAreTold() throws {
        let sandbox = try Sandbox()
        for (name, value, message) in [
            (
                "HEADWATER_SERVE_LOGLEVEL", "info",
                "unknown variable 'HEADWATER_SERVE_LOGLEVEL': did you mean 'HEADWATER_SERVE_LOG_LEVEL'?"
            ),
            ("HEADWATER_SERVE_log_level", "info", "did you mean 'HEADWATER_SERVE_LOG_LEVEL'?"),
            ("HEADWATER_SERVE_LOG_LEVEL", "loud", "HEADWATER_SERVE_LOG_LEVEL: 'loud' is not taken: write trace"),
            ("HEADWATER_SERVE_INSECURE", "1", "HEADWATER_SERVE_INSECURE: write true or false, not '1'"),
            ("HEADWATER_SERVE_LISTEN", "127.0.0.1:1,,x", "HEADWATER_SERVE_LISTEN: 'x' is not taken"),
            ("HEADWATER_SERVE_CONFIG", "missing.yaml", "missing.yaml: there is no such file"),
        ] {
            for arguments in [["config", "show"], ["serve", "--data", "store"]] {
                let outcome = try sandbox.run(arguments, environment: [name: value])
                #expect([1, 3].contains(outcome.code) && outcome.errors.contains(message), "\(outcome)")
            }
            // Other commands do not ask.
            #expect(try sandbox.run(["serve", "--help"], environment: [name: value]).code == 0)
            #expect(try sandbox.run(["list", "--data", "missing"], environment: [name: value]).code == 3)
        }
        #expect(!sandbox.exists("store"))
    }

    @Test(arguments: [
        (["config", "show", "--nope"], "unknown option '--nope'"),
        (["config", "show", "elsewhere"], "Unexpected argument 'elsewhere'"),
        (["config", "show", "online", "--flush-bytes", "1MiB"], "unknown option '--flush-bytes'"),
        (["config"], "no command is given"),
        (["config", "check"], "Missing expected argument '<file>'"),
        (["serve", "--config"], "Missing value for '--config <file>'"),
        (["config", "chekc", "x"], "did you mean 'check'?"), (["serve"], "Missing expected argument '--data <dir>'"),
        (["config", "show", "--log-level", "loud"], "The value 'loud' is invalid for '--log-level <log-level>'"),
    ])
    func aWrongCommandLineEndsWith64(_ arguments: [String], _ words: String) throws {
        let outcome = try Sandbox().run(arguments)
        #expect(outcome.code == 64 && outcome.errors.contains(words), "\(outcome.errors)")
    }

    // MARK: The page

    /// docs/operations/configure.md has one row for each option, as the program itself has it.
    @Test func thePageHasAllOptions() throws {
        let sandbox = try Sandbox()
        var rows: [String: (roles: [String], rest: String)] = [:]
        var names: [String] = []
        for role in ["serve", "online", "offline"] {
            for option in try show(sandbox, [role]).options {
                if rows[option.name] == nil { names.append(option.name) }
                let rest = "`\(option.variable)` | \(option.default ?? "") | \(option.changesAtReload ? "at once" : "restart")"
                rows[option.name] = ((rows[option.name]?.roles ?? []) + [role], rest)
            }
        }
        let wanted = names.map { name in
            let (roles, rest) = rows[name]!
            return "| `\(name)` | \(roles.count == 3 ? "all" : roles.joined(separator: ", ")) | \(rest) |"
        }
        let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../docs/operations/configure.md")
        let table = try String(contentsOf: page.standardized, encoding: .utf8).split(separator: "\n").filter {
            $0.hasPrefix("| `")
        }
        #expect(table.map(String.init) == wanted)
    }

    private func wait(_ sandbox: Sandbox, _ name: String, _ done: (String) -> Bool) throws {
        let deadline = Date() + 60
        while Date() < deadline, !done(try sandbox.read(name)) { Thread.sleep(forTimeInterval: 0.02) }
        let log = try sandbox.read(name)
        try #require(done(log), "\(log)")
    }
}
