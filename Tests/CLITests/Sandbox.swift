import Dispatch
import Foundation
import Testing

/// What a command left behind.
struct Outcome {
    let code: Int32
    let output: String
    let errors: String

    var lines: [String] { output.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init) }
    var errorLines: [String] { errors.split(separator: "\n").map(String.init) }

    /// Standard output as one JSON document.
    func json() throws -> [String: Any] {
        let document = try JSONSerialization.jsonObject(with: Data(output.utf8))
        return try #require(document as? [String: Any])
    }
}

/// A temporary directory in which commands run, and the servers that were started there.
final class Sandbox {
    /// The binary under test: `HEADWATER_BINARY`, else the one beside the test bundle.
    static let binary: String = {
        if let path = ProcessInfo.processInfo.environment["HEADWATER_BINARY"], !path.isEmpty { return path }
        let beside = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().appendingPathComponent(
            "headwater")
        if FileManager.default.isExecutableFile(atPath: beside.path) { return beside.path }
        return URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../.build/debug/headwater").standardized.path
    }()

    /// How long one command may take on a busy machine.
    private static let timeout = DispatchTimeInterval.seconds(120)

    let directory: URL
    var project = "shop"
    private var servers: [Process] = []
    private var count = 0

    init() throws {
        // Short: the path of a socket has at most 107 bytes.
        directory = URL(fileURLWithPath: "/tmp/hwcli-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    }

    deinit {
        for server in servers where server.isRunning { kill(server.processIdentifier, SIGKILL) }
        for server in servers { server.waitUntilExit() }
        try? FileManager.default.removeItem(at: directory)
    }

    func path(_ name: String) -> String { directory.appendingPathComponent(name).path }

    var address: String { "unix:\(path("s.sock"))" }

    func write(_ name: String, _ text: String) throws {
        try text.write(toFile: path(name), atomically: true, encoding: .utf8)
    }

    func read(_ name: String) throws -> String { try String(contentsOfFile: path(name), encoding: .utf8) }

    func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(name)) }

    /// Runs `headwater` in the directory, with the sandbox's address and project in the environment.
    func run(_ arguments: String..., input: String? = nil, environment: [String: String] = [:]) throws -> Outcome {
        try run(arguments, input: input, environment: environment)
    }

    func run(_ arguments: [String], input: String? = nil, environment: [String: String] = [:]) throws -> Outcome {
        count += 1
        let (out, errors, inputName) = ("out-\(count)", "errors-\(count)", "input-\(count)")
        let process = try command(arguments, out: out, errors: errors, environment: environment)
        if let input {
            try write(inputName, input)
            process.standardInput = FileHandle(forReadingAtPath: path(inputName))
        } else {
            process.standardInput = FileHandle.nullDevice
        }
        let ended = DispatchSemaphore(value: 0)
        process.terminationHandler = { _ in ended.signal() }
        try process.run()
        if ended.wait(timeout: .now() + Self.timeout) == .timedOut {
            kill(process.processIdentifier, SIGKILL)
            Issue.record("'headwater \(arguments.joined(separator: " "))' did not end")
            process.waitUntilExit()
        }
        return Outcome(code: process.terminationStatus, output: try read(out), errors: try read(errors))
    }

    /// Runs a command that must succeed.
    @discardableResult
    func succeed(
        _ arguments: String..., input: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> Outcome {
        let outcome = try run(arguments, input: input)
        try #require(outcome.code == 0, "\(arguments): \(outcome.errors)", sourceLocation: sourceLocation)
        return outcome
    }

    /// Starts a server and waits until it answers.
    @discardableResult
    func start(_ role: String = "serve", socket: String = "s.sock", _ more: [String] = []) throws -> Process {
        count += 1
        let log = "server-\(count).log"
        let arguments = [role, "--data", "store", "--listen", "unix:\(path(socket))"] + more
        let process = try command(arguments, out: "server-\(count).out", errors: log)
        process.standardInput = FileHandle.nullDevice
        try process.run()
        servers.append(process)
        let deadline = DispatchTime.now() + .seconds(60)
        while DispatchTime.now() < deadline {
            if try run("status", "--json", "--address", "unix:\(path(socket))").code == 0 { return process }
            if !process.isRunning { throw SandboxError(text: "the server ended: \(try read(log))") }
            Thread.sleep(forTimeInterval: 0.05)
        }
        throw SandboxError(text: "the server did not answer: \(try read(log))")
    }

    /// Stops a server and waits for it.
    func stop(_ server: Process, _ signal: Int32 = SIGTERM) {
        kill(server.processIdentifier, signal)
        server.waitUntilExit()
    }

    /// Starts a server and does not wait for it; what it says goes to the file `errors`.
    func launch(_ arguments: [String], errors: String, environment: [String: String] = [:]) throws -> Process {
        let process = try command(arguments, out: "\(errors).out", errors: errors, environment: environment)
        process.standardInput = FileHandle.nullDevice
        try process.run()
        servers.append(process)
        return process
    }

    /// Starts a command that goes on while the test does.
    func spawn(_ arguments: String..., input: FileHandle) throws -> Process {
        let process = try command(arguments, out: "spawned.out", errors: "spawned.errors")
        process.standardInput = input
        try process.run()
        return process
    }

    private func command(
        _ arguments: [String], out: String, errors: String, environment: [String: String] = [:]
    ) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Self.binary)
        process.arguments = arguments
        process.currentDirectoryURL = directory
        var variables = [
            "HEADWATER_ADDRESS": address, "HEADWATER_PROJECT": project, "PATH": "/usr/bin:/bin", "TMPDIR": directory.path,
        ]
        variables.merge(environment) { $1 }
        process.environment = variables
        for name in [out, errors] { _ = FileManager.default.createFile(atPath: path(name), contents: nil) }
        process.standardOutput = FileHandle(forWritingAtPath: path(out))
        process.standardError = FileHandle(forWritingAtPath: path(errors))
        return process
    }
}

struct SandboxError: Error {
    let text: String
}

/// What most tests start from: the README's shop.
enum Shop {
    static let features = """
        project: shop
        entities:
          - {name: customer, keys: [{name: customer_id, type: int64}]}
          - {name: everyone, keys: []}
        feature_groups:
          - name: orders
            entity: customer
            event_time: ordered_at
            max_age: 30d
            features:
              - {name: amount, type: float64, checks: {min: 0}}
              - {name: items, type: array(string)}
          - name: rates
            entity: everyone
            event_time: at
            features:
              - {name: euro, type: float64}
        feature_services:
          - name: churn
            features: ["orders:amount", "orders:items"]

        """

    static let orders = """
        customer_id,ordered_at,amount,items
        1,2026-01-05T10:00:00Z,25.5,"[""tea"",""cup""]"
        1,2026-01-09T12:00:00Z,80,"[""pot""]"
        2,2026-01-07T09:30:00Z,,

        """

    /// A server with the definitions and the three orders.
    static func open(keepsServer: Bool = true) throws -> Sandbox {
        let sandbox = try Sandbox()
        let server = try sandbox.start()
        try sandbox.write("features.yaml", features)
        try sandbox.write("orders.csv", orders)
        try sandbox.succeed("apply", "features.yaml")
        try sandbox.succeed("write", "orders", "--from", "orders.csv")
        if !keepsServer { sandbox.stop(server) }
        return sandbox
    }
}
