import FeatureModel
import Foundation
import StorageIO
import TestDisks
import TestSupport
import Testing

@testable import OnlineStore

/// The scrub of a snapshot, and what a view that is held for long costs.
@Suite struct ScrubTests {
    private let schema = GroupSchema(
        groupID: 1, schemaVersion: 1, keys: [Field("id", .int64)], eventTimeName: "at", features: [Field("v", .int64)])

    private func record(_ position: Position, ids: Range<Int64>) throws -> AppliedRecord {
        let columns = try [
            Column(.int64, ids.map { .int64($0) }), Column(.timestamp, ids.map { .timestamp(Int64(position) * 1_000 + $0) }),
            Column(.int64, ids.map { .int64($0 * Int64(position)) }),
        ]
        let batch = Batch(rowCount: ids.count, columns: columns.enumerated().map { ($0.offset, $0.element) })
        let entry = AppliedEntry(schema: schema, operation: .write, batch: batch, firstRow: 0)
        return AppliedRecord(position: position, ingestTime: 1, .rows([entry]))
    }

    private func get(_ store: OnlineStore, _ ids: Range<Int64>) throws(HeadwaterError) -> OnlineResult {
        let keys = try Column(.int64, ids.map { .int64($0) })
        return try store.get(
            OnlineQuery(
                groupID: 1, features: [Lookup.Feature(ordinal: 2, type: .int64)], maxAge: nil, keyColumns: [keys],
                rowCount: ids.count), now: 0)
    }

    private func snapshot(_ store: OnlineStore) throws {
        try store.adopt(store.writeSnapshot(store.beginSnapshot(), extra: []))
    }

    @Test func aBlockThatRotsAfterItsFirstTouchIsFoundAndNeverServedAgain() throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("scrub-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let storage = RealStorage()
        try storage.createDirectory(directory)
        let store = try OnlineStore.open(storage, directory: directory, seed: 1, logID: Array(0..<16))
        defer { store.close() }
        try store.apply(record(1, ids: 0..<5_000))
        try snapshot(store)
        // Every block is touched, and found right.
        #expect(try get(store, 0..<5_000).rowStatuses[17] == .present)
        var bytes = 0
        var rows = 0
        var damage: [HeadwaterError] = []
        func scrub() throws(HeadwaterError) {
            (bytes, rows, damage) = (0, 0, [])
            try store.verifySnapshot { step in
                switch step {
                case .checked(let more, let moreRows): (bytes, rows) = (bytes + more, rows + moreRows)
                case .damaged(let error): damage.append(error)
                }
            }
        }
        try scrub()
        #expect(rows == 5_000 && bytes > 5_000 * 56 && damage.isEmpty)
        let path = try #require(try storage.list(directory).first { $0.hasPrefix("snapshot-") }.map { "\(directory)/\($0)" })
        let file = try storage.open(path, .readWrite)
        defer { file.close() }
        // Two blocks of rows rot in place, behind their first touch.
        let places = [20 * 4_096 + 77, 30 * 4_096 + 1]
        for place in places { try file.write([try file.read(at: place, count: 1)[0] ^ 0x10], at: place) }
        try scrub()
        #expect(damage.map(\.location) == places.map { "\(path):\($0 / 4_096 * 4_096)" })
        #expect(refusal { try get(store, 0..<5_000) }?.code == .dataLoss)
        var served = 0
        for id in 0..<Int64(5_000) {
            guard let found = try? get(store, id..<id + 1) else { continue }
            served += 1
            #expect(found.columns[0].int64(0) == id)
        }
        #expect(served > 4_500 && served < 5_000)
    }

    @Test func aViewThatIsHeldCostsNoMoreThanItsMapsTwiceHoweverMuchIsWritten() throws {
        let store = try OnlineStore.open(MemoryStorage(), directory: "online", seed: 1, logID: Array(0..<16))
        try store.apply(record(1, ids: 0..<4_000))
        let view = store.view()
        let first = view.maps.live
        let before = first.arenaBytes
        for position in 2..<200 { try store.apply(record(Position(position), ids: 0..<4_000)) }
        print("\(before) bytes at the cut; after 198 rounds over every key \(first.arenaBytes)")
        // A version at the cut, a newest one, and as many again before
        // a compaction, which no stripe makes for less than its least.
        let floor = Stripes.count * 2 * StripeTable.compactionBytesMin
        #expect(first.arenaBytes <= 4 * before + floor && 4 * before + floor < 198 * before)
        // Snapshots go on; what is written after one is not the view's.
        try snapshot(store)
        let atSnapshot = first.arenaBytes
        for position in 200..<300 { try store.apply(record(Position(position), ids: 0..<4_000)) }
        try snapshot(store)
        #expect(first.arenaBytes == atSnapshot && store.frozenCount == 0 && store.snapshotPosition == 299)
        var rows = 0
        try view.forEachRow { row in
            rows += 1
            #expect(row.order.position == 1)
        }
        #expect(rows == 4_000 && view.position == 1)
    }
}
