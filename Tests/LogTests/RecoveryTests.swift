import FeatureModel
@testable import Log
import StorageIO
import TestDisks
import Testing

@Suite struct RecoveryTests {
    @Test func aCleanEndLeavesNoGap() throws {
        let storage = MemoryStorage()
        var log = try openLog(storage)
        for round in 1...5 {
            #expect(try log.stage(UInt8(round)) == Position(round))
            // What is staged is committed by the close.
            try log.close()
            log = try openLog(storage)
            #expect(log.recoveredGap == nil && log.lastPosition == Position(round))
        }
    }

    @Test func aCleanEndSurvivesAPowerCut() throws {
        let storage = MemoryStorage()
        let log = try openLog(storage)
        for byte in 1...10 { try log.stage(UInt8(byte)) }
        try log.close()
        let found = storage.crash(seed: 1, sectors: .lost)
        #expect(try openLog(found).recoveredGap == nil)
        #expect(try readAll(found).count == 10)
    }

    @Test func anUncleanEndSkipsTheReserveAndRecordsTheGap() throws {
        let storage = MemoryStorage()
        let log = try openLog(storage)
        try log.stage(1)
        try log.commit()
        let found = storage.kill()
        let again = try openLog(found, now: 77)
        #expect(again.recoveredGap == 2...16 && again.lastPosition == 16 && again.durablePosition == 16)
        #expect(try again.stage(2) == 17)
        try again.commit()
        let read = try readAll(found)
        #expect(read.map(\.position) == [1, 16, 17] && read[1].kind == .gap)
        #expect(read[1].body == [2, 0, 0, 0, 0, 0, 0, 0] && read[1].ingestTime == 2_000)
    }

    // A client may hold 15, but nobody holds 16: the gap's record can stand there.
    @Test(arguments: [(15, 16...16), (16, 17...31)] as [(Int, ClosedRange<Position>)])
    func theLastPositionReservedIsTheGapsOwn(handedOut: Int, gap: ClosedRange<Position>) throws {
        let storage = MemoryStorage()
        let log = try openLog(storage)
        for byte in 1...handedOut { try log.stage(UInt8(byte)) }
        try log.commit()
        #expect(try openLog(storage.kill()).recoveredGap == gap)
    }

    @Test func theReserveGrowsAheadOfNeed() throws {
        let storage = MemoryStorage()
        let log = try openLog(storage)
        for byte in 1...9 { try log.stage(UInt8(byte)) }
        try log.commit()
        #expect(!log.isPrepared)
        try log.prepareAhead()
        #expect(log.isPrepared)
        for byte in 10...30 { try log.stage(UInt8(byte)) }
        try log.commit()
        let again = try openLog(storage.kill())
        // 9 + 16 was not enough for 30, so that position 25 reserved 24 + 16.
        #expect(again.recoveredGap == 31...40)
    }

    @Test func aTornTailIsCut() throws {
        let storage = MemoryStorage()
        let log = try openLog(storage, options: LogOptions(segmentBytes: 8_192, reserveAhead: 16))
        try log.stage(1)
        try log.commit()
        try log.stage(2, count: 2_000)
        _ = try log.write()
        // The header reaches the disk, the rest of the body does not.
        let found = storage.crash(keepingSector: { _, sector in sector == 0 })
        let again = try openLog(found)
        #expect(again.recoveredGap == 2...16)
        #expect(try again.stage(3) == 17)
        try again.commit()
        #expect(try readAll(found).map(\.position) == [1, 16, 17])
        #expect(try LogFiles(found).segmentNames.count == 2)
        #expect(try found.readAll(segmentPath(1)).count == 128 + 128)
    }

    @Test func aWholeRecordBehindATornOneOfTheSameGroupIsCutToo() throws {
        let storage = MemoryStorage()
        let log = try openLog(storage, options: LogOptions(segmentBytes: 8_192, reserveAhead: 16))
        try log.stage(1)
        try log.commit()
        try log.stage(2, count: 2_000)
        try log.stage(3, count: 700)
        _ = try log.write()
        // The first record of the group loses its middle, the second one is whole.
        let found = storage.crash(keepingSector: { _, sector in sector != 2 })
        let again = try openLog(found)
        #expect(again.recoveredGap == 2...16)
        #expect(try readAll(found).map(\.position) == [1, 16])
    }

