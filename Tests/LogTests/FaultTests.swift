import FeatureModel
@testable import Log
import StorageIO
import TestDisks
import Testing

/// Does what a server does, and keeps what it knows: the acknowledged records.
private struct Workload {
    var acknowledged: [Seen] = []
    var hasFailed = false

    /// - Returns: how many commits were acknowledged after a failed one; must be 0.
    mutating func run(_ storage: any Storage) -> Int {
        var late = 0
        guard let log = try? openLog(storage) else { return 0 }
        for round in 0..<14 {
            do throws(HeadwaterError) {
                for byte in 0...round % 3 { try log.stage(UInt8(round * 4 + byte), count: 30 + round * 20) }
                let commit = try log.commit()
                if hasFailed { late += 1 }
                acknowledged += commit.records.map { Seen($0) }
                try? log.prepareAhead()
                if round == 6 { try follow(storage, log) }
                if round == 9 { try log.removeSegments(keepingFrom: 3) }
            } catch {
                // Before a write nothing is lost; a full disk may pass.
                if log.failure != nil { hasFailed = true }
            }
        }
        try? log.close()
        return late
    }

    private func follow(_ storage: any Storage, _ log: LogWriter) throws(HeadwaterError) {
        try FollowerCheckpoint(logID: log.logID, id: 1, name: "offline", position: 5, writerEpoch: log.writerEpoch)
            .save(storage, logDirectory)
    }

    /// The log as it is found must hold every acknowledged record that was not let go.
    func check(_ found: MemoryStorage, _ what: String) throws {
        let after = try openLog(found).retention().oldestPosition - 1
        let reader = try LogReader(storage: found, directory: logDirectory)
        #expect(after < 3, "\(what): removed too much")
        let read = Set(try reader.read(after: after, limitBytes: .max).map { Seen($0) })
        for record in acknowledged where record.position > after {
            #expect(read.contains(record), "\(what): lost \(record.position)")
        }
    }
}

@Suite struct FaultTests {
    @Test(arguments: [
        Fault.error(.unavailable), .errorAfterwards(.unavailable), .shortWrite(count: 5), .shortWrite(count: 130), .diskFull,
        .crash,
        .crashAfterwards,
    ])
    func nothingAcknowledgedIsLostWhicheverCallFails(fault: Fault) throws {
        let whole = FaultyStorage(MemoryStorage())
        var calm = Workload()
        #expect(calm.run(whole) == 0)
        #expect(calm.acknowledged.count == 27 && !calm.hasFailed)
        print("sweeping \(whole.callCount) calls with \(fault)")
        for call in 1...whole.callCount {
            let base = MemoryStorage()
            var workload = Workload()
            let late = workload.run(FaultyStorage(base, plan: .at(call, fault)))
            #expect(late == 0, "call \(call): \(late) acknowledged after a failure")
            let fate: [CrashFate] = [.lost, .random, .kept]
            let found = base.crash(seed: UInt64(call), sectors: fate[call % 3], directoryChanges: fate[call / 3 % 3])
            if workload.acknowledged.isEmpty { continue }
            try workload.check(found, "call \(call), \(fault)")
        }
    }

    @Test func nothingIsAcknowledgedBetweenRenameAndDirectorySync() throws {
        let base = MemoryStorage()
        let storage = FaultyStorage(base)
        let log = try openLog(storage)
        // The directory's sync that follows the first roll.
        storage.setPlan(.at(1, ofKind: .syncDirectory, .error(.unavailable)))
        for byte in 1...10 { try log.stage(UInt8(byte)) }
        #expect(failure { try log.commit() }?.code == .unavailable)
        #expect(log.durablePosition <= 7)
        let found = base.crash(seed: 1, sectors: .lost)
        _ = try openLog(found)
        #expect(try readAll(found).filter { $0.kind == .data }.count >= Int(log.durablePosition))
    }

    @Test func shortWritesInsideASegmentAreFinal() throws {
        for fault in [Fault.shortWrite(count: 1), .shortWrite(count: 64), .shortWrite(count: 100), .diskFull] {
            let base = MemoryStorage()
            let storage = FaultyStorage(base)
            let log = try openLog(storage)
            try log.stage(1)
            try log.commit()
            storage.setPlan(.at(1, ofKind: .write, fault))
            try log.stage(2)
            #expect(failure { try log.commit() }?.code == .unavailable)
            #expect(failure { try log.stage(3) }?.code == .unavailable)
            let found = base.kill()
            #expect(try openLog(found).durablePosition == 16)
            #expect(try readAll(found).map(\.position) == [1, 16])
        }
    }
}

