import Catalog

import FeatureModel
import Log
import OfflineStore
import OnlineStore
import StorageIO
import TestDisks
import TestSupport
import Testing

@testable import Engine

/// Retention, and what a write is told of rows that are taken and not served.
@Suite struct RetentionTests {
    private static let second: Microseconds = 1_000_000
    private static let start: Microseconds = 1_700_000_000 * second
    private static let definitions = Store.definitions.replacing("max_age: 30d", with: "max_age: 30d\n    retention: 1h")

    private func store(_ disk: MemoryStorage = MemoryStorage()) throws -> Store {
        let store = try Store(disk, now: Self.start)
        try store.define(Self.definitions)
        return store
    }

    private func row(_ id: Int64, _ seconds: Int64) -> [Value] {
        [.int64(id), .timestamp(Self.start + seconds * Self.second), .float64(Double(id)), .null]
    }

    private func cutOff(_ store: Store, seconds: Int64) throws {
        #expect(store.online.cutOffDue(now: store.now, ageTime: Self.start + seconds * Self.second).isEmpty)
    }

    @Test func aStoreKeepsItsRetentionWithoutWritesAndAtItsStart() throws {
        let disk = MemoryStorage()
        let before = try store(disk)
        try before.write(before.body("orders", rows: [row(1, -1_800), row(2, 0)]))
        try before.close()
        // Open for no time at all, an hour later: nobody has written, and nobody has read.
        let after = try Store(disk, now: Self.start + 3_600 * Self.second)
        try cutOff(after, seconds: 3_600)
        #expect(try after.get("orders:amount", id: 1).1 == .notFound)
        #expect(try after.get("orders:amount", id: 2).1 != .notFound)
        #expect(try after.audit().isEmpty)
    }

    @Test func aCutoffOfAStartIsDurableAtOnceAndLeavesNoSyncBehind() throws {
        let disk = MemoryStorage()
        try store(disk).close()
        var options = Store.options
        options.durability = .interval(5_000)
        let after = try Store(disk, options: options, now: Self.start)
        try cutOff(after, seconds: 0)
        let state = after.online.state.current
        #expect(state.durablePosition == state.lastPosition && after.online.syncDue == nil)
        #expect(after.online.store.cutoff(of: after.schema("orders").groupID) != nil)
    }

    @Test func aCutoffIsAppendedWhenItIsAHundredthOverdueAndNotBefore() throws {
        let store = try store()
        #expect(store.online.dueCutoffs(now: Self.start).count == 1)
        try cutOff(store, seconds: 0)
        #expect(store.online.dueCutoffs(now: Self.start + 35 * Self.second).isEmpty)
        #expect(store.online.dueCutoffs(now: Self.start + 36 * Self.second).count == 1)
        // What was in force before a restart is so after it.
        let group = store.schema("orders").groupID
        #expect(store.online.store.cutoff(of: group) == Self.start - 3_600 * Self.second)
        try store.snapshot()
        #expect(store.online.dueCutoffs(now: Self.start + 20 * Self.second).isEmpty)
    }

    @Test func aWriteCountsItsRowsBelowTheCutoffAndARetryHearsTheSame() throws {
        let disk = MemoryStorage()
        var store = try store(disk)
        guard case .openedProducer(let producer, let epoch) = try store.run(.openProducer) else { return }
        try cutOff(store, seconds: 0)
        let body = try store.body("orders", rows: [row(1, -7_200), row(2, -3_601), row(3, -3_600), row(4, 0)])
        let stamp = ProducerStamp(producer: producer, epoch: epoch, sequence: 1)
        let first = try store.write(body, stamp).0
        #expect(first.belowCutoffCount == 2 && first.behindTombstoneCount == 0 && first.newerKeyCount == 0)
        for (id, status) in [(1, CellStatus.notFound), (2, .notFound), (3, .present), (4, .present)] as [(Int64, CellStatus)] {
            #expect(try store.get("orders:amount", id: id, at: Self.start).1 == status)
        }
        // A later cutoff changes no answer.
        try cutOff(store, seconds: 3_600)
        #expect(try store.write(body, stamp) == (first, [], true))
        try store.snapshot()
        store = try Store(disk.crash(seed: 3), now: store.now)
        #expect(try store.write(body, stamp).0 == first)
        // A delete below the cutoff is counted too.
        let deleted = try store.write(store.body("orders", .delete, rows: [[.int64(4), .timestamp(Self.start - 1)]])).0
        #expect(deleted.belowCutoffCount == 1)
        #expect(try store.audit().isEmpty)
    }

