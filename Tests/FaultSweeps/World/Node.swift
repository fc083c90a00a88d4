import Catalog
import Engine
import FeatureModel
import Log
import OfflineStore
import OnlineStore
import StorageIO

/// One life of a process that serves a data directory: both engines, driven step by step, without threads and clocks.
final class Node {
    static let directory = "data"
    static let logDirectory = "data/log"
    static let logID = LogID((0..<16).map { UInt8($0) })

    let storage: any Storage
    let online: OnlineEngine
    let offline: OfflineEngine
    private let reader: any LogReading
    private(set) var now: Microseconds
    private var lastToken: Token = 0

    /// Starts as `headwater serve` does: online first, then offline, which follows the log's files.
    init(_ storage: any Storage, logID: LogID = Node.logID, now: Microseconds) throws(HeadwaterError) {
        self.storage = storage
        self.now = now
        let online = try OnlineEngine.open(
            storage: storage, dataDirectory: Self.directory, options: Self.options, newLogID: logID, seed: 7, now: now)
        do throws(HeadwaterError) {
            offline = try OfflineEngine(
                storage: storage, dataDirectory: Self.directory, logID: online.logID.bytes, options: OfflineEngineOptions())
            reader = try FileLog(in: Self.directory, storage).openReader()
        } catch {
            // The process ends without a word to the disk.
            throw error
        }
        self.online = online
    }

    /// Small segments and reserves, so that a short life meets their ends.
    private static var options: OnlineOptions {
        var options = OnlineOptions()
        options.log = LogOptions(segmentBytes: 8 << 10, reserveAhead: 16)
        return options
    }

    var catalog: Catalog { online.state.catalog }

    /// Runs commands to their end in one group; their outcomes come in the same order.
    func run(_ commands: [OnlineCommand]) -> [OnlineOutcome] {
        now += 1_000_000
        let first = lastToken + 1
        for command in commands {
            lastToken += 1
            online.submit(command, token: lastToken)
        }
        let time = now
        let byToken = Dictionary(uniqueKeysWithValues: online.runQueue { time }.map { ($0.token, $0.outcome) })
        return commands.indices.map { byToken[first + Token($0)]! }
    }

    /// Brings the offline engine to the log's durable end; as the offline service does, it notes a log that lost its own.
    func follow() throws(HeadwaterError) {
        guard reader.durablePosition >= offline.store.appliedPosition else {
            throw HeadwaterError(
                .dataLoss, "the log ends at \(reader.durablePosition), history holds \(offline.store.appliedPosition)",
                at: Self.logDirectory)
        }
        while offline.store.appliedPosition < reader.durablePosition {
            try offline.apply(reader.read(after: offline.store.appliedPosition, limitBytes: 4 << 10))
        }
    }

    /// Flushes the history and tells the log how far it has got, as the offline service does.
    func flush() throws(HeadwaterError) {
        try follow()
        try offline.flush()
        try checkpoint(OnlineEngine.localFollowerID, OnlineEngine.localFollowerName, offline.store.durablePosition)
    }

    func checkpoint(_ id: UInt64, _ name: ByteString, _ position: Position) throws(HeadwaterError) {
        try FileLog(in: Self.directory, storage).register(
            FollowerCheckpoint(
                logID: online.logID, id: id, name: name, position: position, writerEpoch: reader.writerEpoch))
    }

    func snapshot() throws(HeadwaterError) { try online.finishSnapshot(online.beginSnapshot().run()) }

    func compact() throws(HeadwaterError) {
        try flush()
        try offline.store.compact()
    }

    /// Ends as a clean stop does.
    func stop() throws(HeadwaterError) {
        try flush()
        offline.close()
        try online.close()
    }
}
