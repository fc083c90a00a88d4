import FeatureModel
@testable import Log
import StorageIO
import TestDisks
import Testing

/// A log of three segments with all kinds of records; `isClean` says how it ended.
private struct DamagedLog {
    let files: LogFiles
    let records: [Seen]
    let durable: Position

    init(isClean: Bool) throws {
        let storage = MemoryStorage()
        var log = try openLog(storage)
        for byte in 1...3 { try log.stage(UInt8(byte), count: 60 * byte) }
        try log.commit()
        // One gap in the middle.
        log = try openLog(storage.kill0(log))
        for byte in 4...8 { try log.stage(UInt8(byte), count: 30 * byte) }
        try log.commit()
        if isClean {
            try log.close()
        } else {
            try log.stage(9, count: 10)
            _ = try log.write()
            try log.close(clean: false)
        }
        files = try LogFiles(storage)
        durable = log.durablePosition
        var all = try readAll(storage)
        // The unsynced record stands in the file all the same.
        if !isClean {
            all.append(
                Seen(
                    Record(
                        position: durable + 1, ingestTime: 2_000, stamp: .none, kind: .data,
                        body: [UInt8](repeating: 9, count: 10)[...])))
        }
        records = all
    }

    /// Verifies a changed log: it must report damage with `file:offset`,
    /// or find all durable records. Returns whether it did the first.
    func verify(_ storage: MemoryStorage, _ what: @autoclosure () -> String) -> Bool {
        do throws(HeadwaterError) {
            let report = try LogVerifier.verify(storage: storage, directory: logDirectory)
            if let damage = report.damage { throw damage }
            #expect(report.lastPosition == durable && report.gaps == [4...16], "\(what())")
            return false
        } catch {
            #expect(isLocated(error), "\(what()): \(error)")
            return true
        }
    }

    private func isLocated(_ error: HeadwaterError) -> Bool {
        guard let location = error.location, error.code == .dataLoss || error.code == .failedPrecondition else { return false }
        return location.hasPrefix(logDirectory) && location.split(separator: ":").last.flatMap { Int($0) } != nil
    }

    /// Opens a changed log. It must refuse with `file:offset`, or read as a
    /// prefix that has all durable records, and at most one gap behind it.
    ///
    /// - Returns: whether it refused.
    func check(_ storage: MemoryStorage, _ what: @autoclosure () -> String) throws -> Bool {
        do throws(HeadwaterError) {
            let log = try openLog(storage)
            var read = try readAll(storage)
            if log.recoveredGap != nil { read.removeLast() }
            #expect(records.starts(with: read) && read.last!.position >= durable, "\(what())")
            // It must take records again, and open again.
            let next = try log.stage(0xEE)
            #expect(next > log.durablePosition)
            try log.commit()
            try log.close()
            _ = try openLog(storage)
            return false
        } catch {
            #expect(isLocated(error), "\(what()): \(error)")
            return true
        }
    }
}

extension MemoryStorage {
    /// Ends a writer as a kill does, but keeps this storage usable.
    fileprivate func kill0(_ log: LogWriter) throws -> MemoryStorage {
        try log.close(clean: false)
        return self
    }
}

@Suite struct DamageTests {
    /// Offsets that anything depends on, and of the zeros behind them one in 64.
    private func offsets(_ name: String, _ bytes: [UInt8]) -> [Int] {
        let used = (bytes.lastIndex { $0 != 0 } ?? 0) + 65
        return bytes.indices.filter { $0 % 64 == 1 || (name == "control" ? $0 % 4_096 < 192 : $0 < used) }
    }

