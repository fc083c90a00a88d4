import FeatureModel
import TestSupport
import Testing

private func bytes(_ offsets: [Int32]) -> ArraySlice<UInt8> {
    var bytes: [UInt8] = []
    for offset in offsets { bytes.append(littleEndian: offset) }
    return bytes[...]
}

/// Builds a column from hostile buffers.
///
/// - Returns: the code of the refusal, or `nil` where the column was taken and every cell could be read.
private func check(
    _ type: FeatureType, count: Int, nullCount: Int = 0, validity: ArraySlice<UInt8> = [], offsets: [Int32] = [],
    elementValidity: ArraySlice<UInt8> = [], elementOffsets: [Int32] = [], data: [UInt8] = []
) -> StatusCode? {
    refusal {
        try Column.checked(
            type: type, count: count, nullCount: nullCount, validity: validity, offsets: bytes(offsets),
            elementValidity: elementValidity, elementOffsets: bytes(elementOffsets), data: data[...]
        ).values
    }?.code
}

@Suite struct ColumnCheckedTests {
    @Test func offsetsMustStartAtZeroRiseAndEndWithTheData() {
        let data = Array("abcdef".utf8)
        for type in [FeatureType.string, .bytes] {
            #expect(check(type, count: 2, offsets: [0, 2, 6], data: data) == nil)
            #expect(check(type, count: 2, offsets: [0, 6, 6], data: data) == nil)
            for offsets: [Int32] in [
                [1, 2, 6], [-1, 2, 6], [0, 4, 3], [0, 7, 6], [0, 2, 5], [0, 2, 7], [0, -1, 6], [0, .min, 6], [0, 2, .max],
                [0, 2], [0, 2, 6, 6], [],
            ] {
                #expect(check(type, count: 2, offsets: offsets, data: data) == .invalidArgument, "\(offsets)")
            }
        }
        #expect(check(.string, count: 0, offsets: [0]) == nil)
        #expect(check(.string, count: 0, offsets: []) == .invalidArgument)
    }

