import Catalog
import Engine
import FeatureModel
import Log
import OfflineStore
import OnlineStore
import StorageIO
import TestSupport

/// Both engines over one disk in memory, driven step by step: what a server process is, without threads and clocks.
final class Store {
    static let logID = LogID((0..<16).map { UInt8($0) })
    static let definitions = """
        project: shop
        entities:
          - {name: customer, keys: [{name: id, type: int64}]}
        feature_groups:
          - name: orders
            entity: customer
            event_time: at
            max_age: 30d
            features:
              - {name: amount, type: float64, checks: {min: 0}}
              - {name: note, type: string}
          - name: profile
            entity: customer
            event_time: none
            features:
              - {name: tags, type: array(string)}
        feature_services:
          - name: churn
            features: ["orders:amount", "profile:tags"]
        """

    let online: OnlineEngine
    let offline: OfflineEngine
    private let reader: any LogReading
    /// Rises by a second with each command.
    var now: Microseconds
    private var nextToken: Token = 0

    init(
        _ storage: any Storage, options: OnlineOptions = Store.options, now: Microseconds = 1_700_000_000_000_000
    ) throws(HeadwaterError) {
        self.now = now
        online = try OnlineEngine.open(
            storage: storage, dataDirectory: "data", options: options, newLogID: Self.logID, seed: 7, now: now)
        offline = try OfflineEngine(
            storage: storage, dataDirectory: "data", logID: online.logID.bytes, options: OfflineEngineOptions())
        reader = try FileLog(in: "data", storage).openReader()
    }

    static var options: OnlineOptions {
        var options = OnlineOptions()
        options.log = LogOptions(segmentBytes: 64 << 10, reserveAhead: 64)
        return options
    }

    /// Runs one command to its end.
    func run(_ command: OnlineCommand) throws(HeadwaterError) -> OnlineOutcome {
        now += 1_000_000
        nextToken += 1
        online.submit(command, token: nextToken)
        let time = now
        let completions = online.runQueue { time }
        let outcome = completions.first { $0.token == nextToken }!.outcome
        if case .failed(let error) = outcome { throw error }
        return outcome
    }

    func define(_ text: String = Store.definitions) throws(HeadwaterError) {
        _ = try run(.define(DefinitionsFile.load(text: text, fileName: "features.yaml").definitions))
    }

    func schema(_ group: String) -> GroupSchema { online.state.catalog.group(project: "shop", name: group)!.newestSchema }

    /// A write or delete of boxed rows, columns by ordinal: of an odd number as a compact body, of an even one as a batch.
    func body(_ group: String, _ operation: Operation = .write, rows: [[Value]]) throws(HeadwaterError) -> [UInt8] {
        RecordBody.encode([try entry(group, operation, rows: rows)], isCompact: rows.count % 2 == 1)
    }

    func entry(_ group: String, _ operation: Operation = .write, rows: [[Value]]) throws(HeadwaterError) -> RecordEntry {
        let schema = schema(group)
        var columns: [(ordinal: Int, column: Column)] = []
        for ordinal in 0..<(rows.first?.count ?? 0) {
            columns.append((ordinal, try Column(schema.type(ofOrdinal: ordinal), rows.map { $0[ordinal] })))
        }
        return RecordEntry(
            groupID: schema.groupID, schemaVersion: schema.schemaVersion, operation: operation,
            batch: Batch(rowCount: rows.count, columns: columns))
    }

    @discardableResult
    func write(
        _ body: [UInt8], _ stamp: ProducerStamp = .none
    ) throws(HeadwaterError) -> (WriteAnswer, newer: [UInt32], isDuplicate: Bool) {
        let write = try CheckedWrite(body: body[...], stamp: stamp, catalog: online.state.catalog, now: now)
        guard case .written(let answer, let isDuplicate) = try run(.write(write)) else {
            preconditionFailure("a write is answered as a write")
        }
        return (answer, answer.newerRows, isDuplicate)
    }

    /// What a reader without a server says that the log holds behind a position.
    func heldBytes(behind position: Position) throws(HeadwaterError) -> Int { try reader.bytes(behind: position) }

    /// Brings the offline engine to the log's durable end.
    func follow() throws(HeadwaterError) {
        while offline.store.appliedPosition < reader.durablePosition {
            try offline.apply(reader.read(after: offline.store.appliedPosition, limitBytes: 1 << 20))
        }
    }

    func snapshot() throws(HeadwaterError) { try online.finishSnapshot(online.beginSnapshot().run()) }

    /// One cell read online, and its status.
    func get(_ feature: String, id: Int64?, at time: Microseconds? = nil) throws(HeadwaterError) -> (Value, CellStatus) {
        let plan = try online.state.catalog.resolve(project: "shop", .features([feature]))
        let key = try Column(.int64, [id.map { .int64($0) } ?? .null])
        let served = try OnlineReads.get(plan, columns: [key], rowCount: 1, from: online.store, now: time ?? now)
        return (served.columns[0].value(0), served.statuses[0][0])
    }

    /// Keys of which the stores say different things, at the online store's position.
    ///
    /// - Parameter rowsMax: rows to compare one by one; with few the audit must narrow down to them.
    func audit(rowsMax: Int = AuditNarrowing.rowsMax) throws(HeadwaterError) -> [AuditDifference] {
        try follow()
        let cut = online.store.view()
        let catalog = online.state.catalog.asOf(cut.position)
        let view = offline.store.view()
        let walk: (Int) throws(HeadwaterError) -> Void = { _ in }
        let first = AuditScope(seed: 99, splitBits: 2)
        let left = try Audit.digests(cut, catalog: catalog, scope: first, progress: walk)
        let right = try Audit.digests(view, asOf: cut.position, catalog: catalog, scope: first, progress: walk)
        var differences: [AuditDifference] = []
        for (online, offline) in zip(left, right) {
            let group = online.groupID
            var (scope, online, offline) = (first, online, offline)
            narrowing: while true {
                switch AuditNarrowing.next(scope, online, offline, rowsMax: rowsMax).step {
                case .agree: break narrowing
                case .narrow(let finer):
                    online = try Audit.digests(cut, catalog: catalog, scope: finer, group: group, progress: walk)[0]
                    offline = try Audit.digests(
                        view, asOf: cut.position, catalog: catalog, scope: finer, group: group, progress: walk)[0]
                    scope = finer
                case .compare(let parts):
                    differences += Audit.differences(
                        online: try Audit.rows(cut, catalog: catalog, scope: parts, group: group, progress: walk),
                        offline: try Audit.rows(
                            view, asOf: cut.position, catalog: catalog, scope: parts, group: group, progress: walk))
                    break narrowing
                }
            }
        }
        return differences
    }

    /// Ends both as a clean stop does.
    func close() throws(HeadwaterError) {
        try follow()
        try offline.flush()
        offline.close()
        try online.close()
    }
}
