import CChecksum
import FeatureModel
import TestSupport
import Testing

@Suite struct ChecksumTests {
    @Test func knownVectors() {
        // The first is CRC32C's check value; the others are from RFC 3720, B.4.
        #expect(CRC32C.checksum(Array("123456789".utf8)) == 0xE306_9283)
        #expect(CRC32C.checksum([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
        #expect(CRC32C.checksum([UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
        #expect(CRC32C.checksum([UInt8](0..<32)) == 0x46DD_794E)
        #expect(CRC32C.checksum([UInt8]()) == 0)
    }

    @Test func hardwareAgreesWithTheTable() {
        var generator = SplitMix64(seed: 3)
        for round in 0..<500 {
            let bytes = generator.bytes(Int(generator.next() % 300))
            let start = UInt32(truncatingIfNeeded: generator.next())
            // The pointers are used only inside the closure, with the buffer's own length.
            unsafe bytes.withUnsafeBytes {
                #expect(
                    unsafe headwater_crc32c(start, $0.baseAddress, $0.count)
                        == headwater_crc32c_portable(start, $0.baseAddress, $0.count), "seed 3, round \(round)")
            }
        }
    }

    @Test func piecesGiveTheChecksumOfTheWhole() {
        var generator = SplitMix64(seed: 4)
        for round in 0..<200 {
            let bytes = generator.bytes(1 + Int(generator.next() % 200))
            let cut = Int(generator.next() % UInt64(bytes.count))
            var pieces = CRC32C()
            pieces.update(bytes[..<cut])
            pieces.update(bytes[cut...])
            #expect(pieces.value == CRC32C.checksum(bytes), "seed 4, round \(round)")
        }
    }
}