    /// Every bit through the verifier, which changes nothing; one bit of each byte through an opening for writing.
    @Test(arguments: [true, false]) func everyBitFlippedIsRefusedOrHarmless(isClean: Bool) throws {
        let log = try DamagedLog(isClean: isClean)
        let storage = try log.files.storage()
        var flips = 0
        var refusals = 0
        for (name, bytes) in log.files.files.sorted(by: { $0.key < $1.key }) {
            let file = try storage.open("\(logDirectory)/\(name)", .readWrite)
            for offset in offsets(name, bytes) {
                // The verifier judges what is durable, in both logs alike.
                for bit in 0..<8 where isClean {
                    flips += 1
                    try file.write([bytes[offset] ^ 1 << UInt8(bit)], at: offset)
                    if log.verify(storage, "\(name) at \(offset), bit \(bit)") { refusals += 1 }
                }
                try file.write([bytes[offset]], at: offset)
                let copy = try log.files.storage(changing: name) { $0[offset] ^= 1 << UInt8(offset % 8) }
                flips += 1
                if try log.check(copy, "\(name) at \(offset), bit \(offset % 8)") { refusals += 1 }
            }
        }
        print("flipped \(flips) bits of a log (closed: \(isClean)): \(refusals) refused, \(flips - refusals) harmless")
        #expect(refusals >= flips / 2)
    }

    @Test(arguments: [true, false]) func cutAtEveryByteIsRefusedOrHarmless(isClean: Bool) throws {
        let log = try DamagedLog(isClean: isClean)
        var cuts = 0
        var refusals = 0
        for (name, bytes) in log.files.files.sorted(by: { $0.key < $1.key }) {
            for count in offsets(name, bytes) {
                let storage = try log.files.storage(changing: name) { $0.removeLast($0.count - count) }
                cuts += 1
                if try log.check(storage, "\(name) cut to \(count)") { refusals += 1 }
            }
        }
        print("cut a log (closed: \(isClean)) at \(cuts) bytes: \(refusals) refused, \(cuts - refusals) harmless")
    }

    @Test(arguments: [true, false]) func zeroedSectorsAreRefusedOrHarmless(isClean: Bool) throws {
        let log = try DamagedLog(isClean: isClean)
        for (name, bytes) in log.files.files {
            for start in stride(from: 0, to: bytes.count, by: 512) {
                let storage = try log.files.storage(changing: name) { bytes in
                    for offset in start..<min(start + 512, bytes.count) { bytes[offset] = 0 }
                }
                _ = try log.check(storage, "\(name) zeroed at \(start)")
            }
        }
    }

    @Test func damageInASealedSegmentIsToldAtOpenAfterAKillAndElseByWhoeverReadsIt() throws {
        for isClean in [true, false] {
            let log = try DamagedLog(isClean: isClean)
            let sealed = log.files.segmentNames[0]
            let storage = try log.files.storage(changing: sealed) { $0[128 + 64] ^= 1 }
            #expect(try LogVerifier.verify(storage: storage, directory: logDirectory).damage?.location == "\(segmentPath(1)):128")
            if isClean {
                // A start that read all of a long log would take as long as the log is.
                let opened = try openLog(storage)
                #expect(opened.lastPosition == log.durable)
                try opened.close(clean: false)
                #expect(throws: HeadwaterError.self) { try readAll(storage) }
            }
            do throws(HeadwaterError) {
                _ = try openLog(storage)
                Issue.record("opened after a kill")
            } catch {
                #expect(error.code == .dataLoss && error.location == "\(segmentPath(1)):128")
            }
        }
    }

    @Test(arguments: [true, false]) func missingDuplicateAndSwappedSegmentsAreRefused(isClean: Bool) throws {
        let log = try DamagedLog(isClean: isClean)
        let names = log.files.segmentNames
        #expect(names.count >= 3)
        for name in names {
            var copy = log.files
            copy.files[name] = nil
            #expect(try log.check(copy.storage(), "without \(name)"))
            for other in names where other != name {
                copy = log.files
                copy.files[name] = log.files.files[other]
                #expect(try log.check(copy.storage(), "\(other) in place of \(name)"))
                copy.files[other] = log.files.files[name]
                #expect(try log.check(copy.storage(), "\(name) and \(other) swapped"))
            }
        }
        var copy = log.files
        let next = String(segmentPath(names.count + 1).dropFirst(logDirectory.count + 1))
        copy.files[next] = log.files.files[names[names.count - 1]]
        #expect(try log.check(copy.storage(), "the last segment twice"))
        copy.files[next] = nil
        copy.files[names[1]] = nil
        let hole = failure { _ = try openLog(copy.storage()) }
        #expect(hole?.location == "\(segmentPath(2)):0" && hole?.message.contains(names[2]) == true)
    }

