import FeatureModel
import Testing

@testable import OnlineStore

/// Keys come to all stripes alike: were all to grow in one moment, the writes of that moment would wait for the whole map.
@Suite struct StripeGrowthTests {
    private static let keyCount = 300_000

    @Test func stripesDoNotGrowInOneMoment() {
        let stripes = Stripes(seed: 9)
        let keys = EncodedKeys(
            1, [int64s((0..<Int64(Self.keyCount)).map { Optional($0) })], rowCount: Self.keyCount, seed: 9)
        var row = RowBuffer()
        var slotCounts = [Int](repeating: 0, count: Stripes.count)
        var mostAtOnce = 0
        for key in 0..<Self.keyCount {
            row.build(
                keys: keys, row: key, order: RowOrder(eventTime: 1, position: 1, row: UInt32(key)), schemaVersion: 1,
                features: nil)
            _ = stripes.upsert(row, isForced: false, needed: { [] }, pause: {})
            // Looked at after each hundredth of all rows, of the second half.
            guard (key + 1) % (Self.keyCount / 100) == 0 else { continue }
            let counts = (0..<Stripes.count).map { stripes.slots($0).count }
            if key > Self.keyCount / 2 { mostAtOnce = max(mostAtOnce, zip(counts, slotCounts).count { $0 != $1 }) }
            slotCounts = counts
        }
        #expect(mostAtOnce > 0 && mostAtOnce < Stripes.count / 9, "\(mostAtOnce)")
    }

    @Test func aStripeIsBetweenAQuarterAndThreeQuartersFull() {
        for number in [0, 100, Stripes.count - 1] {
            var table = StripeTable(number: number, seed: 0)
            var given: [UInt] = []
            let keys = EncodedKeys(1, [int64s((0..<5_000).map { Optional($0) })], rowCount: 5_000, seed: 0)
            var row = RowBuffer()
            for key in 0..<5_000 {
                row.build(
                    keys: keys, row: key, order: RowOrder(eventTime: 1, position: 1, row: UInt32(key)), schemaVersion: 1,
                    features: nil)
                _ = table.upsert(row, isForced: false, needed: { [] }, pause: {}, given: &given)
                let share = Double(table.count) / Double(table.slots.count)
                #expect(share <= 0.75 + 1 / 8.0 && (key < 8 || share > 0.25), "stripe \(number), \(key) keys")
            }
            MapMemory.free(given)
        }
    }

    @Test func givingWayIsOfUseWhileThereAreReads() {
        var watch = ReadWatch()
        let counts = [0, 1] + [Int](repeating: 1, count: 4_095) + [1, 1, 5]
        let expected = [false, true] + [Bool](repeating: true, count: 4_095) + [false, false, true]
        #expect(counts.map { watch.areComing(count: $0) } == expected)
    }
}
