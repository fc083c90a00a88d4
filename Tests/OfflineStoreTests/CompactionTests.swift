import FeatureModel
import OfflineStore
import StorageIO
import Testing

@Suite struct CompactionTests {
    private func filled(_ storage: any Storage, runs: Int, rows: Int, _ options: OfflineOptions) throws -> OfflineStore {
        let store = try openStore(storage, options: options)
        var random = SplitMix64(seed: 3)
        for position in 1...runs {
            store.apply(
                Weather.write(
                    Position(position),
                    (0..<rows).map { _ in (Int64(random.below(50)), Int64(random.below(1_000)), Double(random.below(9))) }))
            try store.flush()
        }
        return store
    }

    @Test func memoryIsBoundedByBlocksAndNotByRows() throws {
        var options = OfflineOptions()
        options.blockRowsMax = 16
        let store = try filled(MemoryStorage(), runs: 4, rows: 800, options)
        let before = try transcript(store.view(), Weather.schema)
        let job = try #require(try store.beginCompaction())
        job.run()
        try store.finishCompaction(job)
        // 200 blocks go in; one a run is open, and one a run may wait to be written.
        #expect(job.blocksHeldMax <= 4 * 2)
        #expect(try transcript(store.view(), Weather.schema) == before)
        #expect(store.status().groups[0].runsByLevel == [0, 1])
    }

    @Test func outputsAreSplitAndOldFilesGo() throws {
        var options = OfflineOptions()
        options.blockRowsMax = 16
        options.chunkBytesTarget = 4_000
        let storage = MemoryStorage()
        let store = try filled(storage, runs: 9, rows: 100, options)
        let pinned = store.view()
        let before = try transcript(pinned, Weather.schema)
        var jobs = 0
        while let job = try store.beginCompaction() {
            #expect(try store.beginCompaction() == nil, "one at a time")
            job.run()
            try store.finishCompaction(job)
            jobs += 1
        }
        #expect(jobs == 1 && store.compactionCandidates().isEmpty)
        try store.compact()
        let group = store.status().groups[0]
        #expect(group.runsByLevel == [0, 1] && group.chunksByLevel[1] > 1)
        #expect(try storage.list("data/offline").count == group.chunksByLevel[1] + 2)
        #expect(try transcript(store.view(), Weather.schema) == before)
        #expect(try transcript(pinned, Weather.schema) == before)
        #expect(try store.verifyAll().rowCount == 900)
    }

    @Test func levelsGrowAsRunsComeIn() throws {
        let store = try filled(MemoryStorage(), runs: 1, rows: 3, OfflineOptions())
        for position in 2...16 {
            store.apply(Weather.write(Position(position), [(1, Int64(position), 1)]))
            try store.flush()
            while let job = try store.beginCompaction() {
                job.run()
                try store.finishCompaction(job)
            }
        }
        #expect(store.status().groups[0].runsByLevel == [0, 0, 1])
    }

    @Test func aCancelledOrDamagedCompactionChangesNothing() throws {
        let storage = MemoryStorage()
        let store = try filled(storage, runs: 4, rows: 10, OfflineOptions())
        let files = try storage.list("data/offline")
        let job = try #require(try store.beginCompaction())
        job.run(isCancelled: { true })
        #expect { try store.finishCompaction(job) } throws: { ($0 as? HeadwaterError)?.code == .cancelled }
        #expect(try storage.list("data/offline") == files)
        #expect(store.compactionCandidates().count == 1)
    }

    @Test func aCutoffThatIsNotDurableRemovesNothing() throws {
        let storage = MemoryStorage()
        let store = try filled(storage, runs: 4, rows: 10, OfflineOptions())
        store.apply(Weather.cutoff(9, .max))
        try store.compact()
        #expect(store.status().groups[0].rowCount == 40 && store.status().oldestAsOf == 0)
        try store.flush()
        try store.compact()
        #expect(store.status().groups.isEmpty && store.status().oldestAsOf == 9)
        store.close()
        let again = try openStore(storage)
        again.apply(Weather.write(10, [(1, 5, 1)]))
        #expect(again.status().oldestAsOf == 9)
        #expect(try transcript(again.view(), Weather.schema).isEmpty, "a late row stays hidden")
    }

    @Test func aRunThatRetentionMostlyHidesIsRewrittenAlone() throws {
        let store = try openStore(MemoryStorage())
        store.apply(Weather.write(1, (0..<100).map { ($0, $0, 1) }))
        store.apply(Weather.cutoff(2, 40))
        try store.flush()
        #expect(store.compactionCandidates().isEmpty, "less than half is hidden")
        store.apply(Weather.cutoff(3, 60))
        #expect(store.compactionCandidates().isEmpty, "the cutoff is not durable")
        try store.flush()
        let before = try transcript(store.view(), Weather.schema)
        let job = try #require(try store.beginCompaction())
        job.run()
        try store.finishCompaction(job)
        let status = store.status()
        #expect(status.groups[0].rowCount == 40 && status.groups[0].runsByLevel == [1] && status.oldestAsOf == 3)
        #expect(store.compactionCandidates().isEmpty)
        #expect(try transcript(store.view(), Weather.schema) == before)
    }
}
