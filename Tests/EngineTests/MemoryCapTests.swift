import Engine
import FeatureModel
import OnlineStore
import StorageIO
import TestDisks
import TestSupport
import Testing

/// The cap on the memory of online rows: refused at the door, never in the fold, and nothing is evicted.
@Suite struct MemoryCapTests {
    private let time: Microseconds = 1_700_000_000_000_000

    private func rows(_ ids: Range<Int64>) -> [[Value]] {
        ids.map { [.int64($0), .timestamp(time), .float64(1), .string("a note that takes some room in memory")] }
    }

    private func filled(_ most: Int) throws -> (store: Store, disk: MemoryStorage, taken: Int64) {
        let disk = MemoryStorage()
        var options = Store.options
        options.memoryBytesMax = most
        let store = try Store(disk, options: options)
        try store.define()
        var taken: Int64 = 0
        while true {
            let error = refusal { try store.write(store.body("orders", rows: rows(taken..<taken + 100))) }
            guard let error else {
                taken += 100
                continue
            }
            #expect(error.code == .resourceExhausted && error.message.contains("--memory-bytes-max"), "\(error)")
            return (store, disk, taken)
        }
    }

    @Test func aWriteOverTheCapIsRefusedAndNothingOfItIsWritten() throws {
        let (store, disk, taken) = try filled(1 << 20)
        #expect(taken > 1_000 && store.online.store.residentBytes <= 1 << 20)
        let position = store.online.store.appliedPosition
        #expect(refusal { try store.write(store.body("orders", rows: rows(taken..<taken + 100))) }?.code == .resourceExhausted)
        #expect(store.online.store.appliedPosition == position)
        // What was there is served, and what is smaller than the room that is left is taken.
        #expect(try store.get("orders:amount", id: 0) == (.float64(1), .present))
        #expect(try store.get("orders:amount", id: taken).1 == .notFound)
        // A server with a lower cap, or none, starts all the same: a fold refuses nothing.
        var options = Store.options
        options.memoryBytesMax = 1 << 10
        let again = try Store(disk.kill(), options: options, now: store.now)
        #expect(try again.get("orders:amount", id: taken - 1) == (.float64(1), .present))
        #expect(refusal { try again.write(again.body("orders", rows: rows(0..<1))) }?.code == .resourceExhausted)
    }

    @Test func deletesAreTakenAndMakeRoomAtTheNextSnapshot() throws {
        let (store, _, taken) = try filled(1 << 20)
        let keys = (0..<taken).map { [Value.int64($0), .timestamp(time + 1)] }
        for start in stride(from: 0, to: keys.count, by: 500) {
            let body = try store.body("orders", .delete, rows: Array(keys[start..<min(start + 500, keys.count)]))
            if refusal({ try store.write(body) }) == nil { continue }
            // Superseded rows take memory until a snapshot, which a server takes by itself by now.
            #expect(store.online.isSnapshotDue)
            try store.snapshot()
            try store.write(body)
        }
        try store.snapshot()
        try store.write(store.body("orders", rows: rows(taken..<taken + 100)))
        #expect(try store.get("orders:amount", id: taken) == (.float64(1), .present))
    }
}
