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

@Suite struct WritePathTests {
    let time: Microseconds = 1_700_000_000_000_000

    func order(_ id: Int64, _ at: Microseconds, _ amount: Double?) -> [Value] {
        [.int64(id), .timestamp(at), amount.map { .float64($0) } ?? .null, .string("n")]
    }

    @Test func aWriteIsReadBackOnlineAndOffline() throws {
        let store = try Store(MemoryStorage())
        try store.define()
        try store.write(store.body("orders", rows: [order(1, time, 2.5), order(2, time, nil)]))
        #expect(try store.get("orders:amount", id: 1) == (.float64(2.5), .present))
        #expect(try store.get("orders:amount", id: 2) == (.null, .nullValue))
        #expect(try store.get("orders:amount", id: 3) == (.null, .notFound))
        #expect(try store.get("orders:amount", id: nil) == (.null, .notFound))
        #expect(try store.get("orders:amount", id: 1, at: time + 30 * 86_400_000_000) == (.float64(2.5), .present))
        #expect(try store.get("orders:amount", id: 1, at: time + 30 * 86_400_000_000 + 1) == (.null, .outsideMaxAge))
        #expect(try store.audit().isEmpty)
    }

    @Test func positionsRiseAndCommandsOfOneGroupAreAnsweredEach() throws {
        let store = try Store(MemoryStorage())
        try store.define()
        var positions: [Position] = []
        for id in 0..<20 { positions.append(try store.write(store.body("orders", rows: [order(Int64(id), time, 1)])).0.position) }
        #expect(positions == positions.sorted() && Set(positions).count == 20)
        let write = try CheckedWrite(
            body: store.body("orders", rows: [order(1, time, 9)])[...], stamp: .none, catalog: store.online.state.catalog,
            now: time)
        for token in 1...5 { store.online.submit(.write(write), token: Token(token)) }
        let completions = store.online.runQueue { time }
        #expect(completions.map(\.token) == [1, 2, 3, 4, 5])
    }

    @Test func aRetryHearsTheFirstAnswerAndIsAppliedOnce() throws {
        let disk = MemoryStorage()
        var store = try Store(disk)
        try store.define()
        guard case .openedProducer(let producer, let epoch) = try store.run(.openProducer) else { return }
        let stamp = ProducerStamp(producer: producer, epoch: epoch, sequence: 1)
        let body = try store.body("orders", rows: [order(1, time, 1)])
        let (first, _, _) = try store.write(body, stamp)
        let (again, _, isDuplicate) = try store.write(body, stamp)
        #expect(again == first && isDuplicate)
        #expect(refusal { try store.write(store.body("orders", rows: [order(1, time, 2)]), stamp) }?.code == .alreadyExists)
        let unknown = ProducerStamp(producer: 999, epoch: 1, sequence: 1)
        #expect(refusal { try store.write(body, unknown) }?.code == .failedPrecondition)

        try store.snapshot()
        store = try Store(disk.crash(seed: 1), now: store.now)
        let (afterSnapshot, _, _) = try store.write(body, stamp)
        #expect(afterSnapshot == first)
        try store.follow()
        #expect(store.offline.store.status().groups.first { $0.groupID == store.schema("orders").groupID }?.rowCount == 1)
    }

