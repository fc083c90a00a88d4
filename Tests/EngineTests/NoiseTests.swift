import Catalog
import Engine
import FeatureModel
import OfflineStore
import OnlineStore
import StorageIO
import TestDisks
import TestSupport
import Testing

/// What stands under a null is nothing: whatever bytes a client left there, both stores hold the same rows.
@Suite struct NoiseTests {
    private static let time: Microseconds = 1_700_000_000_000_000
    private static let ids = 40

    private static func definitions(_ types: [FeatureType]) -> String {
        let features = types.enumerated().map { "\n      - {name: f\($0.offset), type: \($0.element)}" }.joined()
        return """
            project: shop
            entities:
              - {name: customer, keys: [{name: id, type: int64}]}
            feature_groups:
              - name: noisy
                entity: customer
                event_time: at
                features:\(features)
            """
    }

    /// A write of random rows with noise under every null; `expected` takes what each key then has.
    private func write(
        _ store: Store, _ random: inout SplitMix64, step: Int, expected: inout [Int64: [Value]]
    ) throws {
        let schema = store.schema("noisy")
        let ids = (0..<random.int(1...12)).map { _ in Int64(random.int(0...Self.ids - 1)) }
        var columns = try [
            Column(.int64, ids.map { .int64($0) }),
            Column(.timestamp, ids.map { _ in .timestamp(Self.time + Microseconds(step)) }),
        ]
        let features = schema.features.map { random.column($0.type, count: ids.count, nulls: 0.4) }
        for (row, id) in ids.enumerated() { expected[id] = features.map { $0.value(row) } }
        columns += features.map { random.noise(under: $0) }
        let batch = Batch(rowCount: ids.count, columns: columns.enumerated().map { ($0.offset, $0.element) })
        let entry = RecordEntry(
            groupID: schema.groupID, schemaVersion: schema.schemaVersion, operation: .write, batch: batch)
        try store.write(RecordBody.encode([entry]))
    }

    private func check(_ store: Store, _ expected: [Int64: [Value]]) throws {
        #expect(try store.audit().isEmpty)
        let schema = store.schema("noisy")
        for (id, values) in expected {
            for (index, value) in values.enumerated() {
                #expect(try store.get("noisy:f\(index)", id: id).0 == value, "f\(index) of \(id)")
            }
        }
        var scan = try store.offline.store.view().latest(schema, asOf: store.online.store.appliedPosition)
        var latest: [Int64: [Value]] = [:]
        while let batch = try scan.next() {
            for row in 0..<batch.rowCount { latest[batch.keys[0].int64(row)] = batch.features.map { $0.value(row) } }
        }
        #expect(latest == expected)
    }

    @Test(arguments: testSeeds)
    func bytesUnderNullsOfEveryTypeNeverCount(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let disk = MemoryStorage()
        var store = try Store(disk)
        try store.define(Self.definitions(everyType))
        var expected: [Int64: [Value]] = [:]
        for step in 0..<24 {
            try write(store, &random, step: step, expected: &expected)
            switch random.int(0...5) {
            case 0: try store.snapshot()
            case 1:
                try store.follow()
                try store.offline.flush()
            case 2: try store.offline.store.compact()
            case 3:
                try store.close()
                store = try Store(disk, now: store.now)
            default: break
            }
            if step % 6 == 5 { try check(store, expected) }
        }
        try store.close()
        store = try Store(disk, now: store.now)
        try store.offline.store.compact()
        try check(store, expected)
    }

    @Test func bytesUnderNullsDoNotCountWhereTheSchemaIsWidened() throws {
        var random = SplitMix64(seed: 4)
        let store = try Store(MemoryStorage())
        let before: [FeatureType] = [.int32, .float32, .array(.int32), .array(.float64), .vector(3)]
        try store.define(Self.definitions(before))
        var expected: [Int64: [Value]] = [:]
        for step in 0..<8 { try write(store, &random, step: step, expected: &expected) }
        try store.snapshot()
        try store.define(Self.definitions([.int64, .float64] + before.dropFirst(2) + [.array(.timestamp)]))
        expected = expected.mapValues { values in
            values.map { value in
                switch value {
                case .int32(let number): .int64(Int64(number))
                case .float32(let number): .float64(Double(number))
                default: value
                }
            } + [.null]
        }
        for step in 8..<12 { try write(store, &random, step: step, expected: &expected) }
        #expect(try store.audit().isEmpty)
        try store.offline.flush()
        try store.offline.store.compact()
        #expect(try store.audit().isEmpty)
    }
}
