import FeatureModel
@testable import Log
import StorageIO
import TestDisks
import Testing

@Suite struct ReaderTests {
    @Test func aReaderFollowsAcrossSegmentsAndNewWriters() throws {
        let storage = MemoryStorage()
        var log = try openLog(storage)
        let reader = try LogReader(storage: storage, directory: logDirectory)
        var after: Position = 0
        var seen: [Seen] = []
        for round in 0..<40 {
            if round % 9 == 8 {
                // A crash with an unsynced record in the file: the next writer moves it.
                try log.stage(0xAA)
                _ = try log.write()
                try log.close(clean: round % 2 == 0)
                log = try openLog(storage)
            }
            for byte in 0...round % 3 { try log.stage(UInt8(byte), count: round * 5) }
            try log.commit()
            while true {
                let more = try reader.read(after: after, limitBytes: 100)
                if more.isEmpty { break }
                seen += more.map { Seen($0) }
                after = seen.last!.position
            }
            #expect(after == log.durablePosition && reader.durablePosition == after && reader.writerEpoch == log.writerEpoch)
        }
        #expect(try readAll(storage, limitBytes: .max) == seen)
    }

    @Test func aReaderWaitsForALogWhoseCreationWasInterrupted() throws {
        let base = MemoryStorage()
        let storage = FaultyStorage(base)
        _ = try? openLog(storage)
        let creation = storage.calls
        for call in creation {
            let disk = MemoryStorage()
            // The creation ends here, and a follower looks at what there is.
            #expect(throws: HeadwaterError.self) { try openLog(FaultyStorage(disk, plan: .at(call.number, .crash))) }
            let early = try? LogReader(storage: disk, directory: logDirectory)
            let log = try openLog(disk.kill())
            try log.stage(1)
            try log.commit()
            // Whoever could open it then sees the log that came of it.
            #expect(early?.durablePosition ?? log.durablePosition == log.durablePosition, "creation ended at \(call)")
        }
    }

    @Test func sequentialReadingReadsEachByteAFewTimesAtMost() throws {
        let base = MemoryStorage()
        let log = try openLog(base, options: LogOptions(segmentBytes: 256 << 10, reserveAhead: 10_000))
        for byte in 0..<2_000 { try log.stage(UInt8(byte & 0xFF), count: 400) }
        try log.commit()
        let storage = FaultyStorage(base)
        #expect(try readAll(storage, limitBytes: 2_000).count == 2_000)
        let bytes = storage.calls.filter { $0.kind == .read }.reduce(0) { $0 + $1.count }
        #expect(bytes < 3 * 2_000 * 512)
    }

    @Test func aReaderGoesOnFromThePlaceOfAnother() throws {
        let base = MemoryStorage()
        let log = try openLog(base, options: LogOptions(segmentBytes: 256 << 10, reserveAhead: 10_000))
        for byte in 0..<400 { try log.stage(UInt8(byte & 0xFF), count: 400) }
        try log.commit()
        let first = try LogReader(storage: base, directory: logDirectory)
        #expect(first.place == nil)
        _ = try first.read(after: 0, limitBytes: 390 * 400)
        let place = try #require(first.place)
        let storage = FaultyStorage(base)
        let reader = try LogReader(storage: storage, directory: logDirectory)
        reader.go(to: place)
        let before = storage.calls.count
        #expect(try reader.read(after: 390, limitBytes: .max).map(\.position) == Array(391...400))
        // Its window came along: of the records before it none is read again.
        let bytes = storage.calls.dropFirst(before).filter { $0.kind == .read }.reduce(0) { $0 + $1.count }
        #expect(bytes < 64 << 10)
        // Records between the place and what is asked for are passed over; what lies before the place is found anew.
        reader.go(to: place)
        #expect(try reader.read(after: 395, limitBytes: 1).map(\.position) == [396])
        reader.go(to: place)
        #expect(try reader.read(after: 7, limitBytes: 1).map(\.position) == [8])
        // A new writer, and another log.
        try log.close(clean: false)
        let again = try openLog(base, options: LogOptions(segmentBytes: 256 << 10, reserveAhead: 10_000))
        reader.go(to: place)
        let behind = try reader.read(after: 400, limitBytes: .max)
        #expect(behind.map(\.position) == [again.durablePosition] && behind.first?.kind == .gap)
        let other = MemoryStorage()
        let otherLog = try openLog(other, id: otherLogID)
        for byte in 1...3 { try otherLog.stage(UInt8(byte)) }
        try otherLog.commit()
        let stranger = try LogReader(storage: other, directory: logDirectory)
        stranger.go(to: place)
        #expect(try stranger.read(after: 2, limitBytes: 1).map(\.position) == [3])
    }

