import FeatureModel
@testable import Log
import StorageIO
import TestDisks
import Testing

@Suite struct FormatTests {
    private func bytes(_ hex: String) -> [UInt8] {
        let digits = Array(hex.utf8)
        return stride(from: 0, to: digits.count, by: 2).map {
            UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16)!
        }
    }

    /// The log whose bytes stand below: of version 1, which every later version
    /// must read, and of version 2, which this one writes.
    private func goldenLog() throws -> MemoryStorage {
        let storage = MemoryStorage()
        let log = try openLog(storage)
        let stamp = ProducerStamp(producer: 7, epoch: 8, sequence: 9)
        _ = try log.stage(kind: .data, stamp: stamp, body: [0xC0, 0xFF, 0xEE], now: 1_700_000_000_000_000)
        try log.commit()
        _ = try log.stage(kind: .definitions, stamp: .none, body: [], now: 0)
        try log.close()
        return storage
    }

    /// The same log as version 1 wrote it.
    private func goldenLogOfVersion1() throws -> MemoryStorage {
        var files = try LogFiles(goldenLog())
        func padded(_ hex: String, _ count: Int) -> [UInt8] {
            let used = bytes(hex)
            return used + [UInt8](repeating: 0, count: count - used.count)
        }
        files.files = [
            "segment-0000000000000001.log": padded(Golden.segment, 1_024),
            "control": padded(Golden.control, 4_096) + padded(Golden.control, 4_096),
            "durable": padded(Golden.durable, 4_096),
        ]
        return try files.storage()
    }

    @Test func aSmallLogIsWrittenByteForByteAsVersion2() throws {
        let files = try LogFiles(goldenLog())
        #expect(
            files.files["segment-0000000000000001.log"]!.prefix(128 + 128 + 64).hexadecimal == Golden.inVersion2(Golden.segment))
        #expect(files.files["segment-0000000000000001.log"]!.dropFirst(320).allSatisfy { $0 == 0 })
        #expect(files.files["control"]!.prefix(128).hexadecimal == Golden.inVersion2(Golden.control))
        #expect(files.files["control"]!.dropFirst(4_096).prefix(128).hexadecimal == Golden.inVersion2(Golden.control))
        #expect(files.files["durable"]!.prefix(88).hexadecimal == Golden.durable)
    }

    @Test func theGoldenLogOfVersion1IsRead() throws {
        let storage = try goldenLogOfVersion1()
        let log = try openLog(storage)
        #expect(log.lastPosition == 2 && log.recoveredGap == nil && log.writerEpoch == 2 && log.logID == testLogID)
        let read = try readAll(storage)
        #expect(read.map(\.kind) == [.data, .definitions] && read[0].body == [0xC0, 0xFF, 0xEE])
        #expect(read.map(\.ingestTime) == [1_700_000_000_000_000, 1_700_000_000_000_000])
        #expect(read[0].stamp == ProducerStamp(producer: 7, epoch: 8, sequence: 9))
    }

    @Test func aLogOfVersion1GoesOnInASegmentOfVersion2() throws {
        let storage = try goldenLogOfVersion1()
        // Opened and closed again, opened without an end, and written to:
        // a reader of version 1 meets no record that it does not know.
        try openLog(storage).close()
        try openLog(storage).close(clean: false)
        let log = try openLog(storage)
        for byte in 1...3 {
            try log.stage(UInt8(byte))
            try log.commit()
        }
        try log.close()
        let written = try LogFiles(storage).files
        #expect(written["segment-0000000000000001.log"]![8] == 1)
        #expect(written["segment-0000000000000002.log"]![8] == 2)
        #expect(written["segment-0000000000000003.log"] == nil)
        #expect(written["control"]![12] == 2)
        #expect(try readAll(storage).suffix(3).map { Array($0.body.prefix(1)) } == [[1], [2], [3]])
        #expect(try LogVerifier.verify(storage: storage, directory: logDirectory).damage == nil)
    }

    @Test(arguments: ["segment-0000000000000001.log", "control", "durable"])
    func aNewerFormatIsRefusedUntouched(name: String) throws {
        let files = try LogFiles(goldenLog())
        let sealed = name == "durable" ? 36 : 128
        let storage = try files.storage(changing: name) { bytes in
            for start in name == "control" ? [0, 4_096] : [0] {
                bytes[start + 8] = name == "durable" ? 2 : 3
                bytes[start + 12] = bytes[start + 8]
                bytes.store(littleEndian: CRC32C.checksum(bytes[start..<start + sealed - 4]), at: start + sealed - 4)
            }
        }
        let before = try LogFiles(storage).files
        for attempt in [
            { _ = try openLog(storage) }, { _ = try LogVerifier.verify(storage: storage, directory: logDirectory) },
            { try LogDump.forEach(storage: storage, directory: logDirectory) { _ in } },
        ] {
            let error = failure(attempt)
            #expect(error?.code == .failedPrecondition && error?.message.contains("upgrade") == true)
        }
        #expect(try LogFiles(storage).files == before)
    }

    @Test func verifyCountsAndDumpLists() throws {
        let storage = MemoryStorage()
        var log = try openLog(storage)
        for byte in 1...8 { try log.stage(UInt8(byte)) }
        try log.close(clean: false)
        log = try openLog(storage)
        try log.stage(9, count: 7)
        try log.commit()
        // What is not durable is not judged.
        try log.stage(10)
        _ = try log.write()
        let before = try LogFiles(storage).files
        let report = try LogVerifier.verify(storage: storage, directory: logDirectory)
        #expect(report.damage == nil && report.records == 2 && report.bodyBytes == 8 + 7)
        #expect(report.firstPosition == 16 && report.lastPosition == 17 && report.gaps == [1...16])
        var entries: [LogEntry] = []
        try LogDump.forEach(storage: storage, directory: logDirectory) { entries.append($0) }
        #expect(entries.map(\.position) == [16, 17] && entries.map(\.offset) == [128, 256])
        #expect(
            entries[0].gap == 1...16 && entries[1].bodyBytes == 7 && entries[1].segment == 1 && entries[1].path == segmentPath(1))
        #expect(try LogFiles(storage).files == before)
    }

    @Test func verifyReportsTheFirstDamageWithItsPlace() throws {
        let storage = MemoryStorage()
        let log = try openLog(storage)
        for byte in 1...20 { try log.stage(UInt8(byte)) }
        try log.close()
        try storage.open(segmentPath(2), .readWrite).write([0xFF], at: 128 + 128 + 70)
        let report = try LogVerifier.verify(storage: storage, directory: logDirectory)
        #expect(report.records == 8 && report.damage?.location == "\(segmentPath(2)):256")
    }

    @Test func bodiesStandAlignedInTheFile() throws {
        let storage = MemoryStorage()
        let log = try openLog(storage)
        for count in [0, 1, 63, 64, 65, 300] { try log.stage(1, count: count) }
        try log.close()
        try LogDump.forEach(storage: storage, directory: logDirectory) { #expect($0.offset % 64 == 0) }
    }
}

