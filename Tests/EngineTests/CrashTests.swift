import Catalog
import Engine
import FeatureModel
import Log
import OfflineStore
import OnlineStore
import StorageIO
import TestDisks
import TestSupport
import Testing

/// Random writes, deletes, retries, snapshots, flushes and compactions, cut off by power failures: whatever was acknowledged
/// is there once, in both stores, and they agree (P1, P3, P4, P5).
@Suite struct CrashTests {
    struct Written {
        var order: RowOrder
        var amount: Value
        var isTombstone: Bool
    }

    @Test(arguments: 0..<60)
    func acknowledgedWritesSurvivePowerCutsOnce(seed: Int) throws {
        var random = SplitMix64(seed: UInt64(seed))
        var disk = MemoryStorage()
        var store = try Store(disk)
        try store.define()
        guard case .openedProducer(let producer, let epoch) = try store.run(.openProducer) else { return }
        /// What clients were told, key by key, and how many rows in all.
        var latest: [Int64: Written] = [:]
        var rowsWritten = 0
        var sequence: UInt64 = 0
        var pending: (stamp: ProducerStamp, body: [UInt8], answer: WriteAnswer)?
        for step in 0..<80 {
            switch random.int(0...11) {
            case 0:
                try store.snapshot()
            case 1:
                try store.follow()
                try store.offline.flush()
            case 2:
                try store.follow()
                try store.offline.flush()
                try store.offline.store.compact()
            case 3:
                disk = random.chance(0.5) ? disk.crash(seed: UInt64(step)) : disk.kill()
                store = try Store(disk, now: store.now)
            case 4:
                if let pending {
                    let (again, _, isDuplicate) = try store.write(pending.body, pending.stamp)
                    #expect(again == pending.answer && isDuplicate, "seed \(seed), step \(step)")
                }
            default:
                let isDelete = random.chance(0.2)
                let count = random.int(1...4)
                var rows: [[Value]] = []
                for _ in 0..<count {
                    let id = Int64(random.int(0...9))
                    let at = 1_600_000_000_000_000 + Microseconds(random.int(0...20))
                    rows.append(
                        isDelete
                            ? [.int64(id), .timestamp(at)] : [.int64(id), .timestamp(at), .float64(Double(random.int(0...99)))])
                }
                sequence += 1
                let stamp = ProducerStamp(producer: producer, epoch: epoch, sequence: sequence)
                let body = try store.body("orders", isDelete ? .delete : .write, rows: rows)
                let (answer, _, _) = try store.write(body, stamp)
                pending = (stamp, body, answer)
                rowsWritten += count
                for (number, row) in rows.enumerated() {
                    guard case .int64(let id) = row[0], case .timestamp(let at) = row[1] else { continue }
                    let order = RowOrder(eventTime: at, position: answer.position, row: UInt32(number))
                    if let old = latest[id], old.order > order { continue }
                    latest[id] = Written(order: order, amount: isDelete ? .null : row[2], isTombstone: isDelete)
                }
            }
        }
        disk = disk.crash(seed: UInt64(seed) + 1_000)
        store = try Store(disk, now: store.now)
        for id in 0..<Int64(10) {
            let (value, status) = try store.get("orders:amount", id: id, at: 1_600_000_000_000_000)
            let expected = latest[id]
            #expect(value == (expected?.amount ?? .null), "seed \(seed), key \(id)")
            #expect((status == .notFound) == (expected?.isTombstone ?? true), "seed \(seed), key \(id)")
        }
        #expect(try store.audit().isEmpty, "seed \(seed)")
        let counted = store.offline.store.status().groups.first { $0.groupID == store.schema("orders").groupID }
        #expect(counted?.rowCount ?? 0 == rowsWritten, "seed \(seed): every row once")
        try store.close()
        #expect(try Store(disk.crash(seed: 5), now: store.now).online.store.appliedPosition > 0)
    }

    /// However often the first opens end early, the log keeps everything for the offline service that has not come yet.
    @Test func theFollowerOfTheDirectoryIsRegisteredBeforeTheFirstRecord() throws {
        let whole = FaultyStorage(MemoryStorage())
        _ = try Store(whole)
        for call in 1...whole.callCount {
            var disk = MemoryStorage()
            for _ in 0..<2 {
                _ = try? Store(FaultyStorage(disk, plan: .at(call, .crash)))
                disk = disk.kill()
            }
            let store = try Store(disk)
            #expect(try store.online.followers().map(\.name) == ["offline"], "first opens ended at call \(call)")
        }
    }
}