    @Test func readingStopsAtTheLimitButReturnsAtLeastOneRecord() throws {
        let storage = MemoryStorage()
        let log = try openLog(storage)
        for byte in 1...4 { try log.stage(UInt8(byte), count: 100) }
        try log.commit()
        let reader = try LogReader(storage: storage, directory: logDirectory)
        #expect(try reader.read(after: 0, limitBytes: 0).map(\.position) == [1])
        #expect(try reader.read(after: 1, limitBytes: 150).map(\.position) == [2, 3])
        #expect(try reader.read(after: 0, limitBytes: 100).map(\.position) == [1])
        #expect(try reader.read(after: 4, limitBytes: 100).isEmpty)
    }

    @Test func aPositionBeyondTheEndIsOutOfRange() throws {
        let storage = MemoryStorage()
        let log = try openLog(storage)
        try log.stage(1)
        try log.commit()
        let reader = try LogReader(storage: storage, directory: logDirectory)
        #expect(failure { _ = try reader.read(after: 2, limitBytes: 1) }?.code == .outOfRange)
        #expect(try reader.lookup(2) == .beyondEnd && reader.lookup(1) == .durable && reader.lookup(0) == .durable)
    }

    @Test func positionsInAGapAreTold() throws {
        let storage = MemoryStorage()
        let log = try openLog(storage)
        try log.stage(1)
        try log.close(clean: false)
        let again = try openLog(storage)
        try again.stage(2)
        try again.commit()
        let reader = try LogReader(storage: storage, directory: logDirectory)
        #expect(
            try (1...18).map { try reader.lookup($0) } == [PositionState](repeating: .gap, count: 16) + [.durable, .beyondEnd])
        // Reading goes on behind it.
        #expect(try reader.read(after: 5, limitBytes: .max).map(\.position) == [16, 17])
    }

    @Test func damageUnderAReaderIsDataLossWithItsPlace() throws {
        let storage = MemoryStorage()
        let log = try openLog(storage)
        for byte in 1...20 { try log.stage(UInt8(byte)) }
        try log.commit()
        try storage.open(segmentPath(2), .readWrite).write([0xFF], at: 128 + 64 + 5)
        let reader = try LogReader(storage: storage, directory: logDirectory)
        let error = failure { _ = try reader.read(after: 0, limitBytes: .max) }
        #expect(error?.code == .dataLoss && error?.location == "\(segmentPath(2)):128")
        #expect(try reader.read(after: 0, limitBytes: 40 * 7).count == 7)
    }

    @Test func aLogThatIsNotThereIsNotFound() throws {
        let storage = MemoryStorage()
        #expect(failure { _ = try LogReader(storage: storage, directory: logDirectory) }?.code == .notFound)
        #expect(failure { _ = try LogVerifier.verify(storage: storage, directory: logDirectory) }?.code == .notFound)
    }
}

@Suite struct FollowerTests {
    private func checkpoint(_ id: UInt64, _ position: Position, log: LogID = testLogID) -> FollowerCheckpoint {
        FollowerCheckpoint(logID: log, id: id, name: ByteString("follower/../\(id)"), position: position, writerEpoch: 1)
    }

    /// 21 records in three segments, seven in each.
    private func threeSegments(_ storage: any Storage) throws -> LogWriter {
        let log = try openLog(storage)
        for byte in 1...21 { try log.stage(UInt8(byte)) }
        try log.commit()
        return log
    }

    @Test func checkpointsAreSavedListedAndForgotten() throws {
        let storage = MemoryStorage()
        _ = try openLog(storage)
        for id in [UInt64(3), 1, 2] { try checkpoint(id, id * 10).save(storage, logDirectory) }
        try checkpoint(2, 25).save(storage, logDirectory)
        let found = storage.crash(seed: 1, sectors: .lost)
        #expect(try FollowerCheckpoint.list(found, logDirectory) == [checkpoint(1, 10), checkpoint(2, 25), checkpoint(3, 30)])
        #expect(try FollowerCheckpoint.load(found, logDirectory, id: 2) == checkpoint(2, 25))
        try FollowerCheckpoint.forget(found, logDirectory, id: 2)
        #expect(try FollowerCheckpoint.load(found, logDirectory, id: 2) == nil)
        #expect(failure { try FollowerCheckpoint.forget(found, logDirectory, id: 2) }?.code == .notFound)
    }

