import FeatureModel
import OfflineStore
import StorageIO
import TestDisks
import TestSupport
import Testing

/// Every call to the disk fails once, in every way, while a store flushes and compacts.
@Suite struct CrashTests {
    private static let history = RandomHistory(seed: 11, recordCount: 8)

    private static var options: OfflineOptions {
        var options = OfflineOptions()
        options.blockRowsMax = 4
        options.chunkBytesTarget = 1_200
        options.runsPerLevelMax = 2
        return options
    }

    /// A process that is killed between the manifest's rename and the sync of the
    /// directory leaves one that the next owner reads: what that one calls durable is.
    @Test func whatAnOpenCallsDurableOutlivesAPowerCut() throws {
        let disk = MemoryStorage()
        let storage = FaultyStorage(disk)
        let store = try openStore(storage, options: Self.options)
        for record in Self.history.records.prefix(2) { store.apply(record) }
        try store.flush()
        for record in Self.history.records.prefix(4) { store.apply(record) }
        storage.setPlan(FaultPlan { $0.kind == .rename ? .crashAfterwards : nil })
        #expect(throws: HeadwaterError.self) { try store.flush() }
        let killed = disk.kill()
        let position = try openStore(killed, options: Self.options).durablePosition
        #expect(position == Self.history.records[3].position)
        let cut = killed.crash(seed: 1, directoryChanges: .lost)
        #expect(try openStore(cut, options: Self.options).durablePosition == position)
    }

    private struct Run {
        var store: OfflineStore?
        /// The last position that a flush has promised.
        var promised: Position = 0
        var error: HeadwaterError?
    }

    /// Flushes after every second record, compacts whenever it can, and merges all at the end. Goes on behind errors.
    private func run(_ storage: any Storage) -> Run {
        var run = Run()
        do { run.store = try openStore(storage, options: Self.options) } catch {
            run.error = error
            return run
        }
        let store = run.store!
        func attempt(_ step: () throws(HeadwaterError) -> Void) { do { try step() } catch { run.error = error } }
        for (index, record) in Self.history.records.enumerated() {
            store.apply(record)
            guard index % 2 == 1 else { continue }
            attempt { () throws(HeadwaterError) in
                try store.flush(extra: [UInt8(record.position)])
                run.promised = store.durablePosition
            }
            attempt { () throws(HeadwaterError) in
                while let job = try store.beginCompaction() {
                    job.run()
                    try store.finishCompaction(job)
                }
            }
        }
        attempt { () throws(HeadwaterError) in try store.compact() }
        return run
    }

    private func check(_ store: OfflineStore, _ label: String) throws {
        var oracle = Oracle()
        for record in Self.history.records where record.position <= store.appliedPosition { oracle.apply(record) }
        var random = SplitMix64(seed: 5)
        let checks = StoreChecks(history: Self.history, oracle: oracle, label: label)
        for _ in 0..<2 { try checks.check(store.view(), &random) }
    }

    /// Opens what a crash left: it is a prefix that holds all promises, and the rest of the log leads to the same end.
    private func recover(_ storage: MemoryStorage, _ run: Run, _ label: String) throws {
        let store = try openStore(storage, options: Self.options)
        #expect(store.durablePosition >= run.promised, "\(label)")
        #expect(store.extra == (store.durablePosition == 0 ? [] : [UInt8(store.durablePosition)]), "\(label)")
        try check(store, label + ", recovered")
        _ = try store.verifyAll()
        let files = try storage.list("data/offline")
        let chunks = store.status().groups.reduce(0) { $0 + $1.chunksByLevel.reduce(0, +) }
        #expect(files.count == chunks + 2, "\(label): orphans among \(files)")
        for record in Self.history.records { store.apply(record) }
        try check(store, label + ", replayed")
        try store.flush()
        try store.compact()
        try check(store, label + ", compacted")
    }

    private func calls() throws -> [IOCall] {
        let faulty = FaultyStorage(MemoryStorage())
        let whole = run(faulty)
        #expect(whole.error == nil)
        #expect(faulty.calls.contains { $0.kind == .remove }, "the scenario compacts")
        return faulty.calls
    }

    @Test func aPowerCutAtAnyCallLeavesAPrefixThatHoldsAllPromises() throws {
        for call in try calls() {
            let number = call.number
            for fault in [Fault.crash, .crashAfterwards] where fault == .crash || call.kind.changesDisk {
                let memory = MemoryStorage()
                let run = run(FaultyStorage(memory, plan: .at(number, fault)))
                let fate: CrashFate = number % 3 == 0 ? .lost : .random
                let after = memory.crash(seed: UInt64(number), sectors: fate, directoryChanges: fate)
                do { try recover(after, run, "\(fault) at \(number)") } catch { Issue.record("\(fault) at \(number): \(error)") }
            }
        }
    }

    @Test func anErrorAtAnyCallIsReportedAndNothingIsLost() throws {
        for call in try calls() {
            let number = call.number
            let ofWrites: [Fault] = call.kind == .write ? [.shortWrite(count: 5), .diskFull] : []
            for fault in [Fault.error(.unavailable), .errorAfterwards(.unavailable)] + ofWrites {
                let memory = MemoryStorage()
                let run = run(FaultyStorage(memory, plan: .at(number, fault)))
                let label = "\(fault) at \(number)"
                do {
                    if let store = run.store { try check(store, label + ", same process") }
                    try recover(memory.kill(), run, label)
                } catch { Issue.record("\(label): \(error)") }
            }
        }
    }

    @Test func aFailedCommitStopsWritingAndReadsGoOn() throws {
        let faulty = FaultyStorage(MemoryStorage())
        let store = try openStore(faulty)
        store.apply(Weather.write(1, [(1, 1, 1)]))
        faulty.setPlan(.at(1, ofKind: .rename, .errorAfterwards(.unavailable)))
        #expect(throws: HeadwaterError.self) { try store.flush() }
        faulty.setPlan(.never)
        #expect(throws: HeadwaterError.self) { try store.flush() }
        #expect(store.status().failure != nil)
        #expect(try transcript(store.view(), Weather.schema).count == 1)
    }

    @Test func aFullDiskIsSurvivedOnceThereIsSpaceAgain() throws {
        let memory = MemoryStorage()
        let store = try openStore(memory)
        store.apply(Weather.write(1, [(1, 1, 1)]))
        memory.setCapacity(bytes: 0)
        #expect { try store.flush() } throws: { ($0 as? HeadwaterError)?.code == .resourceExhausted }
        store.apply(Weather.write(2, [(2, 1, 1)]))
        #expect(try transcript(store.view(), Weather.schema).count == 2)
        memory.setCapacity(bytes: 1 << 30)
        try store.flush()
        #expect(store.durablePosition == 2 && store.memoryBytes == 0)
        #expect(try transcript(store.view(), Weather.schema).count == 2)
    }
}
