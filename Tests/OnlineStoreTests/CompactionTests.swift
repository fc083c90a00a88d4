import FeatureModel
import OnlineStore
import StorageIO
import TestDisks
import Testing
@testable import OnlineStore

/// Superseded rows: kept while a reader needs them, and no longer.
struct CompactionTests {
    private let schema = GroupSchema(
        groupID: 1, schemaVersion: 1, keys: [Field("id", .int64)], eventTimeName: "t", features: [Field("f", .vector(64))])

    private func record(_ position: Position) -> AppliedRecord {
        let vector = try! Column(.vector(64), [.vector((0..<64).map { Float($0) + Float(position) })])
        return AppliedRecord(
            position: position, ingestTime: 1,
            .rows([
                AppliedEntry(
                    schema: schema, operation: .write,
                    batch: Batch(rowCount: 1, columns: [(0, int64s([7])), (1, timestamps([Int64(position)])), (2, vector)]),
                    firstRow: 0)
            ]))
    }

    private func firstElement(_ view: OnlineReadView) throws -> [Float] {
        var found: [Float] = []
        try view.forEachBatch(of: 1) { batch throws(HeadwaterError) in
            if case .vector(let elements) = batch.features[0].value(0) { found.append(elements[0]) }
        }
        return found
    }

    @Test func hotKeyTakesBoundedMemoryAndPinnedViewsKeepTheirVersions() throws {
        let store = try openStore(MemoryStorage())
        var views: [OnlineReadView] = [store.view()]
        for position: Position in 1...5_000 {
            store.apply(record(position))
            if [1, 2, 2_500, 4_999].contains(position) { views.append(store.view()) }
        }
        views.append(store.view())
        #expect(try views.map(firstElement) == [[], [1], [2], [2_500], [4_999], [5_000]])
        #expect(store.memoryBytes < 400)
        #expect(store.statisticsAtMost[1]?.rows == 1)
        // 5000 rows of 336 bytes would be 1.6 MB.
        #expect(arenaBytes(store) < 300 << 10)
        views.removeAll()
        for position: Position in 5_001...6_000 { store.apply(record(position)) }
        #expect(arenaBytes(store) < 150 << 10)
        #expect(try firstElement(store.view()) == [6_000])
    }

    private func arenaBytes(_ store: OnlineStore) -> Int {
        store.pin().maps.live.arenaBytes
    }

    /// While a stripe grows or is compacted, what readers have of it is whole.
    @Test func growthAndCompactionPauseWithTheOldSlotsWhole() {
        let keyCount = 4_000
        var table = StripeTable(number: Stripes.count - 1, seed: 0)
        var given: [UInt] = []
        let keys = EncodedKeys(1, [int64s((0..<Int64(keyCount)).map { Optional($0) })], rowCount: keyCount, seed: 0)
        var (growing, compacting) = (0, 0)
        for position: Position in 1...10 {
            for key in 0..<keyCount {
                var row = RowBuffer()
                row.build(
                    keys: keys, row: key, order: RowOrder(eventTime: Int64(position), position: position, row: UInt32(key)),
                    schemaVersion: 1, features: nil)
                let (slots, count) = (table.slots, table.count)
                let outcome = table.upsert(
                    row, isForced: false, needed: { [] },
                    pause: {
                        if position == 1 { growing += 1 } else { compacting += 1 }
                        #expect(StripeRun(slots, at: position, seed: 0).count == count)
                    }, given: &given)
                if position > 1, case .inserted = outcome { Issue.record("key \(key) was lost") }
            }
        }
        #expect(StripeRun(table.slots, at: .max, seed: 0).count == keyCount)
        // From 8 slots to 8,192, of which each 512 are a step; compactions walk over all of them and the rows too.
        #expect(growing == 1 + 2 + 4 + 8 && compacting >= 8_192 / 512)
        MapMemory.free(given)
    }

    @Test func compactionKeepsJustTheNeededVersions() {
        var table = StripeTable(number: Stripes.count - 1, seed: 0)
        var given: [UInt] = []
        let keys = EncodedKeys(1, [int64s([7])], rowCount: 1, seed: 0)
        for position: Position in 1...10 {
            var row = RowBuffer()
            row.build(
                keys: keys, row: 0, order: RowOrder(eventTime: Int64(position), position: position * 10, row: 0),
                schemaVersion: 1,
                features: nil)
            _ = table.upsert(row, isForced: false, needed: { [] }, pause: {}, given: &given)
        }
        let rowBytes = table.arenaBytes / 10
        #expect(given.isEmpty)
        table.compact(needed: [1_000, 75, 72, 30, 29, 5], pause: {}, given: &given)
        #expect(table.arenaBytes == 4 * rowBytes)  // 100, 70, 30, 20
        #expect(table.supersededBytes == 3 * rowBytes)
        for (visible, seen): (Position, Position) in [(1_000, 100), (100, 100), (75, 70), (72, 70), (30, 30), (29, 20)] {
            let run = StripeRun(table.slots, at: visible, seed: 0)
            var row = RowBuffer()
            run.load(0, into: &row)
            #expect(row.header.order.position == seen)
        }
        #expect(StripeRun(table.slots, at: 5, seed: 0).count == 0)
        table.compact(needed: [], pause: {}, given: &given)
        #expect(table.arenaBytes == rowBytes)
        #expect(table.supersededBytes == 0)
        #expect(!given.isEmpty)
        MapMemory.free(given)
    }

    @Test func lateRowInOneMapLosesToANewerOneInAnother() throws {
        let store = try openStore(MemoryStorage())
        store.apply(writing(1, [(7, 100, 1)]))
        try store.snapshot()
        store.apply(writing(2, [(7, 50, 2)]))
        _ = store.beginSnapshot()
        store.apply(writing(3, [(7, 60, 3)]))
        #expect(store.frozenCount == 1)
        #expect(try store.cell(7) == .present(1))
        store.apply(writing(4, [(7, 100, 4)]))
        #expect(try store.cell(7) == .present(4))
        try store.snapshot()
        #expect(try store.cell(7) == .present(4))
        #expect(store.frozenCount == 0)
    }
}
