import FeatureModel
import Foundation
import OnlineStore
import StorageIO
import TestDisks
import TestSupport
import Testing

/// A snapshot that fails leaves the store as it was; one that a crash interrupts leaves the one before it.
struct SnapshotFailureTests {
    /// Calls of one snapshot, from `beginSnapshot` to the end of `adopt`.
    private func callsOfOneSnapshot() throws -> Int {
        let storage = FaultyStorage(MemoryStorage())
        let store = try openStore(storage)
        store.apply(writing(1, [(1, 10, 1)]))
        try store.snapshot()
        store.apply(writing(2, [(2, 10, 2)]))
        let before = storage.callCount
        try store.snapshot()
        return storage.callCount - before
    }

    /// A process that is killed between the snapshot's rename and the sync of the directory
    /// leaves one that the next owner opens, and behind which the log is let go of.
    @Test func theSnapshotThatAnOpenFindsOutlivesAPowerCut() throws {
        let disk = MemoryStorage()
        let storage = FaultyStorage(disk)
        let store = try openStore(storage)
        store.apply(writing(1, [(1, 10, 1)]))
        try store.snapshot()
        store.apply(writing(2, [(2, 10, 2)]))
        storage.setPlan(FaultPlan { $0.kind == .rename ? .crashAfterwards : nil })
        #expect(refusal { try store.snapshot() } != nil)
        let killed = disk.kill()
        #expect(try openStore(killed).snapshotPosition == 2)
        let cut = killed.crash(seed: 1, directoryChanges: .lost)
        #expect(try openStore(cut).snapshotPosition == 2)
    }

    @Test(arguments: [Fault.error(.unavailable), .errorAfterwards(.unavailable), .diskFull, .shortWrite(count: 100)])
    func storeGoesOnAfterAnyFailedCall(fault: Fault) throws {
        let calls = try callsOfOneSnapshot()
        #expect(calls > 10)
        for call in 1...calls {
            let memory = MemoryStorage()
            let storage = FaultyStorage(memory)
            let store = try openStore(storage)
            store.apply(writing(1, [(1, 10, 1), (3, 10, 1)]))
            try store.snapshot()
            store.apply(writing(2, [(2, 10, 2), (3, 11, 2)]))
            storage.setPlan(.at(storage.callCount + call, fault))
            // A temporary that cannot be removed fails the snapshot too; only the best-effort clean-up may go unseen.
            let error = refusal { try store.snapshot() }
            #expect(error != nil, "call \(call)")
            storage.setPlan(.never)
            func check() throws {
                let cells = try [1, 2, 3, 4].map { try store.cell($0) }
                #expect(cells == [.present(1), .present(2), .present(2), .notFound])
            }
            try check()
            store.apply(writing(3, [(4, 10, 4)]))
            store.apply(deleting(4, ids: [4], at: 11))
            try check()
            try store.snapshot(extra: [1])
            try check()
            #expect(store.frozenCount == 0)
            let reopened = try openStore(memory.kill())
            #expect(reopened.appliedPosition == 4)
            let cells = try [1, 2, 3, 4].map { try reopened.cell($0) }
            #expect(cells == [.present(1), .present(2), .present(2), .notFound])
        }
    }

    @Test func fullDiskKeepsTheStoreAndItsOldSnapshot() throws {
        let storage = MemoryStorage()
        let store = try openStore(storage)
        store.apply(writing(1, (0..<500).map { ($0, 10, $0) }))
        try store.snapshot()
        for position: Position in 2...5 {
            store.apply(writing(position, (0..<500).map { ($0 * 2, Int64(position) * 10, $0) }))
            storage.setCapacity(bytes: 100_000)
            #expect(refusal { try store.snapshot() }?.code == .resourceExhausted)
            #expect(store.frozenCount == Int(position) - 1)
            #expect(try storage.list("online") == ["lock", "snapshot-00000000000000000001.hws"])
            #expect(try store.cell(998) == .present(499))
            #expect(try store.cell(499) == .present(499))
        }
        storage.setCapacity(bytes: 1 << 30)
        try store.snapshot()
        #expect(store.frozenCount == 0)
        #expect(try storage.list("online") == ["lock", "snapshot-00000000000000000005.hws"])
        #expect(try store.cell(998) == .present(499))
        #expect(try store.cell(499) == .present(499))
    }