    @Test func aWriteCountsRowsBehindTheirKeysTombstone() throws {
        let disk = MemoryStorage()
        var store = try store(disk)
        guard case .openedProducer(let producer, let epoch) = try store.run(.openProducer) else { return }
        try store.write(store.body("orders", rows: (1...3).map { row($0, 10) }))
        let times = [(1, 20), (9, 30)] as [(Int64, Microseconds)]
        try store.write(
            store.body("orders", .delete, rows: times.map { [.int64($0), .timestamp(Self.start + $1 * Self.second)] }))
        // Behind its tombstone; late, but behind none; of a key that was deleted before it ever was; late.
        let body = try store.body("orders", rows: [row(1, 15), row(2, 5), row(9, 29), row(3, 1)])
        let stamp = ProducerStamp(producer: producer, epoch: epoch, sequence: 1)
        let first = try store.write(body, stamp).0
        #expect(first.behindTombstoneCount == 2 && first.belowCutoffCount == 0)
        #expect(try store.get("orders:amount", id: 9).1 == .notFound)
        // A row of the tombstone's own time is later in the log, and wins; behind it nothing is hidden by a tombstone.
        let again = try store.write(store.body("orders", rows: [row(9, 30), row(9, 29)])).0
        #expect(again.behindTombstoneCount == 0)
        #expect(try store.get("orders:amount", id: 9).1 == .present)
        try store.write(store.body("orders", .delete, rows: [[.int64(9), .timestamp(Self.start + 40 * Self.second)]]))
        let hidden = ProducerStamp(producer: producer, epoch: epoch, sequence: 2)
        let hiddenBody = try store.body("orders", rows: [row(9, 39)])
        let second = try store.write(hiddenBody, hidden).0
        #expect(second.behindTombstoneCount == 1)
        // In history it is.
        try store.follow()
        #expect(store.offline.store.status().groups.first { $0.groupID == store.schema("orders").groupID }?.rowCount == 13)
        try store.snapshot()
        store = try Store(disk.crash(seed: 3), now: store.now)
        #expect(try store.write(body, stamp).0 == first)
        #expect(try store.write(hiddenBody, hidden).0 == second)
        #expect(try store.audit().isEmpty)
    }

    @Test func aStaticTableIsBehindADeleteOfTheSameWriteOnly() throws {
        let store = try store()
        let write = try store.entry("profile", rows: [[.int64(1), .array([])]])
        let delete = try store.entry("profile", .delete, rows: [[.int64(1)]])
        #expect(try store.write(RecordBody.encode([write, delete])).0.behindTombstoneCount == 1)
        #expect(try store.write(RecordBody.encode([write])).0.behindTombstoneCount == 0)
        #expect(try store.write(RecordBody.encode([delete, write])).0.behindTombstoneCount == 0)
    }