    @Test func aRetryOfADeleteListsTheSameNewerRowsHoweverTheStoreCameBack() throws {
        let disk = MemoryStorage()
        var store = try Store(disk)
        try store.define()
        guard case .openedProducer(let producer, let epoch) = try store.run(.openProducer) else { return }
        let stamp = ProducerStamp(producer: producer, epoch: epoch, sequence: 1)
        try store.write(store.body("orders", rows: (0..<100).map { order($0, $0 < 10 ? time : time + 100, 1) }))
        let body = try store.body("orders", .delete, rows: (0..<100).map { [.int64($0), .timestamp(time + 50)] })
        let (first, listed, _) = try store.write(body, stamp)
        #expect(first.newerKeyCount == 90 && listed == (10..<74).map { UInt32($0) })
        func expectTheSame(_ what: String) throws {
            let (again, _, isDuplicate) = try store.write(body, stamp)
            #expect(again == first && isDuplicate, "\(what)")
        }
        try expectTheSame("at once")
        store = try Store(disk.kill(), now: store.now)
        try expectTheSame("from the log")
        try store.snapshot()
        try store.follow()
        try store.offline.flush()
        let last = disk.kill()
        store = try Store(last, now: store.now)
        try expectTheSame("from the snapshot")
        let lost = last.kill()
        for name in try lost.list("data/online") where name.hasPrefix("snapshot-") { try lost.remove("data/online/" + name) }
        store = try Store(lost, now: store.now)
        try expectTheSame("without the snapshot")
    }

    @Test func anAnswerThatDamageKeptFromBeingKnownIsAnErrorEachTimeAndStillAppliedOnce() throws {
        let disk = MemoryStorage()
        var store = try Store(disk)
        try store.define()
        guard case .openedProducer(let producer, let epoch) = try store.run(.openProducer) else { return }
        let stamp = ProducerStamp(producer: producer, epoch: epoch, sequence: 1)
        try store.write(store.body("orders", rows: (0..<200).map { order($0, time + 100, 1) }))
        try store.snapshot()
        try store.follow()
        try store.offline.flush()
        // The snapshot's directory of keys, and the chunk's first page: its keys.
        let damaged = disk.kill()
        try flipABit(damaged, "data/online", "snapshot-", at: 4_100)
        try flipABit(damaged, "data/offline", "chunk-", at: 110)
        store = try Store(damaged, now: store.now)
        let body = try store.body("orders", .delete, rows: [[.int64(7), .timestamp(time + 50)]])
        let write = try CheckedWrite(body: body[...], stamp: stamp, catalog: store.online.state.catalog, now: time)
        for attempt in 1...3 {
            let error = refusal { try store.run(.write(write)) }
            #expect(error?.code == .dataLoss && error?.message.contains("the write is taken") == true, "attempt \(attempt)")
        }
        var notices: [HeadwaterError] = []
        let reader = try FileLog(in: "data", damaged).openReader()
        let records = try reader.read(after: store.offline.store.appliedPosition, limitBytes: 1 << 20)
        try store.offline.apply(records) { notices.append($0) }
        #expect(notices.map(\.code) == [.dataLoss])
        #expect(store.offline.state.failure == nil)
    }

    private func flipABit(_ disk: MemoryStorage, _ directory: String, _ prefix: String, at offset: Int) throws {
        for name in try disk.list(directory) where name.hasPrefix(prefix) {
            let file = try disk.open(directory + "/" + name, .readWrite)
            defer { file.close() }
            try file.write([try file.read(at: offset, count: 1)[0] ^ 1], at: offset)
        }
    }

    @Test func retriesInsideOneGroupAreAppliedOnce() throws {
        let store = try Store(MemoryStorage())
        try store.define()
        guard case .openedProducer(let producer, let epoch) = try store.run(.openProducer) else { return }
        let write = try CheckedWrite(
            body: store.body("orders", rows: [order(1, time, 1)])[...],
            stamp: ProducerStamp(producer: producer, epoch: epoch, sequence: 1), catalog: store.online.state.catalog, now: time)
        for token in 1...3 { store.online.submit(.write(write), token: Token(token)) }
        let answers = store.online.runQueue { time }.compactMap { completion -> WriteAnswer? in
            if case .written(let answer, _) = completion.outcome { answer } else { nil }
        }
        #expect(answers.count == 3 && Set(answers).count == 1)
    }

