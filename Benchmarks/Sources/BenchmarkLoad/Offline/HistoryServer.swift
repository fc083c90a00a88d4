internal import Catalog
internal import Client
internal import Dispatch
internal import FeatureModel
internal import Foundation
internal import Synchronization
internal import Wire

/// `headwater serve` with tables in it, and a client that joins with them through its socket.
public final class HistoryServer {
    private static let rowsPerWrite = 10_000
    private static let writesUnderWay = 4

    public let process: ServerProcess
    let socketPath: String
    private let client: HeadwaterClient

    /// Starts the server and defines the tables.
    public init(binary: String, directory: String, tables: [OfflineTable], cores: String? = nil) throws {
        socketPath = "\(directory)/serve.sock"
        process = try ServerProcess(
            name: "headwater",
            [
                binary, "serve", "--data", "\(directory)/data", "--listen", "unix:\(socketPath)", "--log-level", "error",
                "--scrub-interval", "off", "--durability", "interval:1000",
            ], cores: cores, logPath: "\(directory)/serve.log")
        try waitForServer(socketPath)
        try HeadwaterSession(socketPath: socketPath, project: Rows.project).define(OfflineTable.definitions(tables))
        let address = "unix:\(socketPath)"
        client = try waiting { try await HeadwaterClient.connect(address, project: Rows.project) }
    }

    deinit { stop() }

    public func stop() {
        let client = client
        try? waiting { await client.close() }
        process.stop()
    }

    /// Writes all rows of a table in records of 10,000, and returns when history has them.
    public func load(_ table: OfflineTable) throws {
        let session = try HeadwaterSession(socketPath: socketPath, project: Rows.project)
        let group = try session.describe(group: table.name)
        var underWay = 0
        var position: Position = 0
        func finish() throws {
            position = try WriteReply(decoding: session.finish().head).position
            underWay -= 1
        }
        for start in stride(from: 0, to: table.rowCount, by: Self.rowsPerWrite) {
            let rows = start..<min(start + Self.rowsPerWrite, table.rowCount)
            let entry = RecordEntry(
                groupID: group.id, schemaVersion: group.schemaVersion, operation: .write, batch: try table.batch(rows))
            if underWay == Self.writesUnderWay { try finish() }
            try session.start(
                .write, WriteRequest.with { $0.project = Rows.project }, body: RecordBody.encode([entry])[...])
            underWay += 1
        }
        while underWay > 0 { try finish() }
        while try session.offlineApplied() < position { Thread.sleep(forTimeInterval: 0.05) }
    }

    /// Flushes and merges everything.
    public func compact() throws {
        let client = client
        try waiting { _ = try await client.compact() }
    }

    /// Joins a spine with features of a table: from the spine in this process's memory to columns in Arrow's layout in it.
    ///
    /// - Parameter output: as for `OfflineStand.join`.
    func join(_ spine: OfflineStand.Spine, _ group: OfflineRequest.Group, output: String?) throws -> OfflineStand.WorkFigures {
        try Self.join(spine, group, output: output, by: client)
    }

    /// The same by any client.
    static func join(
        _ spine: OfflineStand.Spine, _ group: OfflineRequest.Group, output: String?, by client: HeadwaterClient
    ) throws -> OfflineStand.WorkFigures {
        let join = joining(spine, group, by: client)
        let begun = monotonicNanoseconds()
        let parts = try join()
        let seconds = Double(monotonicNanoseconds() - begun) / 1e9
        if let output {
            let files = try AnswerFiles(output)
            for (number, name) in group.features.enumerated() { try files.write(parts.map { $0.columns[number] }, named: name) }
        }
        return OfflineStand.WorkFigures(seconds: seconds, rows: parts.reduce(0) { $0 + $1.rowCount })
    }

    /// The same to be done again and again, on any thread.
    func joining(_ spine: OfflineStand.Spine, _ group: OfflineRequest.Group) -> @Sendable () throws -> [Cells] {
        Self.joining(spine, group, by: client)
    }

    private static func joining(
        _ spine: OfflineStand.Spine, _ group: OfflineRequest.Group, by client: HeadwaterClient
    ) -> @Sendable () throws -> [Cells] {
        let references = group.features.map { "\(group.name):\($0)" }
        return { try waiting { try await join([spine.keys, spine.times], references, client) } }
    }

    /// Reads features of all rows, to be done again and again, on any thread.
    func scanning(_ group: OfflineRequest.Group) -> @Sendable () throws -> Void {
        let client = client
        return {
            try waiting {
                var query = RowsQuery(group: group.name)
                (query.columns, query.brief) = (group.features, true)
                let answer = try await client.scan(query)
                while try await answer.next() != nil {}
            }
        }
    }

    private static func join(
        _ spine: [Column], _ references: [String], _ client: HeadwaterClient
    ) async throws -> [Cells] {
        let query = HistoryQuery(
            .features(references), spineColumns: [Field("key", .int64), Field("event_time", .timestamp)],
            spineTime: "event_time")
        let feed = SpineFeed(spine)
        let answer = try await client.history(query) { () async throws(HeadwaterError) -> Batch? in feed.batch() }
        var parts: [Cells] = []
        while let item = try await answer.next() { parts.append(item.rows) }
        return parts
    }
}

/// The rows of a spine, handed out in batches.
private final class SpineFeed: Sendable {
    /// Small enough that a thread which sends one does not keep its core for long: the kernel lets nobody else in during a call.
    private static let rowsPerBatch = 8_192

    private let columns: [Column]
    private let next = Atomic<Int>(0)

    init(_ columns: [Column]) { self.columns = columns }

    func batch() -> Batch? {
        let start = next.add(Self.rowsPerBatch, ordering: .relaxed).oldValue
        let end = min(start + Self.rowsPerBatch, columns[0].count)
        guard start < end else { return nil }
        return Batch(rowCount: end - start, columns: columns.enumerated().map { ($0.offset, $0.element.slice(start..<end)) })
    }
}

/// Runs asynchronous work and blocks this thread until it is done.
func waiting<Answer: Sendable>(_ body: @escaping @Sendable () async throws -> Answer) throws -> Answer {
    let outcome = Outcome<Answer>()
    Task {
        do { outcome.set(.success(try await body())) } catch { outcome.set(.failure(error)) }
    }
    return try outcome.wait()
}

private final class Outcome<Answer: Sendable>: Sendable {
    private let result = Mutex<Result<Answer, any Error>?>(nil)
    private let isSet = DispatchSemaphore(value: 0)

    func set(_ outcome: Result<Answer, any Error>) {
        result.withLock { $0 = outcome }
        isSet.signal()
    }

    func wait() throws -> Answer {
        isSet.wait()
        return try result.withLock { $0! }.get()
    }
}
