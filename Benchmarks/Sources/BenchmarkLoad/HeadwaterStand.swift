internal import Catalog
public import FeatureModel
internal import Foundation
internal import Wire

/// `headwater online`, and maybe `headwater offline` beside it, on a fresh directory, with the table of `Rows` defined.
public final class HeadwaterStand {
    public let online: ServerProcess
    public let offline: ServerProcess?
    private let directory: String
    private var group: GroupDescription?

    public var onlineSocket: String { "\(directory)/online.sock" }
    public var offlineSocket: String { "\(directory)/offline.sock" }

    /// - Parameters:
    ///   - directory: an empty one; short enough that a socket in it has a legal path.
    ///   - cores: of both processes; `nil` for all.
    public init(binary: String, directory: String, cores: String?, withOffline: Bool) throws(HeadwaterError) {
        self.directory = directory
        func start(_ role: String) throws(HeadwaterError) -> ServerProcess {
            try ServerProcess(
                name: role,
                [
                    binary, role, "--data", "\(directory)/data", "--listen", "unix:\(directory)/\(role).sock", "--log-level",
                    "error",
                ], cores: cores, logPath: "\(directory)/\(role).log")
        }
        online = try start("online")
        try waitForServer("\(directory)/online.sock")
        offline = withOffline ? try start("offline") : nil
        if withOffline { try waitForServer("\(directory)/offline.sock") }
        let session = try HeadwaterSession(socketPath: onlineSocket, project: Rows.project)
        try session.define(Rows.definitions)
        group = try session.describe(group: Rows.table.name)
    }

    deinit { stop() }

    public func stop() {
        offline?.stop()
        online.stop()
    }

    /// `count` encoded writes of `rowsEach` rows.
    public func bodies(_ count: Int, rowsEach: Int) -> [[UInt8]] {
        let now = Microseconds(Date().timeIntervalSince1970 * 1e6)
        return Rows.bodies(
            count, rowsEach: rowsEach, groupID: group!.id, schema: group!.schemaVersion, eventTime: now - 3_600_000_000)
    }

    /// Sessions that write `bodies` in turn, each from a place of its own.
    public func sessions(_ count: Int, bodies: [[UInt8]]) throws(HeadwaterError) -> [HeadwaterSession] {
        var sessions: [HeadwaterSession] = []
        for index in 0..<count {
            sessions.append(
                try HeadwaterSession(
                    socketPath: onlineSocket, project: Rows.project, bodies: bodies, start: index * bodies.count / count))
        }
        return sessions
    }

    /// Connections for the load core that write `bodies` in turn, without producer sessions.
    func writes(_ bodies: [[UInt8]], connections: Int, depth: Int) throws(HeadwaterError) -> LoadStream {
        let stream = try LoadStream(.frames, depth: depth)
        for body in bodies { try stream.add(write: body) }
        for _ in 0..<connections {
            try stream.add(HeadwaterSession(socketPath: onlineSocket, project: Rows.project), handle: 0)
        }
        return stream
    }
}

/// `redis-server` on a fresh directory.
public final class RedisStand {
    public let process: ServerProcess
    public let socketPath: String

    /// - Parameter isDurable: whether it syncs its append-only file before it answers; else it keeps nothing on disk by itself.
    /// - Throws: `.unavailable` where it does not start: is it installed?
    public init(binary: String, directory: String, cores: String?, isDurable: Bool = true) throws(HeadwaterError) {
        socketPath = "\(directory)/redis.sock"
        process = try ServerProcess(
            name: "redis",
            [
                binary, "--port", "0", "--unixsocket", socketPath, "--dir", directory, "--save", "", "--daemonize", "no",
                "--appendonly", isDurable ? "yes" : "no", "--appendfsync", "always", "--auto-aof-rewrite-percentage", "0",
            ], cores: cores, logPath: "\(directory)/redis.log")
        try waitForServer(socketPath)
    }

    deinit { process.stop() }

    public func sessions(_ count: Int, pipelines: [[UInt8]], rowsEach: Int) throws(HeadwaterError) -> [RedisSession] {
        var sessions: [RedisSession] = []
        for index in 0..<count {
            sessions.append(
                try RedisSession(
                    socketPath: socketPath, pipelines: pipelines, commandsEach: rowsEach, start: index * pipelines.count / count))
        }
        return sessions
    }
}

/// Waits until somebody listens, asking every `interval` seconds.
func waitForServer(_ socketPath: String, interval: Double = 0.01, seconds: Double = 30) throws(HeadwaterError) {
    let deadline = monotonicNanoseconds() + UInt64(seconds * 1e9)
    while monotonicNanoseconds() < deadline {
        if (try? StreamSocket(connectingTo: socketPath)) != nil { return }
        Thread.sleep(forTimeInterval: interval)
    }
    throw HeadwaterError(.unavailable, "no server came up at \(socketPath) within \(Int(seconds)) s: see the log beside it")
}