    @Test func segmentsGoOnlyWhenEveryFollowerHasPassedThem() throws {
        let storage = MemoryStorage()
        let log = try threeSegments(storage)
        try checkpoint(1, 21).save(storage, logDirectory)
        try checkpoint(2, 6).save(storage, logDirectory)
        #expect(try log.removeSegments(keepingFrom: 22) == 0)
        #expect(try log.retention().slowestFollower?.id == 2)
        try checkpoint(2, 7).save(storage, logDirectory)
        #expect(try log.removeSegments(keepingFrom: 7) == 0)
        #expect(try log.removeSegments(keepingFrom: 22) == 1_024)
        let kept = try log.retention()
        #expect(kept.oldestPosition == 8 && kept.segmentCount == 2 && kept.retainedBytes == 2_048)
        try FollowerCheckpoint.forget(storage, logDirectory, id: 2)
        #expect(try log.removeSegments(keepingFrom: 100) == 1_024)
        // The current segment always stays.
        #expect(try log.removeSegments(keepingFrom: 100) == 0)
        let reader = try LogReader(storage: storage, directory: logDirectory)
        #expect(failure { _ = try reader.read(after: 13, limitBytes: 1) }?.code == .outOfRange)
        #expect(try reader.lookup(14) == .removed && reader.lookup(15) == .durable)
        #expect(try reader.read(after: 14, limitBytes: .max).count == 7)
    }

    @Test func aCheckUnderWhichSegmentsAreRemovedGoesOnFromTheNewStart() throws {
        let storage = MemoryStorage()
        let log = try openLog(storage)
        for _ in 0..<12 {
            for _ in 0..<7 { try log.stage(1) }
            try log.commit()
        }
        #expect(log.oldestPosition == 1)
        var isTrimmed = false
        let report = try LogVerifier.verify(storage: storage, directory: logDirectory) { _ throws(HeadwaterError) in
            if !isTrimmed { try log.removeSegments(keepingFrom: 60) }
            isTrimmed = true
        }
        #expect(report.damage == nil && report.firstPosition == log.oldestPosition && report.lastPosition == 84)
        #expect(log.oldestPosition > 40)
    }

    @Test func removalSurvivesCrashesAtEachCall() throws {
        let whole = FaultyStorage(MemoryStorage())
        let log = try threeSegments(whole)
        let before = whole.callCount
        try log.removeSegments(keepingFrom: 15)
        for call in before + 1...whole.callCount {
            for fate in [CrashFate.lost, .random, .kept] {
                let base = MemoryStorage()
                let storage = FaultyStorage(base)
                let log = try threeSegments(storage)
                storage.setPlan(.at(call, .crashAfterwards))
                _ = try? log.removeSegments(keepingFrom: 15)
                let found = fate == .kept ? base.kill() : base.crash(seed: UInt64(call), sectors: fate, directoryChanges: fate)
                let oldest = try openLog(found).retention().oldestPosition
                #expect([1, 15].contains(oldest))
                let reader = try LogReader(storage: found, directory: logDirectory)
                #expect(try reader.read(after: oldest - 1, limitBytes: .max).count >= 22 - Int(oldest))
            }
        }
    }

    /// The word that segments may be missing must be on the disk before they are removed, also by the next process.
    @Test func removalThatIsKilledSurvivesAPowerCutDuringTheNextOpen() throws {
        let whole = FaultyStorage(MemoryStorage())
        let log = try threeSegments(whole)
        let before = whole.callCount
        try log.removeSegments(keepingFrom: 15)
        for call in before + 1...whole.callCount {
            for second in 1...60 {
                let base = MemoryStorage()
                let storage = FaultyStorage(base)
                let log = try threeSegments(storage)
                storage.setPlan(.at(call, .crashAfterwards))
                _ = try? log.removeSegments(keepingFrom: 15)
                let killed = base.kill()
                let dying = FaultyStorage(killed, plan: .at(second, .crashAfterwards))
                let isWhole = (try? openLog(dying)) != nil
                let found = killed.crash(seed: 1, sectors: .lost, directoryChanges: .kept)
                #expect(try [1, 15].contains(openLog(found).retention().oldestPosition), "calls \(call) and \(second)")
                if isWhole { break }
            }
        }
    }

    @Test func damagedOrForeignFollowersHoldEverything() throws {
        let storage = MemoryStorage()
        let log = try threeSegments(storage)
        try checkpoint(1, 21, log: otherLogID).save(storage, logDirectory)
        #expect(failure { try log.removeSegments(keepingFrom: 22) }?.code == .failedPrecondition)
        try checkpoint(1, 21).save(storage, logDirectory)
        let path = "\(logDirectory)/followers/follower-0000000000000001"
        try storage.open(path, .readWrite).write([9], at: 40)
        let error = failure { try log.removeSegments(keepingFrom: 22) }
        #expect(error?.code == .dataLoss && error?.location == "\(path):0")
        #expect(try readAll(storage).count == 21 && log.failure == nil)
    }
}
