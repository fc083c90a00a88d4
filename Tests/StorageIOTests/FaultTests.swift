import FeatureModel
import StorageIO
import TestDisks
import Testing

@Suite struct FaultTests {
    @Test func callsAreWrittenDown() throws {
        let storage = FaultyStorage(MemoryStorage())
        try storage.replaceAtomically("a", [1, 2])
        #expect(storage.calls.map(\.kind) == [.open, .write, .sync, .rename, .syncDirectory])
        #expect(storage.calls.map(\.number) == Array(1...5))
        #expect(storage.calls[1].path == "a.tmp" && storage.calls[1].count == 2)
    }

    @Test func eachFaultDoesWhatItSays() throws {
        let storage = FaultyStorage(MemoryStorage())
        let file = try storage.open("a", .create)
        func write(_ fault: Fault) -> (StatusCode?, [UInt8]) {
            storage.setPlan(FaultPlan { $0.kind == .write ? fault : nil })
            try? file.truncate(to: 0)
            return (code { try file.write([1, 2, 3, 4][...], at: 0) }, (try? file.read(at: 0, count: 9)) ?? [])
        }
        #expect(write(.error(.unavailable)) == (.unavailable, []))
        #expect(write(.errorAfterwards(.unavailable)) == (.unavailable, [1, 2, 3, 4]))
        #expect(write(.shortWrite(count: 3)) == (.unavailable, [1, 2, 3]))
        #expect(write(.diskFull) == (.resourceExhausted, [1, 2]))
        #expect(write(.crash) == (.unavailable, []))
        #expect(storage.isCrashed)
        #expect(code { _ = try storage.list(".") } == .unavailable)
    }

    @Test func plansPickCallsByKind() throws {
        let storage = FaultyStorage(MemoryStorage(), plan: .at(2, ofKind: .sync, .error(.unavailable)))
        let file = try storage.open("a", .create)
        #expect((1...3).map { _ in code { try file.sync() } } == [nil, .unavailable, nil])
        storage.setPlan(.every(.rename, .diskFull))
        #expect(code { try storage.rename("a", to: "b") } == .resourceExhausted)
    }

    @Test func failedSyncIsNotMadeGoodByALaterOne() throws {
        let memory = MemoryStorage()
        let storage = FaultyStorage(memory, plan: .at(1, ofKind: .sync, .error(.unavailable)))
        let file = try storage.open("a", .create)
        try storage.syncDirectory(".")
        try file.write([1][...], at: 0)
        #expect(code { try file.sync() } == .unavailable)
        try file.sync()
        #expect(try file.read(at: 0, count: 1) == [1], "the page cache has it")
        #expect(try memory.crash(seed: 1, sectors: .kept).readAll("a") == [0], "the disk has not")
    }

    /// At each call, each fault, then a power cut: the old file or the new one, never anything else.
    @Test(
        arguments: [
            .error(.unavailable), .errorAfterwards(.unavailable), .shortWrite(count: 100), .diskFull, .crash, .crashAfterwards,
        ] as [Fault])
    func atomicReplacementSurvivesAFaultAtEachCall(fault: Fault) throws {
        let old = [UInt8](repeating: 1, count: 3_000)
        let new = [UInt8](repeating: 2, count: 2_000)
        var outcomes: Set<Bool> = []
        for number in 1...5 {
            for seed in UInt64(1)...4 {
                let memory = MemoryStorage()
                try memory.replaceAtomically("a", old)
                let storage = FaultyStorage(memory, plan: .at(number, fault))
                #expect(code { try storage.replaceAtomically("a", new) } != nil)
                let found = memory.crash(seed: seed, directoryChanges: .random)
                let bytes = try found.readAll("a")
                #expect(bytes == old || bytes == new, "fault \(fault) at call \(number), seed \(seed)")
                outcomes.insert(bytes == new)
                try found.replaceAtomically("a", new)
                #expect(try found.crash(seed: seed).readAll("a") == new, "the leftover is no obstacle")
            }
        }
        #expect(outcomes.contains(false))
    }

    @Test func acknowledgedReplacementSurvivesEveryCrash() throws {
        for seed in UInt64(1)...20 {
            let memory = MemoryStorage()
            try memory.replaceAtomically("a", [1])
            try memory.replaceAtomically("a", [2])
            #expect(try memory.crash(seed: seed, directoryChanges: .random).readAll("a") == [2], "seed \(seed)")
        }
    }
}
