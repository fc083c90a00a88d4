import FeatureModel
import Foundation
@testable import Log
import StorageIO
import Synchronization
import TestDisks
import TestSupport
import Testing

@Suite struct AppendTests {
    @Test func emptyLogReadsNothing() throws {
        let storage = MemoryStorage()
        let log = try openLog(storage)
        #expect(log.lastPosition == 0 && log.durablePosition == 0 && log.logID == testLogID)
        #expect(try readAll(storage) == [])
    }

    @Test func recordsComeBackAsTheyWereStaged() throws {
        let storage = MemoryStorage()
        let log = try openLog(storage)
        let stamp = ProducerStamp(producer: 7, epoch: 3, sequence: 1 << 40)
        #expect(try log.stage(kind: .producer, stamp: .none, body: [], now: 5) == 1)
        #expect(try log.stage(kind: .data, stamp: stamp, body: [1, 2, 3], now: 6) == 2)
        #expect(try log.stage(kind: .cutoff, stamp: .none, body: [UInt8](repeating: 9, count: 64)[...], now: 7) == 3)
        let commit = try log.commit()
        #expect(commit.durablePosition == 3 && commit.records.map(\.position) == [1, 2, 3])
        let read = try readAll(storage)
        #expect(read == commit.records.map { Seen($0) })
        #expect(read[1].stamp == stamp && read[1].body == [1, 2, 3] && read[1].ingestTime == 6)
        #expect(try log.read(after: 1, limitBytes: 1).map(\.position) == [2])
    }

    @Test func stagedRecordsAreNotReadBeforeTheyAreDurable() throws {
        let storage = MemoryStorage()
        let log = try openLog(storage)
        try log.stage(1)
        #expect(try readAll(storage).isEmpty)
        #expect(try log.write().count == 1)
        #expect(try readAll(storage).isEmpty && log.durablePosition == 0)
        #expect(try log.sync() == 1)
        #expect(try readAll(storage).count == 1)
    }

    @Test func recordsRollIntoSegmentsAndOneLargerThanASegmentGetsItsOwn() throws {
        let storage = MemoryStorage()
        let log = try openLog(storage)
        for byte in 1...20 { try log.stage(UInt8(byte), count: 100) }
        try log.stage(21, count: 5_000)
        // More than is gathered before it is written.
        try log.stage(22, count: 400_001)
        try log.stage(23, count: 1)
        try log.commit()
        let read = try readAll(storage)
        #expect(read.map(\.position) == Array(1...23))
        #expect(read[20].body.count == 5_000 && read[21].body == [UInt8](repeating: 22, count: 400_001))
        #expect(try LogFiles(storage).segmentNames.count == 8)
        try log.close()
        let again = try openLog(storage)
        #expect(again.lastPosition == 23)
        #expect(try again.stage(24) == 24)
        try again.commit()
        #expect(try readAll(storage).map(\.position) == Array(1...24))
    }

    @Test func aGroupIsOneWriteAndOneSync() throws {
        let storage = FaultyStorage(MemoryStorage())
        let log = try openLog(storage, options: LogOptions(segmentBytes: 64 << 10, reserveAhead: 1_000))
        let before = storage.callCount
        for byte in 1...64 { try log.stage(UInt8(byte)) }
        #expect(storage.callCount == before)
        #expect(try log.commit().durablePosition == 64)
        #expect(storage.calls.dropFirst(before).map(\.kind) == [.write, .sync])
        #expect(try log.commit().records.isEmpty)
        #expect(storage.callCount == before + 2)
    }

    @Test func aFailedSyncFailsTheWholeGroupAndAllThatFollow() throws {
        let storage = FaultyStorage(MemoryStorage())
        let log = try openLog(storage, options: LogOptions(segmentBytes: 64 << 10, reserveAhead: 1_000))
        try log.stage(1)
        try log.commit()
        storage.setPlan(.at(1, ofKind: .sync, .error(.unavailable)))
        for byte in 1...64 { try log.stage(UInt8(byte)) }
        #expect(failure { try log.commit() }?.code == .unavailable)
        #expect(log.durablePosition == 1)
        let later = failure { try log.stage(2) }
        #expect(later?.code == .unavailable && later?.message.contains("injected fault") == true)
        #expect(failure { try log.commit() }?.code == .unavailable)
        #expect(failure { _ = try log.sync() }?.code == .unavailable)
        #expect(failure { try log.close() }?.code == .unavailable)
        #expect(try readAll(storage).count == 1)
    }

    @Test func ingestTimeNeverFalls() throws {
        let storage = MemoryStorage()
        var log = try openLog(storage)
        for now in [Microseconds(50), 10, 60, -5, 60, 61] { try log.stage(1, now: now) }
        try log.commit()
        #expect(try readAll(storage).map(\.ingestTime) == [50, 50, 60, 60, 60, 61])
        try log.close()
        log = try openLog(storage, now: 3)
        try log.stage(1, now: 3)
        try log.commit()
        #expect(try readAll(storage).last?.ingestTime == 61)
    }

