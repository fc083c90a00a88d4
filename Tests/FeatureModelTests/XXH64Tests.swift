import FeatureModel
import Testing

@Suite struct XXH64Tests {
    private static let prime32: UInt64 = 2_654_435_761
    private static let prime64: UInt64 = 11_400_714_785_074_694_797

    /// The buffer of xxHash's own sanity check.
    private static let sanity: [UInt8] = {
        var state = prime32
        return (0..<101).map { _ in
            defer { state &*= prime64 }
            return UInt8(truncatingIfNeeded: state >> 56)
        }
    }()

    @Test(
        arguments: [
            (0, 0xEF46_DB37_51D8_E999, 0xAC75_FDA2_929B_17EF), (1, 0xE934_A84A_DB05_2768, 0x5014_6076_43A9_B4C3),
            (4, 0x9136_A0DC_A574_57EE, 0xCAAB_286B_D8E9_FDB5), (14, 0x8282_DCC4_994E_35C8, 0xC3BD_6BF6_3DEB_6DF0),
            (101, 0xA51E_A210_1B2D_114C, 0x6B38_A5BB_BA1F_049C),
        ] as [(Int, UInt64, UInt64)])
    func theSanityCheckOfXXHashPasses(count: Int, withoutSeed: UInt64, withPrime: UInt64) {
        let bytes = Self.sanity[..<count]
        #expect(XXH64.hash(bytes) == withoutSeed)
        #expect(XXH64.hash(bytes, seed: Self.prime32) == withPrime)
        #expect(XXH64.hash(Array(bytes)) == withoutSeed)
    }

    @Test func textsHaveTheirPublishedHashes() {
        #expect(XXH64.hash(Array("abc".utf8)) == 0x44BC_2CF5_AD77_0999)
        #expect(XXH64.hash(Array("Nobody inspects the spammish repetition".utf8)) == 0xFBCE_A83C_8A37_8BF1)
    }

    @Test func everyLengthWithASeedHashesAsTheReferenceDoes() {
        // Each hash times its number, exclusive-or: the figure is that of python-xxhash 3.
        var all: UInt64 = 0
        for count in 0..<300 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 7 + count) }
            all ^= XXH64.hash(bytes, seed: UInt64(count) &* Self.prime64) &* UInt64(count + 1)
        }
        #expect(all == 0xEEA3_FB71_D97C_FEFC)
    }

    @Test func anIntegerHashesAsItsBytes() {
        #expect(XXH64.hash(0x0123_4567_89AB_CDEF, seed: 42) == 0x1AF0_A5AB_EE8E_D12E)
        for number in [0, 1, UInt64.max, 0x8000_0000_0000_0000] {
            var bytes: [UInt8] = []
            bytes.append(littleEndian: number)
            #expect(XXH64.hash(number) == XXH64.hash(bytes))
        }
    }
}
