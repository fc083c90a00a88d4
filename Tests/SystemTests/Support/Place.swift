import Dispatch
import Foundation
import ProcessSupport
import Synchronization
import Testing

/// What a command left behind.
struct Outcome: Sendable {
    let ending: Ending?
    let output: String
    let errors: String

    var succeeded: Bool { ending == .exit(0) }
    var lines: [String] { output.split(separator: "\n").map(String.init) }

    /// Standard output as one JSON document.
    func json() throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any])
    }
}

struct PlaceError: Error, CustomStringConvertible {
    let description: String
}

/// A temporary directory with everything that runs in it; both go when the test ends.
final class Place: Sendable {
    /// The binary under test: `HEADWATER_BINARY`, else the one beside the test bundle.
    static let binary: String = {
        if let path = ProcessInfo.processInfo.environment["HEADWATER_BINARY"], !path.isEmpty { return path }
        let beside = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
            .appendingPathComponent("headwater")
        if FileManager.default.isExecutableFile(atPath: beside.path) { return beside.path }
        return URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../../.build/debug/headwater").standardized.path
    }()

    /// How long one command may take on a busy machine.
    private static let commandSeconds = 120.0
    private static let readySeconds = 60.0

    let directory: URL
    private let project: String
    private let children = Mutex<[Child]>([])
    private let count = Atomic<Int>(0)

    init(project: String = "shop") throws {
        self.project = project
        // Short: the path of a socket has at most 107 bytes.
        directory = URL(fileURLWithPath: "/tmp/hwsys-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    }

    deinit {
        for child in children.withLock({ $0 }) { child.killNow() }
        try? FileManager.default.removeItem(at: directory)
    }

    func path(_ name: String) -> String { directory.appendingPathComponent(name).path }
    func address(_ socket: String) -> String { "unix:\(path(socket))" }

    func write(_ name: String, _ text: String) throws {
        try text.write(toFile: path(name), atomically: true, encoding: .utf8)
    }

    /// Starts a process; commands go to `s.sock` unless they say otherwise.
    func spawn(_ arguments: [String], of program: String = binary, input: String? = nil) throws -> Child {
        let number = count.add(1, ordering: .relaxed).newValue
        var inputPath: String?
        if let input {
            inputPath = path("\(number).in")
            try write("\(number).in", input)
        }
        let environment = [
            "HEADWATER_ADDRESS": address("s.sock"), "HEADWATER_PROJECT": project, "PATH": "/usr/bin:/bin",
            "TMPDIR": directory.path,
        ]
        let child = try Child(
            program, arguments, directory: directory, environment: environment, inputPath: inputPath,
            outputPath: path("\(number).out"), errorsPath: path("\(number).err"))
        children.withLock { list in
            list.removeAll { !$0.isRunning }
            list.append(child)
        }
        return child
    }

    /// Runs a command to its end, which is forced when it does not come.
    func run(_ arguments: [String], input: String? = nil, seconds: Double = commandSeconds) throws -> Outcome {
        let child = try spawn(arguments, input: input)
        let ending = child.wait(seconds: seconds)
        if ending == nil { child.killNow() }
        defer { for path in [child.outputPath, child.errorsPath] { try? FileManager.default.removeItem(atPath: path) } }
        return Outcome(ending: ending, output: child.output, errors: child.errors)
    }

    func run(_ arguments: String...) throws -> Outcome { try run(arguments) }

    /// Runs a command that must succeed.
    @discardableResult
    func succeed(
        _ arguments: [String], input: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> Outcome {
        let outcome = try run(arguments, input: input)
        try #require(outcome.succeeded, "\(arguments): \(outcome.errors)", sourceLocation: sourceLocation)
        return outcome
    }

    @discardableResult
    func succeed(_ arguments: String..., sourceLocation: SourceLocation = #_sourceLocation) throws -> Outcome {
        try succeed(arguments, sourceLocation: sourceLocation)
    }

    /// Starts a server without waiting for it.
    func launch(_ role: String, data: String = "store", socket: String = "s.sock", _ more: [String] = []) throws -> Child {
        try spawn([role, "--data", data, "--listen", address(socket)] + more)
    }

    /// Starts a server and waits until it is ready.
    @discardableResult
    func start(_ role: String, data: String = "store", socket: String = "s.sock", _ more: [String] = []) throws -> Child {
        let server = try launch(role, data: data, socket: socket, more)
        try waitUntilReady(server)
        return server
    }

    func waitUntilReady(_ server: Child) throws {
        // It says so itself; asking with a command would take time from what runs beside it.
        let ready = try poll(seconds: Self.readySeconds) {
            guard server.isRunning else { throw PlaceError(description: "the server ended: \(server.errors)") }
            return server.errors.contains(" ready ")
        }
        guard ready else { throw PlaceError(description: "the server is not ready: \(server.errors)") }
    }

    /// The last position of the online service's log.
    func lastPosition(socket: String = "s.sock") throws -> Int {
        let status = try succeed("status", "--json", "--address", address(socket)).json()
        let online = try #require(status["online"] as? [String: Any])
        return try #require(online["last_position"] as? Int)
    }
}

/// Asks again and again, until the answer is yes or the time is over.
func poll(seconds: Double, _ isDone: () throws -> Bool) rethrows -> Bool {
    let deadline = DispatchTime.now() + seconds
    while true {
        if try isDone() { return true }
        if DispatchTime.now() > deadline { return false }
        Thread.sleep(forTimeInterval: 0.02)
    }
}
