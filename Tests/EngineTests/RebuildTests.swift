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

/// The online store = a snapshot + the log after it, or, if the snapshot is lost, the history.
@Suite struct RebuildTests {
    private static let time: Microseconds = 1_600_000_000_000_000

    private static var options: OnlineOptions {
        var options = OnlineOptions()
        options.log = LogOptions(segmentBytes: 4_096, reserveAhead: 64)
        return options
    }

    /// A store with a life behind it, whose log no longer reaches back to 1.
    private struct Life {
        let disk: MemoryStorage
        var store: Store
        var retries: [(stamp: ProducerStamp, body: [UInt8], answer: WriteAnswer)] = []

        init(seed: Int, disk: MemoryStorage = MemoryStorage()) throws {
            var random = SplitMix64(seed: UInt64(seed))
            self.disk = disk
            store = try Store(disk, options: RebuildTests.options)
            try store.define()
            var sessions: [(UInt64, UInt32)] = []
            for _ in 0..<3 {
                if case .openedProducer(let producer, let epoch) = try store.run(.openProducer) {
                    sessions.append((producer, epoch))
                }
            }
            for step in 0..<150 {
                if step == 70 {
                    let more = "      - {name: note, type: string}"
                    try store.define(
                        Store.definitions.replacing(more, with: more + "\n      - {name: extra, type: int64}"))
                }
                if step == 90 {
                    let cutoff = RetentionCutoff(groupID: store.schema("orders").groupID, cutoff: RebuildTests.time + 8)
                    _ = try store.run(.cutoff(cutoff))
                }
                try write(step, sessions[random.int(0...2)], &random)
                if step % 25 == 24 || step == 120 {
                    try store.follow()
                    try store.offline.flush()
                    let name = OnlineEngine.localFollowerName
                    try store.online.register(follower: name, position: store.offline.store.durablePosition)
                    if random.chance(0.3) { try store.offline.store.compact() }
                    try store.snapshot()
                }
            }
        }

        private mutating func write(_ step: Int, _ session: (UInt64, UInt32), _ random: inout SplitMix64) throws {
            let isDelete = random.chance(0.25)
            let isStatic = random.chance(0.2)
            let rows = (0..<random.int(1...5)).map { _ -> [Value] in
                let id = Value.int64(Int64(random.int(0...15)))
                if isStatic { return isDelete ? [id] : [id, .array([.string(ByteString("s\(step)"))])] }
                let at = Value.timestamp(RebuildTests.time + Microseconds(random.int(0...20)))
                return isDelete
                    ? [id, at] : [id, at, .float64(Double(step)), random.chance(0.3) ? .null : .string(ByteString("n\(step)"))]
            }
            let body = try store.body(isStatic ? "profile" : "orders", isDelete ? .delete : .write, rows: rows)
            let stamp = ProducerStamp(producer: session.0, epoch: session.1, sequence: UInt64(step + 1))
            retries.append((stamp, body, try store.write(body, stamp).0))
        }

        /// Every latest row, tombstones too.
        func rows(of store: Store) throws -> [String] {
            let cut = store.online.store.view()
            var lines: [String] = []
            for group in store.online.state.catalog.allGroups {
                try cut.forEachBatch(of: group.id, schema: group.newestSchema) { batch in
                    for row in 0..<batch.rowCount {
                        let features = batch.features.map { $0.value(row) }
                        lines.append(
                            "\(group.id) \(batch.keys.map { $0.value(row) }) \(batch.orders[row]) "
                                + "\(batch.tombstones[row]) \(features)")
                    }
                }
                lines.append("\(group.id): \(group.newestSchema.schemaVersion), cutoff \(cut.cutoff(of: group.id) ?? 0)")
            }
            return lines.sorted()
        }

        /// The disk after a kill, without the online snapshots.
        func losingSnapshots(_ disk: MemoryStorage) throws -> MemoryStorage {
            let disk = disk.kill()
            for name in try disk.list("data/online") where name.hasPrefix("snapshot-") { try disk.remove("data/online/" + name) }
            return disk
        }
    }

    @Test(arguments: 0..<20)
    func aLostSnapshotIsMadeAnewFromTheHistoryAndEqualsTheOldStore(seed: Int) throws {
        let life = try Life(seed: seed)
        #expect(try life.store.online.trimLog() == () && life.store.online.logRetention.oldestPosition > 1)
        let before = try life.rows(of: life.store)
        let store = try Store(life.losingSnapshots(life.disk), options: Self.options, now: life.store.now)
        #expect(try life.rows(of: store) == before, "seed \(seed)")
        #expect(try store.audit().isEmpty, "seed \(seed)")
        for (stamp, body, answer) in life.retries {
            let (again, _, isDuplicate) = try store.write(body, stamp)
            #expect(again == answer && isDuplicate, "seed \(seed), sequence \(stamp.sequence)")
        }
        let (stamp, body, _) = life.retries[0]
        var other = body
        other[other.count - 1] ^= 1
        let refused = refusal { try store.write(other, stamp) }
        #expect(refused?.code == .alreadyExists || refused?.code == .invalidArgument)
        // A row that the cutoff hides stays hidden, one that is written late too.
        try store.write(
            store.body(
                "orders", rows: [[.int64(77), .timestamp(Self.time + 7), .float64(1), .null]]))
        #expect(try store.get("orders:amount", id: 77, at: Self.time).1 == .notFound)
        // And once more, from the snapshot that was made.
        let again = try Store(life.disk.kill(), options: Self.options, now: store.now)
        #expect(try again.audit().isEmpty)
    }

