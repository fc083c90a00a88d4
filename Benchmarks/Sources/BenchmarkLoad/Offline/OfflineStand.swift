internal import Dispatch
public import FeatureModel
internal import Foundation
internal import OfflineStore
internal import StorageIO
internal import Synchronization

/// An offline store inside this process, filled with tables, and the works that are measured on it.
public final class OfflineStand: Sendable {
    /// Rows of a record, where so many are flushed at once.
    static func rowsPerRecord(_ rowsPerFlush: Int) -> Int { min(10_000, rowsPerFlush) }

    /// What loading took.
    public struct LoadFigures: Sendable {
        public let flushSeconds: Double
        public let rows: Int
    }

    /// One join or scan.
    public struct WorkFigures: Sendable {
        public let seconds: Double
        public let rows: Int
    }

    /// A spine in memory.
    public struct Spine: Sendable {
        let keys: Column
        let times: Column

        public init(_ table: OfflineTable) throws {
            let all = 0..<table.rowCount
            (keys, times) = (try table.column(0, all), try table.column(1, all))
        }
    }

    private let store: OfflineStore
    private let schemas: [String: GroupSchema]
    private let executor: ParallelExecutor
    private let position = Atomic<UInt64>(0)

    /// - Parameters:
    ///   - tables: in the order of their group ids.
    ///   - blockRows: rows of a block of a chunk; `nil` for what the store takes by itself.
    ///   - compactionBytes: what a compaction may take in memory; the same.
    public init(
        directory: String, tables: [OfflineTable], threads: Int, blockRows: Int? = nil, compactionBytes: Int? = nil
    ) throws(HeadwaterError) {
        var options = OfflineOptions()
        if let blockRows { options.blockRowsMax = blockRows }
        if let compactionBytes { options.mergeBytesMax = compactionBytes }
        store = try OfflineStore(dataDirectory: directory, logID: Array(0..<16), storage: RealStorage(), options: options)
        var schemas: [String: GroupSchema] = [:]
        for (number, table) in tables.enumerated() { schemas[table.name] = try table.schema(groupID: UInt32(number + 1)) }
        self.schemas = schemas
        executor = threads == 1 ? .serial : .threads(threads)
    }

    /// Writes a table, and flushes after about so many rows: one chunk each time.
    ///
    /// - Parameter inLevels: whether levels that are full then are compacted, as a server does; this time counts too.
    public func load(_ table: OfflineTable, rowsPerFlush: Int, inLevels: Bool = false) throws -> LoadFigures {
        let schema = schemas[table.name]!
        let read = try table.csv.map { try table.csvColumns($0) }
        let rowsPerRecord = Self.rowsPerRecord(rowsPerFlush)
        var flushSeconds = 0.0
        var waiting = 0
        for start in stride(from: 0, to: table.rowCount, by: rowsPerRecord) {
            let rows = start..<min(start + rowsPerRecord, table.rowCount)
            let columns = try table.columns.indices.map { ($0, try read?[$0].slice(rows) ?? table.column($0, rows)) }
            apply(Batch(rowCount: rows.count, columns: columns), schema)
            waiting += rows.count
            guard waiting >= rowsPerFlush || rows.upperBound == table.rowCount else { continue }
            waiting = 0
            let begun = now()
            try store.flush(executor: executor)
            while inLevels, let job = try store.beginCompaction() {
                job.run(executor: executor)
                try store.finishCompaction(job)
            }
            flushSeconds += now() - begun
        }
        return LoadFigures(flushSeconds: flushSeconds, rows: table.rowCount)
    }

    private func apply(_ batch: Batch, _ schema: GroupSchema) {
        let next = position.add(1, ordering: .relaxed).newValue
        let entry = AppliedEntry(schema: schema, operation: .write, batch: batch, firstRow: 0)
        let ingestTime = OfflineTable.start + Int64(next) * 1_000_003
        store.apply(AppliedRecord(position: next, ingestTime: ingestTime, .rows([entry])))
    }

    /// Merges every table to one run.
    ///
    /// - Returns: seconds.
    public func compact() throws(HeadwaterError) -> Double {
        let begun = now()
        try store.compact(executor: executor)
        return now() - begun
    }

    /// How many bytes of chunks have been written for each of new rows.
    public var amplification: Double {
        let status = store.status()
        return Double(status.flushedBytes + status.compactedBytes) / Double(max(status.flushedBytes, 1))
    }

    public func chunkBytes(_ table: String) -> Int {
        store.status().groups.first { $0.groupID == schemas[table]!.groupID }?.chunkBytes ?? 0
    }

    /// Joins a spine with tables.
    ///
    /// - Parameter output: where the answer's columns go, with a file of zeros and ones where a cell is there; `nil` for nowhere.
    public func join(_ spine: Spine, _ tables: [OfflineRequest.Group], output: String? = nil) throws -> WorkFigures {
        let view = store.view()
        let lookups = tables.map { table in
            let schema = schemas[table.name]!
            return Lookup(
                schema: schema, maxAge: table.maxAge, keys: [0],
                features: table.features.map { name in
                    let ordinal = schema.ordinal(ofFeature: name)!
                    return Lookup.Feature(ordinal: ordinal, type: schema.type(ofOrdinal: ordinal))
                })
        }
        let begun = now()
        let joined = try view.join(
            spineTimes: spine.times, keys: [spine.keys], lookups, asOf: view.position, availability: .event, executor: executor)
        let seconds = now() - begun
        if let files = try output.map({ try AnswerFiles($0) }) {
            for (table, features) in zip(tables, joined) {
                for (name, answer) in zip(table.features, features) { try files.write([answer.column], named: name) }
            }
        }
        return WorkFigures(seconds: seconds, rows: spine.keys.count)
    }

    /// Reads columns of all rows of a table, in a range of times, and nothing beside them.
    ///
    /// - Parameter output: as for `join`.
    public func scan(
        _ table: String, features: [String], start: Int64? = nil, end: Int64? = nil, output: String? = nil
    ) throws -> WorkFigures {
        let schema = schemas[table]!
        let view = store.view()
        let begun = now()
        var scan = try view.scan(
            schema, columns: features.map { schema.ordinal(ofFeature: $0)! }, start: start, end: end,
            asOf: view.position, fields: [], executor: executor)
        var batches: [RowBatch] = []
        while let batch = try scan.next() { batches.append(batch) }
        let seconds = now() - begun
        if let files = try output.map({ try AnswerFiles($0) }) {
            for (number, name) in features.enumerated() { try files.write(batches.map { $0.features[number] }, named: name) }
        }
        return WorkFigures(seconds: seconds, rows: batches.reduce(0) { $0 + $1.rowCount })
    }

    public func close() { store.close() }

    private func now() -> Double { Double(DispatchTime.now().uptimeNanoseconds) / 1e9 }
}

extension ParallelExecutor {
    /// So many threads of the system's own pool.
    static func threads(_ size: Int) -> ParallelExecutor {
        ParallelExecutor(size: size) { count, body in
            let next = Atomic<Int>(0)
            DispatchQueue.concurrentPerform(iterations: size) { _ in
                while true {
                    let number = next.add(1, ordering: .relaxed).oldValue
                    guard number < count else { return }
                    body(number)
                }
            }
        }
    }
}