    @Test func twoOpensConflict() throws {
        let storage = MemoryStorage()
        let log = try openLog(storage)
        #expect(failure { _ = try openLog(storage) }?.code == .failedPrecondition)
        try log.close()
        #expect(failure { try log.stage(1) }?.code == .failedPrecondition)
        let again = try openLog(storage)
        #expect(again.writerEpoch == 2)
    }

    @Test func anExistingLogKeepsItsID() throws {
        let storage = MemoryStorage()
        try openLog(storage).close()
        #expect(try openLog(storage, id: otherLogID).logID == testLogID)
    }

    @Test func bodiesAboveTheLimitAreRefused() throws {
        let log = try openLog(MemoryStorage())
        let body = [UInt8](repeating: 0, count: Limits.batchBytesMax + (64 << 20) + 1)
        #expect(failure { _ = try log.stage(kind: .data, stamp: .none, body: body[...], now: 0) }?.code == .invalidArgument)
        #expect(try log.stage(1) == 1)
    }

    /// The zeros of the next segment are written by a thread beside the one that appends.
    @Test func roomIsPreparedBesideAppends() throws {
        let storage = MemoryStorage()
        let log = try openLog(storage, options: LogOptions(segmentBytes: 8_192, reserveAhead: 100_000))
        let room = try #require(log.roomAhead)
        let isOver = Mutex(false)
        let ended = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            while !isOver.withLock({ $0 }) { try? room.step() }
            ended.signal()
        }
        var random = SplitMix64(seed: 4)
        for round in 1...3_000 {
            try log.stage(UInt8(round & 0xFF), count: random.below(300))
            if random.chance(40) { try log.commit() }
        }
        try log.close()
        // A step that comes late makes no file.
        let files = try storage.list(logDirectory)
        try room.step()
        #expect(try storage.list(logDirectory) == files)
        isOver.withLock { $0 = true }
        ended.wait()
        #expect(try readAll(storage).map(\.position) == Array(1...3_000))
        #expect(try LogVerifier.verify(storage: storage, directory: logDirectory).damage == nil)
    }

    /// Zeros are written as records come, not all at once, and are there in time.
    @Test func roomIsDueAsRecordsComeAndReadyInTime() throws {
        let storage = FaultyStorage(MemoryStorage())
        let options = LogOptions(segmentBytes: 16 << 20, reserveAhead: 1 << 30)
        var log = try openLog(storage, options: options)
        var room = try #require(log.roomAhead)
        #expect(!room.isDue)
        var (steps, zerosByAppends, restarts) = (0, 0, 0)
        while log.lastPosition < 40_000 {
            // Nine tenths of the fourth segment are full: what was prepared behind it is gone with the restart.
            if restarts == 0, log.lastPosition > 20_480 + 14_000 {
                try log.close()
                log = try openLog(storage, options: options)
                room = try #require(log.roomAhead)
                restarts = 1
            }
            for _ in 0..<16 {
                let before = storage.calls.count
                try log.stage(7, count: 960)
                zerosByAppends += storage.calls.dropFirst(before).count { $0.kind == .write }
            }
            try log.commit()
            while room.isDue {
                try room.step()
                steps += 1
            }
        }
        // 41 MB of records, by steps of a quarter of a MiB and more; no append wrote zeros itself.
        #expect(steps > 50 && steps < 41 * 8 && zerosByAppends == 0 && restarts == 1, "\(steps) steps, \(zerosByAppends) writes")
        #expect(try readAll(storage, limitBytes: 1 << 20).count == log.lastPosition)
    }

    @Test func itWorksOnARealDisk() throws {
        let storage = RealStorage()
        let directory = "/tmp/headwater-log-test-\(UInt64.random(in: 0 ... .max))"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let options = LogOptions(segmentBytes: 4_096, reserveAhead: 100)
        func open() throws -> LogWriter {
            try LogWriter.open(storage: storage, directory: directory, options: options, newLogID: testLogID, now: 1)
        }
        let log = try open()
        let reader = try LogReader(storage: storage, directory: directory)
        for round in 0..<50 {
            try log.stage(UInt8(round), count: round * 7)
            try log.commit()
            try log.prepareAhead()
            #expect(try reader.read(after: Position(round), limitBytes: 1).map(\.body.count) == [round * 7])
        }
        #expect(failure { _ = try open() }?.code == .failedPrecondition)
        try log.stage(51)
        _ = try log.write()
        try log.close(clean: false)
        let again = try open()
        #expect(again.recoveredGap == 52...100 && reader.durablePosition == 100)
        #expect(try reader.read(after: 50, limitBytes: .max).map(\.position) == [51, 100])
        #expect(try LogVerifier.verify(storage: storage, directory: directory).damage == nil)
        try again.close()
    }
}
