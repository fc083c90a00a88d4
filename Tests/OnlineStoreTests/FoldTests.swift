import FeatureModel
import OnlineStore
import StorageIO
import TestDisks
import TestSupport
import Testing

/// The store against the dictionary: random schemas of all types, late rows, ties, deletes, cutoffs, max_age, schema changes.
struct FoldTests {
    @Test(arguments: testSeeds)
    func readsEqualTheFoldOfTheRecords(seed: UInt64) throws {
        var world = try World(seed: seed)
        for step in 1...300 {
            world.step()
            if step % 10 == 0 { try world.check() }
        }
        try world.check(world.store.view(), world.oracle)
    }

    @Test(arguments: testSeeds)
    func readsEqualTheFoldWithSnapshotsAtAnyMoment(seed: UInt64) throws {
        var world = try World(seed: seed)
        var cut: OnlineReadView?
        var snapshots = 0
        for _ in 1...400 {
            world.step()
            switch world.random.int(0...19) {
            case 0: _ = world.store.beginSnapshot()  // one that is never written
            case 1: cut = world.store.beginSnapshot()
            case 2, 3:
                guard let begun = cut else { break }
                try world.store.adopt(world.store.writeSnapshot(begun, extra: world.extra(at: begun.position)))
                snapshots += 1
                cut = nil
            case 4:
                try world.reopen()
                cut = nil
            default: break
            }
            if world.random.chance(0.2) { try world.check() }
            if world.random.chance(0.03) { try world.check(world.store.view(), world.oracle) }
        }
        #expect(snapshots > 3)
        try world.check()
        try world.snapshot()
        #expect(world.store.frozenCount == 0)
        #expect(world.store.memoryBytes == 0)
        try world.store.verifySnapshot()
        #expect(try world.storage.list("online").count == 2)  // the snapshot and the lock
        try world.reopen()
        try world.check(world.store.view(), world.oracle)
    }

    @Test(arguments: testSeeds)
    func cutsAndViewsStayAsTheyWere(seed: UInt64) throws {
        var world = try World(seed: seed)
        var kept: [(view: OnlineReadView, oracle: Oracle)] = []
        for step in 1...200 {
            world.step()
            if step % 15 == 0 { kept.append((world.store.view(), world.oracle)) }
            if step % 40 == 0 { kept.append((world.store.beginSnapshot(), world.oracle)) }
            if step % 70 == 0 { try world.snapshot() }
            if world.random.chance(0.1) { _ = kept.popLast() }
        }
        for (view, oracle) in kept { try world.check(view, oracle) }
    }

    @Test func manyKeysGrowTheTableAndTheDirectory() throws {
        var world = try World(seed: 7, groupCount: 1, keyCount: 1)
        let schema = GroupSchema(
            groupID: 9, schemaVersion: 1, keys: [Field("id", .int64)], eventTimeName: "t", features: [Field("f", .int64)])
        let count = 20_000
        let ids = try Column(.int64, (0..<count).map { .int64(Int64($0)) })
        let times = try Column(.timestamp, (0..<count).map { .timestamp(Int64($0)) })
        let record = AppliedRecord(
            position: 1, ingestTime: 1,
            .rows([
                AppliedEntry(
                    schema: schema, operation: .write, batch: Batch(rowCount: count, columns: [(0, ids), (1, times), (2, ids)]),
                    firstRow: 0)
            ]))
        world.store.apply(record)
        let query = OnlineQuery(
            groupID: 9, features: [Lookup.Feature(ordinal: 2, type: .int64)], maxAge: nil, keyColumns: [ids])
        for _ in 1...2 {
            let result = try world.store.get(query, now: 0)
            #expect(result.columns[0].data == ids.data)
            #expect(result.eventTimes.data == times.data)
            #expect(world.store.statisticsAtMost[9]?.rows == count)
            try world.snapshot()
        }
    }
}
