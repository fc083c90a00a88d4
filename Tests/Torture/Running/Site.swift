import Client
import FeatureModel
import Foundation
import ProcessSupport
import Transport
import Wire

/// What of the store runs in one process.
enum Role: String, Sendable {
    case serve
    case online
    case offline
}

/// A directory with everything that one run needs: data, sockets, journals, servers and clients. Ends them all.
final class Site {
    /// The server under test, as an absolute path.
    let binary: String
    let directory: String
    let seed: UInt64
    /// What event times count from: a day ago, so that none lies in the future.
    let start: Microseconds
    var data: String
    /// What servers with the online role, and with the offline role, get beside their directory.
    var onlineOptions = ["--snapshot-bytes", "512KiB", "--segment-bytes", "1MiB"]
    var offlineOptions = ["--flush-bytes", "512KiB"]
    /// A library that cuts reads and writes of servers short; `nil` leaves them as they are.
    var preload: String?
    private(set) var servers: [Role: Child] = [:]
    private(set) var clients: [Child] = []
    private(set) var journals: [String] = []
    private var count = 0

    init(binary: String, seed: UInt64) throws {
        self.binary = binary
        self.seed = seed
        // Short: the path of a socket has at most 107 bytes.
        directory = "/tmp/hwtort-\(UUID().uuidString.prefix(8))"
        data = "\(directory)/data"
        start = Microseconds(Date().timeIntervalSince1970 * 1_000_000) - 86_400_000_000
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    }

    func address(_ role: Role) -> String { "unix:\(directory)/\(role == .offline ? "o" : "s").sock" }
    /// Where writes go.
    var onlineAddress: String { address(servers[.online] == nil ? .serve : .online) }
    /// Where history is asked for.
    var offlineAddress: String { address(servers[.offline] == nil ? .serve : .offline) }

    // MARK: Servers

    private func spawn(_ program: String, _ arguments: [String], environment: [String: String] = [:]) throws -> Child {
        count += 1
        let output = "\(directory)/\(count).out"
        let inherited = ProcessInfo.processInfo.environment.filter { $0.key.hasPrefix("HEADWATER_") }
        let base = ["PATH": "/usr/bin:/bin", "TMPDIR": directory, "SWIFT_BACKTRACE": "enable=no"]
        return try Child(
            program, arguments, directory: URL(fileURLWithPath: directory),
            environment: base.merging(inherited) { $1 }.merging(environment) { $1 }, inputPath: nil, outputPath: output,
            errorsPath: "\(directory)/\(count).err")
    }

    /// Starts a server without waiting for it.
    ///
    /// - Parameter tracer: a command that becomes the server, such as strace with `-D`.
    @discardableResult
    func launch(_ role: Role, through tracer: [String] = [], more: [String] = []) throws -> Child {
        var arguments = [role.rawValue, "--data", data, "--listen", address(role)]
        if role != .offline { arguments += onlineOptions }
        if role != .online { arguments += offlineOptions }
        let command = tracer + [binary] + arguments + more
        let server = try spawn(
            command[0], Array(command.dropFirst()), environment: preload.map { ["LD_PRELOAD": $0] } ?? [:])
        servers[role] = server
        return server
    }

    /// Starts a server and waits for its first answer.
    ///
    /// - Returns: how long that took.
    @discardableResult
    func start(_ role: Role) async throws -> Duration {
        let clock = ContinuousClock()
        let begun = clock.now
        try launch(role)
        try await untilReady(role)
        return clock.now - begun
    }

    /// Waits until a server answers what it is there for.
    func untilReady(_ role: Role, seconds: Double = 120) async throws {
        let clock = ContinuousClock()
        let deadline = clock.now + .seconds(seconds)
        while true {
            if await answers(role) { return }
            guard let server = servers[role], server.isRunning else {
                throw TortureError("\(role.rawValue) did not start: \(servers[role]?.errors.suffix(600) ?? "")")
            }
            guard clock.now < deadline else {
                throw TortureError("\(role.rawValue) does not answer: \(server.errors.suffix(600))")
            }
            try await Task.sleep(for: .milliseconds(1))
        }
    }