    @Test(arguments: testSeeds)
    func powerCutAtAnyCallLeavesOneWholeSnapshot(seed: UInt64) throws {
        for call in 1...(try callsOfOneSnapshot()) {
            let memory = MemoryStorage()
            let storage = FaultyStorage(memory)
            let store = try openStore(storage)
            store.apply(writing(1, [(1, 10, 1)]))
            try store.snapshot(extra: [1])
            store.apply(writing(2, [(1, 11, 2)]))
            storage.setPlan(.at(storage.callCount + call, seed % 2 == 0 ? .crash : .crashAfterwards))
            #expect(refusal { try store.snapshot(extra: [2]) } != nil)
            let after = memory.crash(seed: seed &+ UInt64(call), sectors: .random, directoryChanges: .random)
            let reopened = try openStore(after)
            let position = reopened.appliedPosition
            #expect(position == 1 || position == 2)
            #expect(reopened.recoveredExtra == [UInt8(position)])
            #expect(try reopened.cell(1) == .present(Int64(position)))
            try reopened.verifySnapshot()
            reopened.apply(writing(2, [(1, 11, 2)]))
            try reopened.snapshot(extra: [2])
            #expect(try reopened.cell(1) == .present(2))
            #expect(try after.list("online") == ["lock", "snapshot-00000000000000000002.hws"])
        }
    }

    @Test func olderSnapshotIsNotAdoptedOverANewerOne() throws {
        let store = try openStore(MemoryStorage())
        store.apply(writing(1, [(1, 10, 1)]))
        let first = try store.writeSnapshot(store.beginSnapshot(), extra: [])
        store.apply(writing(2, [(1, 11, 2)]))
        let second = try store.writeSnapshot(store.beginSnapshot(), extra: [])
        try store.adopt(second)
        try store.adopt(first)
        #expect(store.snapshotPosition == 2)
        #expect(store.frozenCount == 0)
        #expect(try store.cell(1) == .present(2))
    }

    @Test func snapshotOfAnEmptyStoreAndTwiceAtOnePosition() throws {
        let storage = MemoryStorage()
        let store = try openStore(storage)
        try store.snapshot(extra: [7])
        #expect(try store.cell(1) == .notFound)
        store.apply(writing(1, [(1, 10, 1)]))
        try store.snapshot(extra: [8])
        try store.snapshot(extra: [9])
        #expect(try store.cell(1) == .present(1))
        let reopened = try openStore(storage.kill())
        #expect(reopened.recoveredExtra == [9])
        #expect(try reopened.cell(1) == .present(1))
    }

    @Test func storeLivesOnARealDisk() throws {
        let directory = FileManager.default.temporaryDirectory.path + "/online-\(UInt64.random(in: .min ... .max))"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        for round: Position in 1...3 {
            let store = try OnlineStore.open(RealStorage(), directory: directory + "/online", seed: 1, logID: logID)
            #expect(store.appliedPosition == round - 1)
            store.apply(writing(round, (0..<1_000).map { ($0, Int64(round), $0 + Int64(round)) }))
            try store.snapshot()
            #expect(try store.cell(999) == .present(999 + Int64(round)))
            try store.verifySnapshot()
            store.close()
        }
        let reader = try OnlineStore.open(
            RealStorage(), directory: directory + "/online", seed: 1, logID: logID, access: .reader)
        #expect(try reader.cell(0) == .present(3))
    }

    @Test func damageInTheOldSnapshotStopsTheNextOne() throws {
        let storage = MemoryStorage()
        var store = try openStore(storage)
        store.apply(writing(1, (0..<300).map { ($0, 10, $0) }))
        try store.snapshot()
        let path = "online/snapshot-00000000000000000001.hws"
        let size = try storage.readAll(path).count
        let file = try storage.open(path, .readWrite)
        try file.write([0xAA], at: size / 2)
        store = try openStore(storage.kill())
        store.apply(writing(2, [(1, 11, 1)]))
        #expect(refusal { try store.snapshot() }?.code == .dataLoss)
        #expect(store.snapshotPosition == 1)
    }
}