@Suite struct FullDiskTests {
    @Test func aFullDiskRefusesWhatDoesNotFitAndGoesOnAfterSpaceIsFreed() throws {
        let storage = MemoryStorage(capacityBytes: 8_192 + 4_096 + 1_024 + 500)
        let log = try openLog(storage)
        // Seven records of 128 bytes fill the segment.
        for byte in 1...7 { try log.stage(UInt8(byte)) }
        let refused = failure { try log.stage(8) }
        #expect(refused?.code == .resourceExhausted && refused?.message.contains("free that much") == true)
        #expect(try log.commit().durablePosition == 7)
        #expect(failure { try log.prepareAhead() }?.code == .resourceExhausted)
        #expect(failure { try log.stage(8) }?.code == .resourceExhausted)
        #expect(try log.commit().durablePosition == 7 && log.failure == nil)
        storage.setCapacity(bytes: 100_000)
        #expect(try log.stage(8) == 8)
        #expect(try log.commit().durablePosition == 8)
        #expect(try readAll(storage).map(\.position) == Array(1...8))
    }

    @Test func recordsThatFitAreTakenWhileLargerOnesAreRefused() throws {
        let storage = MemoryStorage(capacityBytes: 8_192 + 4_096 + 1_024 + 500)
        let log = try openLog(storage)
        #expect(failure { try log.stage(1, count: 2_000) }?.code == .resourceExhausted)
        #expect(try log.stage(1) == 1)
        #expect(try log.commit().durablePosition == 1)
    }

    @Test func aDiskThatFillsWhileASegmentIsPreparedIsNotFinal() throws {
        let base = MemoryStorage()
        let storage = FaultyStorage(base)
        let log = try openLog(storage)
        try log.stage(1)
        try log.commit()
        for kind in [IOKind.write, .sync, .open] {
            storage.setPlan(.at(1, ofKind: kind, .diskFull))
            #expect(failure { try log.stage(2, count: 2_000) }?.code == .resourceExhausted)
            #expect(try base.list(logDirectory).allSatisfy { !$0.hasPrefix("prepared-") })
        }
        #expect(try log.stage(2, count: 2_000) == 2)
        #expect(try log.commit().durablePosition == 2)
    }

    @Test func aFailureBesideTheAppendsIsTheLogs() throws {
        let storage = FaultyStorage(MemoryStorage())
        let log = try openLog(storage)
        try log.stage(1)
        try log.commit()
        for kind in [IOKind.open, .write, .sync] {
            storage.setPlan(.at(1, ofKind: kind, .diskFull))
            #expect(failure { try log.roomAhead?.step() }?.code == .resourceExhausted)
            #expect(log.failure == nil)
        }
        storage.setPlan(.at(1, ofKind: .write, .error(.unavailable)))
        #expect(failure { try log.roomAhead?.step() }?.code == .unavailable)
        #expect(log.failure?.code == .unavailable)
        let refused = failure { try log.stage(2) }
        #expect(refused?.code == .unavailable && refused?.message.contains("takes nothing more") == true)
    }

    @Test func aFullLogOpensAgain() throws {
        let storage = MemoryStorage(capacityBytes: 8_192 + 4_096 + 1_024 + 700)
        let log = try openLog(storage)
        try log.stage(1)
        try log.commit()
        for byte in 2...4 { try log.stage(UInt8(byte)) }
        _ = try log.write()
        let found = storage.kill()
        // The tail moves to a segment of just its size.
        let again = try openLog(found)
        #expect(again.lastPosition == 16)
        #expect(try readAll(found).map(\.position) == [1, 2, 3, 4, 16])
        #expect(failure { try again.stage(5) }?.code == .resourceExhausted)
        found.setCapacity(bytes: 100_000)
        #expect(try again.stage(5) == 17)
        try again.commit()
    }

    @Test func opensThatFailOneAfterAnotherLoseNothing() throws {
        for first in 1...14 {
            for second in 1...14 {
                var disk = MemoryStorage()
                let log = try openLog(disk)
                try log.stage(1)
                try log.commit()
                // Each may leave the two slots of control unlike: the next must not tear the only one that counts.
                for number in [first, second] {
                    disk = disk.kill()
                    _ = try? openLog(FaultyStorage(disk, plan: .at(number, ofKind: .write, .shortWrite(count: 64))))
                }
                disk = disk.kill()
                #expect(throws: Never.self, "writes \(first) and \(second)") { try openLog(disk) }
            }
        }
    }
}