    private func answers(_ role: Role) async -> Bool {
        guard FileManager.default.fileExists(atPath: String(address(role).dropFirst("unix:".count))),
            let client = try? await connect(role)
        else { return false }
        let status = try? await client.status().value
        await client.close()
        return role == .offline ? status?.offline != nil : status?.online != nil
    }

    /// A client of the harness itself: answers come now or not at all.
    func connect(_ role: Role) async throws -> HeadwaterClient {
        var configuration = ClientConfiguration()
        configuration.name = "torture"
        configuration.callTimeout = .seconds(60)
        return try await HeadwaterClient.connect(address(role), project: Groups.project, configuration: configuration)
    }

    /// Runs `body` with a client that is closed afterwards.
    func withClient<Result>(_ role: Role, _ body: (HeadwaterClient) async throws -> Result) async throws -> Result {
        let client = try await connect(role)
        do {
            let result = try await body(client)
            await client.close()
            return result
        } catch {
            await client.close()
            throw error
        }
    }

    func kill(_ role: Role) {
        servers[role]?.killNow()
        servers[role] = nil
    }

    /// Runs a command of the program under test to its end.
    func run(_ arguments: [String], seconds: Double = 120) throws -> (ending: Ending?, output: String, errors: String) {
        let child = try spawn(binary, arguments)
        let ending = child.wait(seconds: seconds)
        if ending == nil { child.killNow() }
        defer { for path in [child.outputPath, child.errorsPath] { try? FileManager.default.removeItem(atPath: path) } }
        return (ending, child.output, child.errors)
    }

    // MARK: Clients

    func startClients(_ number: Int, lanes: Int, pauseMax: Int) throws {
        for client in 1...number {
            let journal = "\(directory)/client-\(client).journal"
            clients.append(
                try spawn(
                    "/proc/self/exe".resolved,
                    [
                        "client", "--address", address(servers[.serve] == nil ? .online : .serve), "--number", "\(client)",
                        "--lanes", "\(lanes)", "--seed", "\(seed)", "--start", "\(start)", "--pause-max", "\(pauseMax)",
                        "--directory", directory, "--journal", journal,
                    ]))
            journals.append(journal)
        }
    }

    /// Starts hostile clients.
    func startAttack(_ kind: Attack) throws -> Child {
        try spawn("/proc/self/exe".resolved, ["attack", "--kind", kind.rawValue, "--socket", "\(directory)/s.sock"])
    }

    /// Tells all clients to pause.
    ///
    /// - Returns: what they write into their journals when nothing of theirs is under way.
    func hold() throws -> String {
        count += 1
        let token = "\(count)"
        try token.write(toFile: "\(directory)/\(Control.holdName)", atomically: true, encoding: .utf8)
        return token
    }

    func release() { try? FileManager.default.removeItem(atPath: "\(directory)/\(Control.holdName)") }

    func checkClients() throws {
        for client in clients where !client.isRunning { throw TortureError("a client ended: \(client.errors.suffix(600))") }
    }

    /// Ends the clients, once all that they saw has been judged.
    func stopClients() {
        for client in clients { client.killNow() }
        clients = []
    }

    /// Ends everything that runs here, and removes the directory unless it is worth a look.
    func close(keep: Bool) {
        stopClients()
        for role in [Role.serve, .online, .offline] { kill(role) }
        if !keep { try? FileManager.default.removeItem(atPath: directory) }
    }
}

/// What stands beside this program.
enum Beside {
    static func path(_ name: String) -> String {
        URL(fileURLWithPath: "/proc/self/exe".resolved).deletingLastPathComponent().appendingPathComponent(name).path
    }

    /// `nil` where it was not built.
    static var shortIO: String? {
        FileManager.default.fileExists(atPath: path("libShortIO.so")) ? path("libShortIO.so") : nil
    }
}

extension String {
    /// Where a symbolic link leads.
    var resolved: String { URL(fileURLWithPath: self).resolvingSymlinksInPath().path }
}
