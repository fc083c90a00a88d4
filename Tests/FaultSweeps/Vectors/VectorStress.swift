import FeatureModel
import Foundation
import OnlineStore
import StorageIO
import Synchronization
import TestDisks

/// Promise P8 under threads: one writes every key of three groups in each record, one takes snapshots, others read vectors of all
/// groups and keys; in an answer all values are of one record, the answer's own.
///
/// The rows are written over and over, so memory is given up, freed and used again beneath the readers all the while.
public struct VectorStress {
    /// What a run saw.
    public struct Report: Sendable {
        public var writes = 0
        public var vectors = 0
        public var snapshots = 0
        /// Answers of more than one record, or of another one than they say.
        public var torn = 0
        public var firstTorn: String?
    }

    static let keys = 64
    private static let groups: [GroupID] = [1, 2, 3]
    private let readers: Int

    public init(readers: Int = 2) { self.readers = readers }

    private static func schema(_ id: GroupID) -> GroupSchema {
        GroupSchema(
            groupID: id, schemaVersion: 1, keys: [Field("id", .int64)], eventTimeName: "at",
            features: (0..<Int(id) * 3).map { Field("f\($0)", $0 % 3 == 2 ? .string : .int64) })
    }

    /// Every key of every group, all features the position.
    private static func record(_ position: Position) throws -> AppliedRecord {
        let number = Int64(position)
        var entries: [AppliedEntry] = []
        for id in groups {
            let schema = schema(id)
            var columns = [
                try Column(.int64, (0..<keys).map { .int64(Int64($0)) }),
                try Column(.timestamp, (0..<keys).map { _ in .timestamp(number) }),
            ]
            let text = Value.string(ByteString(String(repeating: "x", count: Int(position % 40)) + "\(position)"))
            for field in schema.features {
                columns.append(try Column(field.type, (0..<keys).map { _ in field.type == .string ? text : .int64(number) }))
            }
            entries.append(
                AppliedEntry(
                    schema: schema, operation: .write,
                    batch: Batch(rowCount: keys, columns: columns.enumerated().map { ($0.offset, $0.element) }),
                    firstRow: entries.count * keys))
        }
        return AppliedRecord(position: position, ingestTime: number, .rows(entries))
    }

    private static func plan() -> OnlineReadPlan {
        let lookups = groups.map { id in
            let schema = schema(id)
            let features = schema.features.enumerated().map {
                Lookup.Feature(ordinal: schema.featureBase + $0.offset, type: $0.element.type)
            }
            return Lookup(schema: schema, keys: [0], features: features)
        }
        let outputs = lookups.indices.flatMap { lookup in
            lookups[lookup].features.indices.map { OnlineReadPlan.Output(lookup: lookup, feature: $0) }
        }
        return OnlineReadPlan(lookups: lookups, outputs: outputs)
    }

    /// What the threads share.
    private final class Shared: Sendable {
        let store: OnlineStore
        let report = Mutex(Report())
        let failure = Mutex<String?>(nil)
        private let over = Atomic<Bool>(false)

        init(_ store: OnlineStore) { self.store = store }

        var isOver: Bool { over.load(ordering: .relaxed) }
        func end() { over.store(true, ordering: .relaxed) }
    }

    /// - Throws: `.internal` where a thread failed.
    public func run(seconds: Double) throws -> Report {
        let store = try OnlineStore.open(MemoryStorage(), directory: "online", seed: 1, logID: Array(0..<16))
        try store.apply(Self.record(1))
        let shared = Shared(store)
        let bodies: [@Sendable (Shared) throws -> Void] =
            [Self.write, Self.snapshot] + Array(repeating: Self.read, count: readers)
        let done = DispatchSemaphore(value: 0)
        for body in bodies {
            Thread {
                do { try body(shared) } catch { shared.failure.withLock { $0 = "\(error)" } }
                done.signal()
            }.start()
        }
        Thread.sleep(forTimeInterval: seconds)
        shared.end()
        for _ in bodies { done.wait() }
        if let failure = shared.failure.withLock({ $0 }) { throw HeadwaterError(.internal, failure) }
        return shared.report.withLock { $0 }
    }

    @Sendable private static func write(_ shared: Shared) throws {
        var position: Position = 1
        while !shared.isOver {
            position += 1
            try shared.store.apply(record(position))
        }
        shared.report.withLock { $0.writes = Int(position) }
    }

    @Sendable private static func snapshot(_ shared: Shared) throws {
        while !shared.isOver {
            try shared.store.adopt(shared.store.writeSnapshot(shared.store.beginSnapshot(), extra: []))
            shared.report.withLock { $0.snapshots += 1 }
            Thread.sleep(forTimeInterval: 0.01)
        }
    }

    @Sendable private static func read(_ shared: Shared) throws {
        let reader = OnlineReader(shared.store)
        let plan = plan()
        let ids = try Column(.int64, (0..<keys).map { .int64(Int64($0)) })
        var vectors = 0
        while !shared.isOver {
            let (packed, position) = try reader.read(plan, keys: [ids], rowCount: keys, now: 0) {
                (answer) throws(HeadwaterError) in (try answer.columns(), answer.position)
            }
            vectors += 1
            guard let wrong = packed.columns.firstIndex(where: { !isAll($0, position) }) else { continue }
            shared.report.withLock { report in
                report.torn += 1
                let seen = Set(packed.columns[wrong].values.map { "\($0)" }).sorted()
                report.firstTorn = report.firstTorn ?? "an answer at \(position) holds \(seen)"
            }
        }
        shared.report.withLock { $0.vectors += vectors }
    }

    /// Whether every cell is what record `position` wrote.
    private static func isAll(_ column: Column, _ position: Position) -> Bool {
        if column.type == .string {
            let suffix = Array("\(position)".utf8)
            return (0..<column.count).allSatisfy { column.bytes($0).drop { $0 == UInt8(ascii: "x") }.elementsEqual(suffix) }
        }
        return (0..<column.count).allSatisfy { !column.isNull($0) && column.int64($0) == Int64(position) }
    }
}
