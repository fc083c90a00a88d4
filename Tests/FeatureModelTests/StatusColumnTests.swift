import FeatureModel
import TestSupport
import Testing

@Suite struct StatusColumnTests {
    @Test(arguments: testSeeds)
    func statusesRoundTripAtTwoBitsACell(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        for count in 0..<40 {
            let statuses = (0..<count).map { _ in random.pick(CellStatus.allCases) }
            var column = StatusColumn()
            for status in statuses { column.append(status) }
            #expect((0..<count).map { column[$0] } == statuses)
            #expect(column.packed.count == (count + 3) / 4)
            let read = try StatusColumn(packed: shifted(column.packed, by: 1), count: count)
            #expect(read == column)
        }
    }

    @Test func theFirstCellIsInTheLowestBits() {
        var column = StatusColumn()
        for status in [CellStatus.nullValue, .notFound, .outsideMaxAge, .present, .notFound] { column.append(status) }
        #expect(column.packed == [0b00_11_10_01, 0b10])
        #expect(CellStatus.allCases.map(\.description) == ["PRESENT", "NULL_VALUE", "NOT_FOUND", "OUTSIDE_MAX_AGE"])
    }

    @Test func bytesThatDoNotFitTheCountAreRefused() {
        for (packed, count) in [([], 1), ([0], 0), ([0], 5), ([0, 0], 4), ([0], -1), ([], -1), ([], Int.max), ([0b100], 1)]
            as [([UInt8], Int)]
        {
            #expect(
                refusal { try StatusColumn(packed: packed[...], count: count) }?.code == .invalidArgument, "\(packed) \(count)")
        }
    }

    @Test func aSliceHasTheStatusesOfItsRows() {
        var random = SplitMix64(seed: 9)
        for count in [0, 1, 3, 4, 5, 8, 9, 33] {
            var column = StatusColumn()
            for _ in 0..<count { column.append(random.pick(CellStatus.allCases)) }
            for start in 0...count {
                for end in start...count {
                    var expected = StatusColumn()
                    for row in start..<end { expected.append(column[row]) }
                    #expect(column.slice(start..<end) == expected)
                }
            }
        }
    }
}
