import FeatureModel
@testable import OfflineStore
import StorageIO
import TestDisks
import TestSupport
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
        // 200 blocks go in; one a run is open, one a run may wait to be written, and of
        // the rows of two steps of eight blocks each all may be of blocks of their own.
        #expect(job.blocksHeldMax <= 4 * 2 + 2 * 8)
        #expect(try transcript(store.view(), Weather.schema) == before)
        #expect(store.status().groups[0].runsByLevel == [0, 1])
    }

    /// It may be set when the store is open.
    @Test(arguments: [(room: 1, jobs: 11), (14, 11), (40, 2), (70, 1)], [false, true])
    func memoryIsBoundedByASetting(_ bound: (room: Int, jobs: Int), isSetLater: Bool) throws {
        let (room, jobs) = bound
        var options = OfflineOptions()
        options.blockRowsMax = 16
        // What a block takes at most, of one number beside what orders rows, and a key of eight bytes; and one for each thread.
        let bytes = (room + ParallelExecutor.threads.size) * 16 * (8 + 96 + 8)
        if !isSetLater { options.mergeBytesMax = bytes }
        let store = try filled(MemoryStorage(), runs: 12, rows: 400, options)
        store.mergeBytesMax = bytes
        let before = try transcript(store.view(), Weather.schema)
        var done = 0
        var isWhole = false
        while !isWhole {
            let job = try #require(try store.beginWholeCompaction(Weather.schema.groupID))
            job.run(executor: .threads)
            isWhole = try store.finishCompaction(job)
            done += 1
            // Two runs are merged in any case, a block a step.
            #expect(job.blocksHeldMax <= max(room + room / 8, 14))
            #expect(try transcript(store.view(), Weather.schema) == before)
        }
        #expect(done == jobs)
        #expect(try store.beginWholeCompaction(Weather.schema.groupID) == nil)
    }

    @Test func blocksAreCutByWhatTheyTakeInMemory() throws {
        var options = OfflineOptions()
        options.blockBytesMax = 64 << 10
        let store = try openStore(MemoryStorage(), options: options)
        // Texts of 1,000 bytes that are the same are next to nothing in a chunk.
        let notes = try Column(.string, Array(repeating: .string(ByteString(Array(repeating: 97, count: 1_000))), count: 10_000))
        for position in 1...4 {
            let batch = try Batch(
                rowCount: 10_000,
                columns: [
                    (0, Column(.int64, (0..<10_000).map { .int64($0) })),
                    (1, Column(.timestamp, (0..<10_000).map { _ in .timestamp(Int64(position)) })), (2, notes),
                ])
            let entry = AppliedEntry(schema: Self.notes, operation: .write, batch: batch, firstRow: 0)
            store.apply(AppliedRecord(position: Position(position), ingestTime: 0, .rows([entry])))
            try store.flush()
        }
        try store.compact()
        guard case .chunks(let chunks) = store.view().runs(Self.notes.groupID)[0] else { return #expect(Bool(false)) }
        let sizes = try chunks.flatMap { try $0.layout().directory.blocks.map(\.rowCount) }
        #expect(sizes.reduce(0, +) == 40_000)
        // The first steps are made before it is seen what rows take: of two blocks, and of four.
        #expect(sizes.count > 40 && sizes.dropFirst(6).allSatisfy { $0 <= 64 }, "\(sizes)")
    }

    private static let notes = GroupSchema(
        groupID: 4, schemaVersion: 1, keys: [Field("item", .int64)], eventTimeName: "t", features: [Field("note", .string)])

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
        #expect(store.status().groups.map(\.rowCount) == [0] && store.status().groups[0].oldestAsOf == 9)
        #expect(store.status().oldestAsOf == 9)
        store.close()
        let again = try openStore(storage)
        again.apply(Weather.write(10, [(1, 5, 1)]))
        #expect(again.status().oldestAsOf == 9)
        #expect(try transcript(again.view(), Weather.schema).isEmpty, "a late row stays hidden")
    }

    @Test func retentionOfOneGroupEndsEarlierReadsOfThatGroupAlone() throws {
        let other = GroupSchema(
            groupID: 4, schemaVersion: 1, keys: Weather.schema.keys, eventTimeName: "t", features: Weather.schema.features)
        let storage = MemoryStorage()
        let store = try openStore(storage)
        let write = Weather.write(1, [(1, 10, 1)])
        let entry = AppliedEntry(schema: other, operation: .write, batch: write.entries[0].batch, firstRow: 0)
        store.apply(write)
        store.apply(AppliedRecord(position: 2, ingestTime: 0, .rows([entry])))
        store.apply(Weather.cutoff(3, 50))
        try store.flush()
        try store.compact()
        func check(_ store: OfflineStore) throws {
            let view = store.view()
            #expect(view.oldestAsOf == 3 && view.oldestAsOf(of: 3) == 3 && view.oldestAsOf(of: 4) == 0)
            #expect(try transcript(view, other, asOf: 2).count == 1)
            #expect { _ = try transcript(view, Weather.schema, asOf: 2) } throws: {
                ($0 as? HeadwaterError)?.code == .outOfRange
            }
        }
        try check(store)
        // A flush takes the cutoffs from memory: those that no read can see do not come back.
        store.apply(Weather.cutoff(4, 60))
        store.apply(Weather.write(5, [(1, 70, 1)]))
        try store.flush()
        try check(store)
        store.close()
        try check(try openStore(storage))
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
