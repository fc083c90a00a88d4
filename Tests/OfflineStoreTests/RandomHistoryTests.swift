import FeatureModel
import OfflineStore
import StorageIO
import TestDisks
import TestSupport
import Testing

/// Random histories over all types, read in every state of the store, against an oracle that walks plain arrays.
@Suite struct RandomHistoryTests {
    static let seedsPerRange = 125

    @Test(arguments: 0..<8)
    func readsEqualTheOracleInEveryStateOfTheStore(range: Int) throws {
        for seed in range * Self.seedsPerRange..<(range + 1) * Self.seedsPerRange {
            do { try check(seed: UInt64(seed)) } catch { Issue.record("seed \(seed): \(error)") }
        }
    }

    private func check(seed: UInt64) throws {
        var random = SplitMix64(seed: seed ^ 0xABCD)
        let history = RandomHistory(seed: seed, recordCount: 4 + random.below(7))
        var oracle = Oracle()
        for record in history.records { oracle.apply(record) }
        func checks(_ state: String) -> StoreChecks {
            StoreChecks(history: history, oracle: oracle, label: "seed \(seed), \(state)")
        }
        let options = tinyOptions(&random)

        let whole = try openStore(MemoryStorage(), options: options)
        for record in history.records { whole.apply(record) }
        try checks("memory").check(whole.view(), &random)
        let job = try #require(try whole.beginFlush(extra: [1, 2]))
        try checks("frozen").check(whole.view(), &random)
        job.run()
        try whole.finishFlush(job)
        #expect(whole.memoryBytes == 0)
        try checks("chunks").check(whole.view(), &random)
        try whole.compact(executor: .threads)
        try checks("one run").check(whole.view(), &random)

        try checkMixed(history, options, checks, &random)
    }

    /// Flushes, compactions and restarts between the records.
    private func checkMixed(
        _ history: RandomHistory, _ options: OfflineOptions, _ checks: (String) -> StoreChecks, _ random: inout SplitMix64
    ) throws {
        let storage = MemoryStorage()
        var store = try openStore(storage, options: options)
        var flush: FlushJob?
        for record in history.records {
            store.apply(record)
            if let job = flush, random.chance(50) {
                try store.finishFlush(job)
                flush = nil
            } else if flush == nil, random.chance(50) {
                flush = try store.beginFlush()
                flush?.run(executor: random.chance(30) ? .threads : .serial)
            }
            if random.chance(40), let job = try store.beginCompaction() {
                job.run(executor: random.chance(30) ? .threads : .serial)
                try store.finishCompaction(job)
            }
            if flush == nil, random.chance(10) {
                store.close()
                store = try openStore(storage, options: options)
                for earlier in history.records where earlier.position <= record.position { store.apply(earlier) }
            }
        }
        let pinned = store.view()
        try checks("mixed").check(pinned, &random)
        if let flush { try store.finishFlush(flush) }
        try store.flush()
        while let job = try store.beginCompaction() {
            job.run()
            try store.finishCompaction(job)
        }
        try checks("mixed, pinned view").check(pinned, &random)
        try checks("mixed, levels").check(store.view(), &random)
        store.close()
        let reader = try openStore(storage, options: options, readOnly: true)
        try checks("read-only").check(reader.view(), &random)
        _ = try reader.verifyAll()
    }
}