    @Test func missingControlAndPageAreRefused() throws {
        let log = try DamagedLog(isClean: true)
        for name in ["control", "durable"] {
            var copy = log.files
            copy.files[name] = nil
            let storage = try copy.storage()
            let opened = failure { _ = try openLog(storage) }
            #expect(opened?.code == .dataLoss && opened?.location == "\(logDirectory)/\(name):0")
            let verified = failure {
                if let damage = try LogVerifier.verify(storage: storage, directory: logDirectory).damage { throw damage }
            }
            #expect(verified?.code == .dataLoss && verified?.location == "\(logDirectory)/\(name):0")
            #expect(try LogFiles(storage).files == copy.files)
        }
    }

    @Test func aPageThatSaysTooMuchIsNamedBesideTheLogsEnd() throws {
        let log = try DamagedLog(isClean: true)
        let damaged = try log.files.storage(changing: "durable") { $0[64 + 2] ^= 1 }
        let error = failure { _ = try openLog(damaged) }
        #expect(error?.code == .dataLoss && error?.message.contains("\(logDirectory)/durable:64") == true)
    }

    @Test func aCheckpointOfAnotherLogIsRefusedAtItsFile() throws {
        let storage = MemoryStorage()
        let log = try openLog(storage)
        for byte in 1...40 {
            try log.stage(UInt8(byte))
            try log.commit()
        }
        try FollowerCheckpoint(logID: otherLogID, id: 5, name: "x", position: 1, writerEpoch: 1).save(storage, logDirectory)
        let error = failure { try log.removeSegments(keepingFrom: .max) }
        #expect(error?.code == .failedPrecondition)
        #expect(error?.location == "\(logDirectory)/followers/follower-0000000000000005:16")
    }

    @Test func segmentsOfAnotherLogAreRefused() throws {
        let log = try DamagedLog(isClean: true)
        let foreign = MemoryStorage()
        try openLog(foreign, id: otherLogID).close()
        var copy = log.files
        copy.files[log.files.segmentNames[0]] = try LogFiles(foreign).files[log.files.segmentNames[0]]
        let storage = try copy.storage()
        let error = failure { _ = try openLog(storage) }
        #expect(error?.code == .dataLoss && error?.message.contains("belongs to log \(otherLogID)") == true)
    }

    @Test func aDurableRecordLostInTheMiddleOfTheLastSegmentIsRefusedEvenWithAnOldPage() throws {
        let storage = MemoryStorage()
        let log = try openLog(storage)
        let page = try storage.readAll("\(logDirectory)/durable")
        for byte in 1...3 {
            try log.stage(UInt8(byte))
            try log.commit()
        }
        try log.close(clean: false)
        var files = try LogFiles(storage)
        files.files["durable"] = page
        let name = files.segmentNames[0]
        // The second record: the third one's header says that it had been durable.
        let damaged = try files.storage(changing: name) { $0[128 + 128 + 70] ^= 1 }
        let error = failure { _ = try openLog(damaged) }
        #expect(error?.code == .dataLoss && error?.location == "\(logDirectory)/\(name):256")
        // The last record could as well be torn: it is cut, and its position is in the gap, so that who holds it gets DATA_LOSS.
        let cut = try files.storage(changing: name) { $0[128 + 256 + 70] ^= 1 }
        #expect(try openLog(cut).recoveredGap == 3...16)
        #expect(try LogReader(storage: cut, directory: logDirectory).lookup(3) == .gap)
    }

    @Test func bytesInAPaddingThatAreNotZeroAreDamage() throws {
        let storage = MemoryStorage()
        let log = try openLog(storage)
        try log.stage(1, count: 40)
        try log.close()
        try storage.open(segmentPath(1), .readWrite).write([1], at: 128 + 64 + 63)
        let error = failure { _ = try openLog(storage) }
        #expect(error?.code == .dataLoss && error?.location == "\(segmentPath(1)):128")
    }
}