    @Test func textMustBeUTF8AndCutBetweenCharacters() {
        let letter: [UInt8] = [0xC3, 0xA9]
        #expect(check(.string, count: 1, offsets: [0, 2], data: letter) == nil)
        #expect(check(.string, count: 2, offsets: [0, 1, 2], data: letter) == .invalidArgument)
        #expect(check(.bytes, count: 2, offsets: [0, 1, 2], data: letter) == nil)
        let bad: [[UInt8]] = [
            [0xFF], [0xC3], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0x80], [0xE2, 0x82],
        ]
        for text in bad {
            #expect(check(.string, count: 1, offsets: [0, Int32(text.count)], data: text) == .invalidArgument, "\(text)")
        }
        // Valid as a whole, but a continuation byte starts the second cell.
        let two = Array("aé".utf8)
        #expect(check(.string, count: 3, offsets: [0, 1, 2, 3], data: two) == .invalidArgument)
        #expect(
            check(.array(.string), count: 1, offsets: [0, 3], elementOffsets: [0, 1, 2, 3], data: two) == .invalidArgument)
        #expect(check(.array(.string), count: 1, offsets: [0, 2], elementOffsets: [0, 1, 3], data: two) == nil)
    }

    @Test func nullCountMustBeThatOfTheBits() {
        let data = [UInt8](repeating: 0, count: 3 * 4)
        #expect(check(.int32, count: 3, nullCount: 1, validity: [0b101], data: data) == nil)
        #expect(
            check(.int32, count: 3, nullCount: 1, validity: [0b1111_1101], data: data) == nil, "bits behind the last are free")
        #expect(check(.int32, count: 3, nullCount: 0, validity: [0b111], data: data) == nil)
        for nullCount in [0, 2, 3, 4, -1, .max, .min] {
            #expect(check(.int32, count: 3, nullCount: nullCount, validity: [0b101], data: data) == .invalidArgument)
        }
        #expect(check(.int32, count: 3, nullCount: 1, data: data) == .invalidArgument)
        #expect(check(.int32, count: 3, nullCount: 1, validity: [0b101, 0], data: data) == .invalidArgument)
        #expect(check(.int32, count: 0, nullCount: 0, validity: [0], data: []) == .invalidArgument)
    }

    @Test func dataMustBeAsLongAsTheCells() {
        for type in everyType where !type.isText {
            if case .array = type { continue }
            let width = type == .bool ? 1 : type.fixedWidth!
            let right = (type == .bool ? 1 : 3) * width
            #expect(check(type, count: 3, data: Array(repeating: 0, count: right)) == nil)
            for wrong in [0, right - 1, right + 1] {
                #expect(check(type, count: 3, data: Array(repeating: 0, count: wrong)) == .invalidArgument)
            }
            #expect(check(type, count: 3, offsets: [0, 0, 0, 0], data: Array(repeating: 0, count: right)) == .invalidArgument)
        }
    }

    @Test func hugeCountsAndWidthsAreRefusedWithoutOverflow() {
        for type in everyType + [.vector(Limits.vectorLengthMax)] {
            for count in [-1, .min, .max, Int.max / 4, Int(Int32.max), Int(Int32.max) + 1, Int(UInt32.max)] {
                #expect(check(type, count: count, data: [0, 0, 0, 0]) == .invalidArgument, "\(count) of \(type)")
                #expect(
                    check(type, count: count, nullCount: count, validity: [0], offsets: [0, 1], data: [0]) == .invalidArgument)
            }
        }
        #expect(check(.array(.float64), count: 1, offsets: [0, .max], data: [0]) == .invalidArgument)
        #expect(check(.array(.bool), count: 1, offsets: [0, .max], elementValidity: [0], data: [0]) == .invalidArgument)
    }

    @Test func elementBuffersMustFitTheElements() {
        let type = FeatureType.array(.int32)
        let data = [UInt8](repeating: 0, count: 12)
        #expect(check(type, count: 2, offsets: [0, 1, 3], data: data) == nil)
        #expect(check(type, count: 2, offsets: [0, 1, 3], elementValidity: [0b101], data: data) == nil)
        #expect(check(type, count: 2, offsets: [0, 1, 3], elementValidity: [0b101, 0], data: data) == .invalidArgument)
        #expect(check(type, count: 2, offsets: [0, 1, 3], elementOffsets: [0, 4, 8, 12], data: data) == .invalidArgument)
        #expect(check(type, count: 2, offsets: [0, 1, 2], data: data) == .invalidArgument)
        #expect(check(type, count: 2, offsets: [0, 2, 1], data: data) == .invalidArgument)
        #expect(check(.int32, count: 3, elementValidity: [7], data: data) == .invalidArgument)
        #expect(check(.string, count: 1, offsets: [0, 12], elementOffsets: [0], data: data) == .invalidArgument)
        #expect(check(.array(.string), count: 1, offsets: [0, 1], elementOffsets: [0, 12], data: data) == nil)
        #expect(check(.array(.string), count: 1, offsets: [0, 1], elementOffsets: [0, 13], data: data) == .invalidArgument)
        #expect(check(.array(.string), count: 1, offsets: [0, 1], elementOffsets: [], data: data) == .invalidArgument)
    }

    @Test func aCellAtTheLimitIsTakenAndOneByteMoreIsNot() {
        let most = Limits.cellBytesMax
        for extra in [0, 1] {
            let data = [UInt8](repeating: 0x61, count: most + extra)
            let expected: StatusCode? = extra == 0 ? nil : .invalidArgument
            #expect(refusalOfSize(.bytes, cell: most + extra, data: data) == expected)
            #expect(refusalOfSize(.string, cell: most + extra, data: data) == expected)
        }
        for extra in [0, 1] {
            let elements = most / 8 + extra
            let data = [UInt8](repeating: 0, count: elements * 8)
            #expect(refusalOfSize(.array(.int64), cell: elements, data: data) == (extra == 0 ? nil : .invalidArgument))
        }
    }

    /// Like `check`, without reading the cells one by one.
    private func refusalOfSize(_ type: FeatureType, cell: Int, data: [UInt8]) -> StatusCode? {
        refusal {
            try Column.checked(
                type: type, count: 1, nullCount: 0, validity: [], offsets: bytes([0, Int32(cell)]), elementValidity: [],
                elementOffsets: [], data: data[...])
        }?.code
    }
}