    @Test func definitionsInOneQueueWithWritesApplyInOrder() throws {
        let store = try Store(MemoryStorage())
        try store.define()
        let write = try CheckedWrite(
            body: store.body("orders", rows: [order(1, time, 1)])[...], stamp: .none, catalog: store.online.state.catalog,
            now: time)
        let evolved = Store.definitions.replacing(
            "{name: note, type: string}", with: "{name: note, type: string}\n      - {name: more, type: int32}")
        store.online.submit(.write(write), token: 1)
        store.online.submit(.define(try DefinitionsFile.load(text: evolved, fileName: "f").definitions), token: 2)
        store.online.submit(.write(write), token: 3)
        let completions = store.online.runQueue { time }
        #expect(completions.count == 3)
        for completion in completions { if case .failed(let error) = completion.outcome { Issue.record("\(error)") } }
        #expect(store.schema("orders").schemaVersion == 2)
        #expect(try store.get("orders:more", id: 1) == (.null, .nullValue))
        #expect(try store.audit().isEmpty)
    }

    @Test func deletesHideAndReportKeysWithNewerRows() throws {
        let store = try Store(MemoryStorage())
        try store.define()
        try store.write(store.body("orders", rows: [order(1, time, 1), order(2, time + 100, 2)]))
        let (answer, newer, _) = try store.write(
            store.body("orders", .delete, rows: [[.int64(1), .timestamp(time + 50)], [.int64(2), .timestamp(time + 50)]]))
        #expect(answer.newerKeyCount == 1 && newer == [1])
        #expect(try store.get("orders:amount", id: 1).1 == .notFound)
        #expect(try store.get("orders:amount", id: 2).1 == .present)
        // A late row older than the tombstone stays hidden.
        try store.write(store.body("orders", rows: [order(1, time + 10, 3)]))
        #expect(try store.get("orders:amount", id: 1).1 == .notFound)
        // Without an event time a delete counts from its ingest time.
        try store.write(store.body("orders", .delete, rows: [[.int64(2)]]))
        #expect(try store.get("orders:amount", id: 2).1 == .notFound)
        #expect(try store.audit().isEmpty)
    }

    @Test func retentionHidesInBothStoresFromItsPositionOn() throws {
        let store = try Store(MemoryStorage())
        try store.define()
        try store.write(store.body("orders", rows: [order(1, time, 1), order(2, time + 100, 2)]))
        _ = try store.run(.cutoff(RetentionCutoff(groupID: store.schema("orders").groupID, cutoff: time + 50)))
        try store.write(store.body("orders", rows: [order(3, time + 10, 3)]))
        #expect(try store.get("orders:amount", id: 1).1 == .notFound)
        #expect(try store.get("orders:amount", id: 2).1 == .present)
        #expect(try store.get("orders:amount", id: 3).1 == .notFound)
        #expect(try store.audit().isEmpty)
        try store.snapshot()
        try store.offline.flush()
        try store.offline.store.compact()
        #expect(try store.audit().isEmpty)
    }

    @Test func aFailedSyncEndsAcknowledgementsForGood() throws {
        let disk = FaultyStorage(MemoryStorage())
        let store = try Store(disk)
        try store.define()
        disk.setPlan(.every(.sync, .error(.unavailable)))
        let body = try store.body("orders", rows: [order(1, time, 1)])
        #expect(refusal { try store.write(body) }?.code == .unavailable)
        disk.setPlan(.never)
        #expect(refusal { try store.write(body) }?.code == .unavailable)
        #expect(store.online.state.current.failure != nil)
        #expect(try store.get("orders:amount", id: 1).1 == .notFound)
    }

    @Test func aLogOverItsLimitRefusesWritesAndNamesTheFollower() throws {
        var options = Store.options
        options.logBytesMax = 200 << 10
        let store = try Store(MemoryStorage(), options: options)
        try store.define()
        let rows = (0..<400).map { order(Int64($0), time, 1) }
        var refused: HeadwaterError?
        for _ in 0..<50 where refused == nil {
            refused = refusal { try store.write(store.body("orders", rows: rows)) }
            try store.online.trimLog()
        }
        #expect(refused?.code == .resourceExhausted && refused?.message.contains("'offline'") == true)
        _ = try store.online.forgetFollower(named: "offline")
        try store.snapshot()
        try store.write(store.body("orders", rows: rows))
    }
}
