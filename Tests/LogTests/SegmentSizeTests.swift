import FeatureModel
import Testing

@testable import Log

@Suite struct SegmentSizeTests {
    @Test func theFirstSegmentsOfALogAreSmall() {
        let options = LogOptions()
        #expect((1...6).map { options.segmentBytes(number: $0) } == [1, 4, 16, 64, 64, 64].map { $0 << 20 })
        #expect(options.segmentBytes(number: .max) == 64 << 20)
        // A smaller size is the size of all, a larger one is reached too.
        #expect((1...3).allSatisfy { LogOptions(segmentBytes: 64 << 10).segmentBytes(number: $0) == 64 << 10 })
        #expect(LogOptions(segmentBytes: 100 << 20).segmentBytes(number: 5) == 100 << 20)
    }
}