    @Test func bothEnginesKeepTheSameAnswers() throws {
        for seed in testSeeds {
            var random = SplitMix64(seed: seed)
            let store = try store()
            guard case .openedProducer(let producer, let epoch) = try store.run(.openProducer) else { return }
            for step in 1...60 {
                let isDelete = random.chance(0.3)
                let rows = (0..<random.int(1...4)).map { _ -> [Value] in
                    let whole = row(Int64(random.int(0...5)), Int64(random.int(-5_000...200)))
                    return isDelete ? Array(whole.prefix(2)) : whole
                }
                let body = try store.body("orders", isDelete ? .delete : .write, rows: rows)
                try store.write(body, ProducerStamp(producer: producer, epoch: epoch, sequence: UInt64(step)))
                if random.chance(0.1) { try cutOff(store, seconds: Int64(step) * 20) }
                if random.chance(0.2) {
                    try store.follow()
                    try store.offline.flush()
                }
            }
            try store.follow()
            try store.offline.flush()
            let kept = try ReplicaState(decoding: store.offline.store.extra[...])
            let online = store.online.replica.state
            #expect(kept.sessions == online.sessions && kept.tombstones == online.tombstones)
        }
    }

    @Test func aDeleteOfAnOlderStateCountsWhateverIsKeptBeforeTheFirstWriteBehindIt() throws {
        var disk = MemoryStorage()
        var store = try store(disk)
        try store.write(store.body("orders", rows: [row(1, 10)]))
        try store.write(store.body("orders", .delete, rows: [[.int64(1), .timestamp(Self.start + 20 * Self.second)]]))
        // As an older version left it.
        store.online.replica.state.tombstones = NewestTombstones()
        store.online.replica.state.tombstones.isFromBefore = true
        for _ in 0..<2 {
            try store.snapshot()
            try store.online.close()
            disk = disk.crash(seed: 3)
            store = try Store(disk, now: store.now)
            #expect(store.online.replica.state.tombstones.isFromBefore)
            #expect(store.online.replica.state.encode() == store.online.store.recoveredExtra)
        }
        for seconds in [15, 16] as [Int64] {
            #expect(try store.write(store.body("orders", rows: [row(1, seconds)])).0.behindTombstoneCount == 1)
            try store.snapshot()
            try store.online.close()
            disk = disk.crash(seed: 3)
            store = try Store(disk, now: store.now)
            #expect(!store.online.replica.state.tombstones.isFromBefore)
        }
    }

    @Test func aDeleteOfAnOlderStateMayBeAsFarAheadAsItsGroupEverAllowed() throws {
        let store = try store()
        for ahead in ["2h", "1m"] {
            try store.define(Store.definitions.replacing("max_age: 30d", with: "max_age: 30d\n    ahead: \(ahead)"))
        }
        var state = store.online.replica.state
        state.tombstones.isFromBefore = true
        state.noteDeletes(of: AppliedRecord(position: 9, ingestTime: Self.start, .nothing))
        #expect(state.tombstones.times == [store.schema("orders").groupID: Self.start + 7_200 * Self.second])
    }

    @Test func aStateOfFormat2LooksUpKeysAsIfAnyOfThemWereDeleted() throws {
        let store = try store()
        try store.write(store.body("orders", .delete, rows: [[.int64(1), .timestamp(Self.start)]]))
        // Format 2: the catalog's history, no gap, nothing of deletes, no session.
        let history = store.online.replica.state.catalog.encodeHistory()
        var bytes: [UInt8] = []
        bytes.append(littleEndian: UInt32(2))
        bytes.append(littleEndian: UInt32(history.count))
        bytes += history
        for _ in 0..<2 { bytes.append(littleEndian: UInt32(0)) }
        var older = try ReplicaState(decoding: bytes[...])
        #expect(older.catalog.encodeHistory() == history)
        for state in [older, try ReplicaState(decoding: older.encode()[...])] {
            #expect(state.tombstones.times.isEmpty && state.tombstones.isFromBefore)
        }
        let entry = try store.entry("orders", rows: [row(2, 0)])
        let record = AppliedRecord(
            position: 9, ingestTime: Self.start,
            .rows([AppliedEntry(schema: store.schema("orders"), operation: .write, batch: entry.batch, firstRow: 0)]))
        older.noteDeletes(of: record)
        #expect(older.tombstones.newest(store.schema("orders"), in: record)! > Self.start)
        #expect(try ReplicaState(decoding: older.encode()[...]).tombstones == older.tombstones)
    }
}
