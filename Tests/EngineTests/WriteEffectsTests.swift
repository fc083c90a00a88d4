import FeatureModel
import Log
import OfflineStore
import StorageIO
import TestDisks
import TestSupport
import Testing

@testable import Engine

/// What a write's rows met is the same wherever the log is folded, record by record or many records at once.
@Suite struct WriteEffectsTests {
    private static let time: Microseconds = 1_699_000_000_000_000

    /// Writes and deletes of few keys, early and late, in two groups, with cutoffs and new definitions in between.
    ///
    /// - Returns: what the writers were answered, by sequence.
    private func write(_ count: Int, to store: Store, _ random: inout SplitMix64) throws -> [UInt64: WriteAnswer] {
        guard case .openedProducer(let producer, let epoch) = try store.run(.openProducer) else { return [:] }
        var answers: [UInt64: WriteAnswer] = [:]
        for sequence in 1...UInt64(count) {
            if random.chance(0.02) {
                let least = Self.time + Microseconds(random.int(0...400))
                _ = try store.run(.cutoff(RetentionCutoff(groupID: store.schema("orders").groupID, cutoff: least)))
            }
            if random.chance(0.01) { try store.define() }
            let stamp = ProducerStamp(producer: producer, epoch: epoch, sequence: sequence)
            answers[sequence] = try store.write(body(store, &random), stamp).0
        }
        return answers
    }

    private func body(_ store: Store, _ random: inout SplitMix64) throws -> [UInt8] {
        let keys = (0..<random.int(1...3)).map { _ in Value.int64(Int64(random.int(0...40))) }
        let isDelete = random.chance(0.3)
        if random.chance(0.3) {
            let rows = keys.map { isDelete ? [$0] : [$0, .array([.string("t")])] }
            return try store.body("profile", isDelete ? .delete : .write, rows: rows)
        }
        let rows = keys.map { key in
            let time = Value.timestamp(Self.time + Microseconds(random.int(0...1_000)))
            return isDelete ? [key, time] : [key, time, .float64(1), .string("n")]
        }
        return try store.body("orders", isDelete ? .delete : .write, rows: rows)
    }

    private func fold(_ records: [[Record]]) throws -> Replica<OfflineStore> {
        let store = try OfflineStore(
            dataDirectory: "other", logID: Store.logID.bytes, storage: MemoryStorage(), options: OfflineOptions())
        let replica = try Replica(store, kept: store.extra)
        for (number, part) in records.enumerated() {
            try replica.apply(part)
            if number % 7 == 3 { try store.flush(extra: replica.state.encode()) }
        }
        return replica
    }

    @Test(arguments: 0..<8) func effectsThatAreAskedTogetherAreThoseThatTheWriterWasTold(round: Int) throws {
        let seed = UInt64(round) + 1_000
        var random = SplitMix64(seed: seed)
        let disk = MemoryStorage()
        let store = try Store(disk)
        try store.define()
        let answers = try write(300, to: store, &random)
        let all = try FileLog(in: "data", disk).openReader().read(after: 0, limitBytes: 16 << 20)
        let alone = try fold(all.map { [$0] })
        var parts: [[Record]] = []
        var rest = all[...]
        while !rest.isEmpty {
            let count = random.int(1...60)
            parts.append(Array(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        let together = try fold(parts)
        #expect(together.appliedPosition == alone.appliedPosition && alone.appliedPosition > 300)
        #expect(together.state.encode() == alone.state.encode(), "seed \(seed)")
        let session = try #require(together.state.sessions.sessions.values.first)
        #expect(session.entries.count == answers.count)
        for (sequence, entry) in session.entries.all {
            #expect(entry.answer == answers[sequence], "seed \(seed), write \(sequence)")
        }
        #expect(answers.values.contains { $0.behindTombstoneCount > 0 } && answers.values.contains { $0.newerKeyCount ?? 0 > 0 })
        try store.close()
    }
}