    @Test func aDamagedSnapshotIsReportedAndMadeAnew() throws {
        let life = try Life(seed: 1)
        let before = try life.rows(of: life.store)
        for offset in [0, 20, 5_000, -1, -30] {
            let disk = life.disk.kill()
            let name = try #require(try disk.list("data/online").last { $0.hasPrefix("snapshot-") })
            let file = try disk.open("data/online/" + name, .readWrite)
            let at = offset < 0 ? try file.size() + offset : offset
            let byte = try file.read(at: at, count: 1)[0]
            try file.write([byte ^ 64], at: at)
            var notices: [String] = []
            do throws(HeadwaterError) {
                let engine = try OnlineEngine.open(
                    storage: disk, dataDirectory: "data", options: Self.options, newLogID: Store.logID, seed: 1,
                    now: life.store.now, notice: { notices.append($0) })
                if notices.isEmpty {
                    // The damage lies in rows: whoever reads them hears of it.
                    #expect(refusal { try engine.store.verifySnapshot() }?.code == .dataLoss)
                }
                for notice in notices { #expect(notice.contains("data/online/snapshot-") && notice.contains("history")) }
                try engine.close()
            } catch { Issue.record("offset \(offset): \(error)") }
            if notices.isEmpty { continue }
            let store = try Store(disk.kill(), options: Self.options, now: life.store.now)
            #expect(try life.rows(of: store) == before, "offset \(offset)")
        }
    }

    @Test func aCrashAtAnyCallOfTheRebuildIsSurvived() throws {
        let life = try Life(seed: 2)
        let before = try life.rows(of: life.store)
        func open(_ storage: any Storage) throws {
            var options = Self.options
            // So small that parts of the store are spilled on the way.
            options.snapshotMemoryBytes = 1_500
            _ = try OnlineEngine.open(
                storage: storage, dataDirectory: "data", options: options, newLogID: Store.logID, seed: 1, now: life.store.now)
        }
        let start = try life.losingSnapshots(life.disk)
        let counting = FaultyStorage(start.kill())
        try open(counting)
        var crashes = 0
        for call in counting.calls where call.number % 3 == 0 || call.kind == .rename || call.kind == .syncDirectory {
            let disk = try life.losingSnapshots(Life(seed: 2).disk)
            try? open(FaultyStorage(disk, plan: .at(call.number, .crash)))
            let after = disk.crash(seed: UInt64(call.number))
            let store = try Store(after, options: Self.options, now: life.store.now)
            #expect(try life.rows(of: store) == before, "call \(call.number)")
            crashes += 1
        }
        print("rebuild: \(counting.callCount) calls, \(crashes) crashes, each ended equal")
    }

    @Test func withoutAHistoryTheRefusalSaysWhatToDo() throws {
        let life = try Life(seed: 3)
        let disk = try life.losingSnapshots(life.disk)
        for name in try disk.list("data/offline") { try disk.remove("data/offline/" + name) }
        let error = refusal { try Store(disk, options: Self.options) }
        #expect(error?.code == .dataLoss && error?.message.contains("restore") == true)
    }

    @Test func aDamagedSnapshotNeedsNoHistoryWhileTheLogHoldsEverything() throws {
        let disk = MemoryStorage()
        let store = try Store(disk)
        try store.define()
        try store.write(store.body("orders", rows: [[.int64(7), .timestamp(Self.time), .float64(42), .null]]))
        try store.snapshot()
        try store.online.close()
        store.offline.close()
        for name in try disk.list("data/offline") { try disk.remove("data/offline/" + name) }
        let name = try #require(try disk.list("data/online").first { $0.hasPrefix("snapshot-") })
        let file = try disk.open("data/online/" + name, .readWrite)
        try file.write([try file.read(at: 0, count: 1)[0] ^ 64], at: 0)
        let again = try Store(disk.kill(), now: store.now)
        #expect(again.online.logRetention.oldestPosition == 1)
        #expect(try again.get("orders:amount", id: 7, at: Self.time).0 == .float64(42))
        try again.snapshot()
        #expect(try again.audit().isEmpty)
    }

    @Test func aHistoryInUseIsNotTouched() throws {
        let life = try Life(seed: 4)
        let disk = try life.losingSnapshots(life.disk)
        let history = try OfflineStore(dataDirectory: "data", logID: nil, storage: disk)
        let error = refusal { try Store(disk, options: Self.options) }
        #expect(error?.message.contains("stop the offline service") == true)
        history.close()
        #expect(try life.rows(of: Store(disk, options: Self.options, now: life.store.now)) == life.rows(of: life.store))
    }
}