    @Test func unsyncedWholeRecordsAreMadeDurableBeforeTheyArePublished() throws {
        let storage = MemoryStorage()
        let log = try openLog(storage)
        try log.stage(1)
        try log.commit()
        try log.stage(2)
        _ = try log.write()
        let killed = storage.kill()
        try openLog(killed).stage(3)
        let found = killed.crash(seed: 3, sectors: .lost)
        _ = try openLog(found)
        #expect(try readAll(found).map(\.position).prefix(3) == [1, 2, 16])
        #expect(try LogFiles(found).segmentNames.count == 2)
    }

    @Test func intervalModeLosesOnlyTheUnsynced() throws {
        for fate in [CrashFate.lost, .random, .kept] {
            for seed in UInt64(1)...20 {
                let storage = MemoryStorage()
                let log = try openLog(storage)
                for byte in 1...5 { try log.stage(UInt8(byte)) }
                _ = try log.write()
                _ = try log.sync()
                for byte in 6...9 { try log.stage(UInt8(byte)) }
                let unsynced = try log.write()
                #expect(unsynced.map(\.position) == [6, 7, 8, 9])
                let found = storage.crash(seed: seed, sectors: fate)
                _ = try openLog(found)
                let positions = try readAll(found).filter { $0.kind == .data }.map(\.position)
                #expect(positions.starts(with: [1, 2, 3, 4, 5]) && positions == Array(1...Position(positions.count)))
            }
        }
    }

    @Test func recoveryThatIsInterruptedStartsAgain() throws {
        let base = MemoryStorage()
        let log = try openLog(base)
        for byte in 1...9 { try log.stage(UInt8(byte)) }
        try log.commit()
        try log.stage(10)
        _ = try log.write()
        let files = try LogFiles(base.kill())
        let whole = FaultyStorage(try files.storage())
        _ = try openLog(whole)
        let expected = try readAll(whole)
        #expect(expected.map(\.position) == Array(1...10) + [16])
        for call in 1...whole.callCount {
            for fault in [Fault.crash, .crashAfterwards] {
                for fate in [CrashFate.lost, .random, .kept] {
                    let base = try files.storage()
                    _ = try? openLog(FaultyStorage(base, plan: .at(call, fault)))
                    let found =
                        fate == .kept ? base.kill() : base.crash(seed: UInt64(call), sectors: fate, directoryChanges: fate)
                    _ = try openLog(found)
                    let read = try readAll(found)
                    #expect(read.starts(with: expected), "call \(call), \(fault), \(fate)")
                }
            }
        }
    }

    @Test func creationThatIsInterruptedIsCompleted() throws {
        let whole = FaultyStorage(MemoryStorage())
        _ = try openLog(whole)
        for call in 1...whole.callCount {
            for fate in [CrashFate.lost, .random, .kept] {
                let base = MemoryStorage()
                _ = try? openLog(FaultyStorage(base, plan: .at(call, .crash)))
                let found = fate == .kept ? base.kill() : base.crash(seed: UInt64(call), sectors: fate, directoryChanges: fate)
                let log = try openLog(found)
                try log.stage(1)
                try log.commit()
                #expect(try readAll(found).last?.position == log.lastPosition)
            }
        }
    }

    @Test func aRenameThatAKilledRecoveryDidNotSyncIsSyncedByTheNext() throws {
        let base = MemoryStorage()
        var log = try openLog(base)
        try log.stage(1)
        _ = try log.write()
        let killed = base.kill()
        // The new segment has its name, but the directory is not synced when the process dies.
        let dying = FaultyStorage(killed, plan: .every(.rename, .crashAfterwards))
        #expect(failure { _ = try openLog(dying) }?.code == .unavailable)
        let next = killed.kill()
        log = try openLog(next)
        #expect(try log.stage(2) == 17)
        try log.commit()
        let found = next.crash(seed: 1, sectors: .lost, directoryChanges: .lost)
        _ = try openLog(found)
        #expect(try readAll(found).map(\.position).starts(with: [1, 16, 17]))
    }
}