/// The used bytes of the golden log's files.
private enum Golden {
    /// The block at the start as version 2 writes it: version, least reader and checksum are others.
    static func inVersion2(_ version1: String) -> String {
        var bytes = stride(from: 0, to: version1.utf8.count, by: 2).map { place in
            UInt8(version1.dropFirst(place).prefix(2), radix: 16)!
        }
        (bytes[8], bytes[12]) = (2, 2)
        bytes.store(littleEndian: CRC32C.checksum(bytes[..<124]), at: 124)
        return bytes.hexadecimal
    }

    static let segment =
        "48574c4f475345470100000001000000000102030405060708090a0b0c0d0e0f010000000000000001000000000000000000000000000000"
        + "0000000000000080000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
        + "0000000000000000000000007514cb91030000000fabdf99010000000000000000401e18240a060007000000000000000800000001000000"
        + "09000000000000000000000000000000000000008bacce39c0ffee0000000000000000000000000000000000000000000000000000000000"
        + "000000000000000000000000000000000000000000000000000000000000000000000000eb08c9d9020000000000000000401e18240a0600"
        + "000000000000000000000000020000000000000000000000010000000000000000000000a1a56be2"
    static let control =
        "48574c4f4743544c0100000001000000000102030405060708090a0b0c0d0e0f030000000000000002000000000000000200000000000000"
        + "0100000000000000010000000000000003000000000000000000000000000000000000000000000000000000000000000000000000000000"
        + "00000000000000000000000024a10b24"
    static let durable =
        "48574c4f47504f530100000001000000000102030405060708090a0b0c0d0e0f43d867cc0000000000000000000000000000000000000000"
        + "00000000000000000200000000000000fdffffffffffffff0100000000000000"
}
