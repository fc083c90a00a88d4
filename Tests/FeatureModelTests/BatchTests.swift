import FeatureModel
import TestSupport
import Testing

@Suite struct BatchTests {
    @Test(arguments: testSeeds)
    func randomBatchesRoundTrip(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        for _ in 0..<12 {
            let schema = random.schema()
            let batch = random.batch(schema, rowCount: random.pick([0, 1, 7, 8, 9, 50]))
            let decoded = try Batch(decoding: shifted(batch.bytes, by: random.int(0...9)))
            #expect(decoded.rowCount == batch.rowCount)
            #expect(decoded.ordinals == batch.ordinals)
            #expect(decoded.columns.map(\.type) == batch.ordinals.map { schema.type(ofOrdinal: $0) })
            #expect(decoded.columns.map(\.values) == batch.columns.map(\.values))
            #expect(decoded.columns.map(\.nullCount) == batch.columns.map(\.nullCount))
            #expect(decoded.bytes == batch.bytes)
            let again = Batch(rowCount: decoded.rowCount, columns: zip(decoded.ordinals, decoded.columns).map { ($0, $1) })
            #expect(again.bytes == batch.bytes, "encoding is a function of the cells")
        }
    }

    @Test func thePlaceOfAnEmptyBufferIsNotRead() throws {
        let batch = Batch(rowCount: 3, columns: [(0, try Column(.int64, [.int64(1), .int64(2), .int64(3)]))])
        for place in [1, 63, 64, 1 << 20, Int(UInt32.max)] {
            var bytes = Array(batch.bytes)
            // Validity, offsets, element validity, element offsets: a column of integers without nulls has none of them.
            for slot in 0..<4 {
                for byte in 0..<4 { bytes[64 + 16 + slot * 8 + byte] = UInt8(truncatingIfNeeded: place >> (8 * byte)) }
            }
            #expect(try Batch(decoding: bytes[...]).columns[0].values == batch.columns[0].values)
        }
    }

    @Test(arguments: everyType)
    func everyTypeRoundTripsAtEveryAlignment(type: FeatureType) throws {
        var random = SplitMix64(seed: 17)
        let column = random.column(type, count: 13, nulls: 0.3)
        let batch = Batch(rowCount: 13, columns: [(0, column)])
        for shift in 0..<16 {
            #expect(try Batch(decoding: shifted(batch.bytes, by: shift)).columns[0].values == column.values)
        }
    }

    @Test func columnsAreFoundByOrdinal() throws {
        let cells = try Column(.int32, [.int32(1)])
        let batch = Batch(rowCount: 1, columns: [(0, cells), (3, try Column(.bool, [.bool(true)])), (70_000, cells)])
        let decoded = try Batch(decoding: batch.bytes)
        for batch in [batch, decoded] {
            #expect(batch.column(ordinal: 0)?.type == .int32)
            #expect(batch.column(ordinal: 1) == nil)
            #expect(batch.column(ordinal: 3)?.type == .bool)
            #expect(batch.column(ordinal: 70_000)?.value(0) == .int32(1))
            #expect(batch.column(ordinal: 70_001) == nil)
        }
    }

    @Test func batchesWithoutRowsOrColumnsRoundTrip() throws {
        let empty = try Batch(decoding: Batch(rowCount: 0, columns: []).bytes)
        #expect(empty.rowCount == 0 && empty.columns.isEmpty && empty.bytes.count == Batch.headerBytes)
        let columns = everyType.enumerated().map { (ordinal: $0, column: Column.nulls($1, count: 0)) }
        #expect(try Batch(decoding: Batch(rowCount: 0, columns: columns).bytes).columns.map(\.type) == everyType)
    }

    /// Batches stand in logs: these bytes may never change.
    @Test func bytesArePermanent() throws {
        let batch = Batch(rowCount: 3, columns: [(2, try Column(.string, [.string("hé"), .null, .string("")]))])
        var expected: [UInt8] = [0x48, 0x57, 0x42, 0x31, 1, 0, 1, 0, 3, 0, 0, 0, 64, 1, 0, 0]
        expected.pad(to: 64)
        expected += [2, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]
        expected += [128, 0, 0, 0, 1, 0, 0, 0, 192, 0, 0, 0, 16, 0, 0, 0] + Array(repeating: 0, count: 16)
        expected += [0, 1, 0, 0, 3, 0, 0, 0]
        expected.pad(to: 64)
        expected += [0b101]
        expected.pad(to: 64)
        expected += [0, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0]
        expected.pad(to: 64)
        expected += [0x68, 0xC3, 0xA9]
        expected.pad(to: 64)
        #expect(Array(batch.bytes) == expected)
    }
}
