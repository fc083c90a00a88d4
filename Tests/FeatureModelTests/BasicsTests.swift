import CChecksum
import FeatureModel
import TestSupport
import Testing

@Suite struct BasicsTests {
    /// *Source*: RFC 3720, appendix B.4.
    @Test func checksumsAreCRC32C() {
        #expect(CRC32C.checksum(Array("123456789".utf8)) == 0xE306_9283)
        #expect(CRC32C.checksum([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
        #expect(CRC32C.checksum([UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
        #expect(CRC32C.checksum(Array(0..<32)) == 0x46DD_794E)
        #expect(CRC32C.checksum([] as [UInt8]) == 0)
    }

    @Test(arguments: testSeeds)
    func theFastChecksumEqualsTheTableAtEveryLengthAlignmentAndCut(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        for count in 0..<200 {
            let bytes = (0..<count).map { _ in UInt8(random.int(0...255)) }
            let slice = shifted(bytes, by: random.int(0...9))
            let whole = CRC32C.checksum(slice)
            // The pointer is valid inside the closure.
            let table = unsafe bytes.withUnsafeBytes { unsafe headwater_crc32c_portable(0, $0.baseAddress, $0.count) }
            var parts = CRC32C()
            let cut = random.int(0...count)
            parts.update(slice.part(at: 0, count: cut))
            parts.update(slice.part(at: cut, count: count - cut))
            #expect(whole == table && whole == parts.value)
        }
    }

    @Test(arguments: testSeeds)
    func integersReadBackLittleEndianAtAnyOffset(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        for _ in 0..<200 {
            let number = random.next()
            var bytes = [UInt8](repeating: 7, count: random.int(0...9))
            let at = bytes.count
            bytes.append(littleEndian: number)
            #expect(bytes[at] == UInt8(truncatingIfNeeded: number))
            #expect(shifted(bytes, by: 3).littleEndian(at: at, as: UInt64.self) == number)
            bytes.store(littleEndian: UInt32(5), at: at)
            #expect(bytes[...].littleEndian(at: at, as: UInt64.self) == number & ~0xFFFF_FFFF | 5)
        }
    }

    @Test func byteStringsCompareAsBytes() {
        #expect(ByteString("\u{E9}") != ByteString("e\u{301}"))
        #expect(ByteString("a") < "a\0" && ByteString("a\0") < "a\u{1}" && ByteString([0x7F]) < ByteString([0x80]))
        #expect(ByteString([0x61, 0xFF]).description == "a\u{FFFD}")
        #expect(Set([ByteString("a"), "a", "b"]).count == 2)
    }

    @Test func errorsSayWhereFromTheOutsideIn() {
        let error = HeadwaterError(.invalidArgument, "not a number", at: "row 3").located(at: "column temp")
        #expect(error.description == "INVALID_ARGUMENT: column temp: row 3: not a number")
        #expect(HeadwaterError(.dataLoss, "gone").located(at: "log:64").description == "DATA_LOSS: log:64: gone")
        #expect(StatusCode.allCases.map(\.rawValue) == Array(0...16), "gRPC's numbers")
    }

    @Test func limitsFitTheWidthsThatFormatsGiveThem() {
        #expect(Limits.batchBytesMax <= Int(Int32.max) && Limits.cellBytesMax <= Limits.batchBytesMax)
        #expect(Limits.keyColumnsMax + 2 + Limits.featuresMax <= Int(UInt16.max))
        #expect(Limits.batchRowsMax * Limits.entriesMax <= Int(UInt32.max), "rows of a record are numbered in 32 bits")
        #expect(Limits.vectorLengthMax * 4 <= Limits.cellBytesMax)
    }
}
