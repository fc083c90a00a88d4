internal import Catalog
internal import FeatureModel
internal import Foundation
internal import Wire

/// `headwater online` on a directory of its own, that can be filled, stopped, killed and started again.
final class OnlineStand {
    /// Rows of a write, and writes under way, while tables are filled.
    private static let loadBatchBytes = 512 << 10
    private static let loadBatchRowsMax = 5_000
    private static let loadDepth = 4

    private(set) var process: ServerProcess
    let socketPath: String
    /// Where it listens on 127.0.0.1 too.
    let port: Int?
    /// Where its HTTP listener is on 127.0.0.1, if it has one.
    let httpPort: Int?
    private let command: [String]
    private let cores: String?
    private let logPath: String

    /// - Parameters:
    ///   - definitions: YAML of the project `bench`.
    ///   - httpPort: of an HTTP listener; `nil` for none.
    ///   - snapshotBytes: rows in memory at which it takes a snapshot by itself; `nil` for its default.
    init(
        binary: String, directory: String, cores: String?, definitions: String, port: Int? = nil, httpPort: Int? = nil,
        snapshotBytes: Int? = nil
    ) throws(HeadwaterError) {
        socketPath = "\(directory)/online.sock"
        logPath = "\(directory)/online.log"
        self.port = port
        self.httpPort = httpPort
        self.cores = cores
        command =
            [
                binary, "online", "--data", "\(directory)/data", "--listen", "unix:\(socketPath)", "--log-level", "error",
                "--scrub-interval", "off",
            ] + (port.map { ["--listen", "127.0.0.1:\($0)"] } ?? [])
            + (httpPort.map { ["--http", "127.0.0.1:\($0)"] } ?? [])
            + (snapshotBytes.map { ["--snapshot-bytes", "\($0)"] } ?? [])
        process = try ServerProcess(name: "headwater", command, cores: cores, logPath: logPath)
        try waitForServer(socketPath)
        try session().define(definitions)
    }

    deinit { stop() }

    func stop() { process.stop() }
    func crash() { process.crash() }

    func session() throws(HeadwaterError) -> HeadwaterSession {
        try HeadwaterSession(socketPath: socketPath, project: Rows.project)
    }

    /// Writes rows of a table; returns when all are acknowledged.
    func load(_ table: OnlineTable, entities: Range<Int>) throws(HeadwaterError) {
        let session = try session()
        let group = try session.describe(group: table.name)
        let widths = table.features.map { $0.fixedWidth ?? 16 }
        let rowsEach = max(1, min(Self.loadBatchRowsMax, Self.loadBatchBytes / (16 + widths.reduce(0, +))))
        let eventTime = Self.eventTime
        var underWay = 0
        for first in stride(from: entities.lowerBound, to: entities.upperBound, by: rowsEach) {
            let rows = first..<min(first + rowsEach, entities.upperBound)
            let body = try table.body(rows, group: group, eventTime: eventTime)
            if underWay == Self.loadDepth {
                _ = try session.finish()
                underWay -= 1
            }
            try session.start(.write, WriteRequest.with { $0.project = Rows.project }, body: body[...])
            underWay += 1
        }
        for _ in 0..<underWay { _ = try session.finish() }
    }

    /// Writes of `rowsEach` rows of entities below `count`, to be sent at a rate.
    func writes(
        _ table: OnlineTable, requests: Int, rowsEach: Int, of count: Int, depth: Int
    ) throws(HeadwaterError) -> LoadStream {
        let session = try session()
        let group = try session.describe(group: table.name)
        let stream = try LoadStream(.frames, depth: depth)
        let eventTime = Self.eventTime
        for index in 0..<requests {
            let first = index * rowsEach % max(count - rowsEach, 1)
            try stream.add(write: table.body(first..<min(first + rowsEach, count), group: group, eventTime: eventTime))
        }
        try stream.add(session, handle: 0)
        return stream
    }

    /// A stream of snapshots, one at a time.
    func snapshots() throws(HeadwaterError) -> LoadStream {
        let stream = try LoadStream(.frames, depth: 1)
        try stream.add(request: FrameParts.request(.snapshot))
        try stream.add(session(), handle: 0)
        return stream
    }

    /// Starts the stopped server and gets one row from it.
    ///
    /// - Returns: seconds from the start of the process to the answer.
    func secondsToFirstAnswer(_ table: OnlineTable, entity: Int) throws(HeadwaterError) -> Double {
        try? FileManager.default.removeItem(atPath: socketPath)
        let start = monotonicNanoseconds()
        process = try ServerProcess(name: "headwater", command, cores: cores, logPath: logPath)
        try waitForServer(socketPath, interval: 0.0005, seconds: 600)
        let session = try session()
        let prepared = try PrepareReply(decoding: session.call(.prepare, GetTarget([table]).prepare()).head)
        let key = OnlineTable.key(entity)
        let answer = try session.call(
            .getPrepared, GetPreparedRequest(), body: HeadwaterGets.body(tag: prepared.handle, [[key]])[...])
        let seconds = Double(monotonicNanoseconds() - start) / 1e9
        let columns = try PackedColumns(decoding: answer.body, types: table.features).columns
        guard table.features.indices.allSatisfy({ columns[$0].value(0) == table.value(key, $0) }) else {
            throw HeadwaterError(.internal, "the first answer after a start is wrong")
        }
        return seconds
    }

    /// An hour ago, so that no clock finds it in the future.
    private static var eventTime: Microseconds { Microseconds(Date().timeIntervalSince1970 * 1e6) - 3_600_000_000 }
}
