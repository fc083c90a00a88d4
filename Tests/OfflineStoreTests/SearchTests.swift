import FeatureModel
import TestSupport
import Testing

@testable import OfflineStore

@Suite struct SearchTests {
    /// Every range of up to nine numbers, every answer in it, every guess in it and around.
    @Test func everySearchFindsTheFirstNumberThatIsNotBefore() {
        for lower in [0, 5] {
            for count in 0...9 {
                let range = lower..<lower + count
                for answer in lower...lower + count {
                    let isBefore: (Int) -> Bool = { number in
                        #expect(range.contains(number), "asked outside of \(range)")
                        return number < answer
                    }
                    #expect(range.bisect(isBefore) == answer)
                    #expect(range.gallop(isBefore) == answer)
                    for guess in lower - 3...lower + count + 3 {
                        #expect(range.gallop(near: guess, isBefore) == answer, "\(range), answer \(answer), guess \(guess)")
                    }
                }
            }
        }
    }

    /// Frames that end on and off a word's end.
    @Test(arguments: Array(0...57) + [64]) func packedIntegersOfEveryWidthComeBack(_ width: Int) throws {
        var random = SplitMix64(seed: 0x9ACE_0000 + UInt64(width))
        for count in [1, 2, 63, 64, 65, 1_023, 1_024, 1_025, 2_100] {
            let mask: UInt64 = width == 64 ? .max : 1 << UInt64(width) - 1
            var values = (0..<count).map { _ in Int64(bitPattern: random.next() & mask) }
            // The whole width is there, whatever was drawn.
            (values[0], values[count - 1]) = (0, Int64(bitPattern: mask))
            let bytes = PackedIntegers.encode(values)
            let decoded = try bytes[...].withBytes { (span) throws(HeadwaterError) in
                try PackedIntegers.check(span, count: count)
                return PackedIntegers.decode(span, count: count)
            }
            #expect(decoded == values, "\(count) values")
        }
    }
}
