import FeatureModel
import StorageIO
import TestSupport
import Testing

@testable import OfflineStore

/// The encodings of pages, each with the data that it is for and with data that it is not for.
@Suite struct PageTests {
    private static let counts = [0, 1, 2, 3, 1_023, 1_024, 1_025, 2_500]

    /// Integers of several shapes.
    private static func integers(_ count: Int, _ random: inout SplitMix64) -> [[Int64]] {
        let bits = random.below(64)
        let step = Int64(bitPattern: random.next() >> 20)
        return [
            (0..<count).map { _ in Int64(bitPattern: random.next()) },
            (0..<count).map { _ in Int64(bitPattern: random.next() >> UInt64(bits)) &- 1_000 },
            (0..<count).map { _ in random.pick([.min, .max, 0]) },
            Array(repeating: Int64(bitPattern: random.next()), count: count),
            (0..<count).map { 1_700_000_000_000_000 &+ Int64($0) &* step },
            (0..<count).map { _ in Int64(random.below(9_000)) * 3_600_000_000 },
            (0..<count).map { Int64(count - $0) * 17 + Int64(random.below(5)) },
        ]
    }

    @Test func packedIntegersComeBackTogetherAndOneByOne() throws {
        for seed in UInt64(0)..<8 {
            var random = SplitMix64(seed: seed)
            for count in Self.counts {
                for (shape, values) in Self.integers(count, &random).enumerated() {
                    let bytes = PackedIntegers.encode(values)
                    try bytes[...].withBytes { (bytes) throws(HeadwaterError) in
                        try PackedIntegers.check(bytes, count: count)
                        #expect(PackedIntegers.decode(bytes, count: count) == values, "seed \(seed), shape \(shape), \(count)")
                        var reader = PackedIntegers.Reader(bytes, count: count)
                        for _ in 0..<min(count, 50) {
                            let index = random.below(count)
                            #expect(reader.value(index, bytes) == values[index], "seed \(seed), shape \(shape), \(count)")
                        }
                    }
                }
            }
        }
    }

    @Test func regularTimesTakeFewBits() {
        let hours = (0..<8_192).map { Int64($0 % 100) * 3_600_000_000 }
        #expect(PackedIntegers.encode(hours).count < 8_192 * 8 / 8 + 400)
        #expect(PackedIntegers.encode((0..<8_192).map { Int64($0) * 12_345 }).count < 300)
    }

    @Test func packedIntegersThatAreCutAreRefused() throws {
        let bytes = PackedIntegers.encode((0..<1_500).map { Int64($0 * $0) })
        for length in 0..<bytes.count {
            #expect(throws: HeadwaterError.self) {
                try bytes[..<length].withBytes { (bytes) throws(HeadwaterError) in try PackedIntegers.check(bytes, count: 1_500) }
            }
        }
    }

    @Test func decimalsComeBackBitByBit() throws {
        for seed in UInt64(0)..<20 {
            var random = SplitMix64(seed: seed)
            let power = [1.0, 10, 100, 1_000][random.below(4)]
            let isSingle = random.chance(50)
            var cells = (0..<2_000).map { _ in Double(random.below(100_000) - 50_000) / power }
            if isSingle { cells = cells.map { Double(Float($0)) } }
            let odd = [Double.nan, -0.0, .infinity, 1 / 3, .leastNonzeroMagnitude]
            for cell in odd { cells[1 + random.below(1_999)] = isSingle ? Double(Float(cell)) : cell }
            let bytes = try #require(DecimalFloats.encode(cells, isSingle: isSingle), "seed \(seed)")
            #expect(bytes.count < cells.count * (isSingle ? 4 : 8))
            try bytes[...].withBytes { (bytes) throws(HeadwaterError) in
                try DecimalFloats.check(bytes, count: cells.count)
                var reader = DecimalFloats.Reader(bytes, count: cells.count)
                for (index, cell) in cells.enumerated() {
                    let value = reader.value(index, bytes)
                    let back = isSingle ? Double(Float(value)) : value
                    #expect(back.bitPattern == cell.bitPattern, "seed \(seed), cell \(index)")
                }
            }
        }
        var random = SplitMix64(seed: 99)
        #expect(DecimalFloats.encode((0..<500).map { _ in Double(random.next()) / 7e18 }, isSingle: false) == nil)
    }

    /// The length before LZ4 bounds what a merge takes into one block:
    /// of large cells that repeat it has to tell what they decode to.
    @Test func largeCellsCountInFullThoughTheyRepeat() throws {
        let text = Value.string(ByteString([UInt8](repeating: 120, count: 256 << 10)))
        let zeros = Value.array([Value](repeating: .int64(0), count: 32 << 10))
        for (type, value) in [(FeatureType.string, text), (.array(.int64), zeros)] {
            for (count, isLarge) in [(20, false), (40, true)] {
                let column = try Column(type, [Value](repeating: value, count: count))
                let page = PageCodec.encode(column)
                #expect((page.entry.rawBytes >= column.byteCount) == isLarge, "\(count) cells of \(type)")
                #expect(page.bytes.count < column.byteCount / 100)
                let file = ChunkBytes(file: MappedFile(path: "page", bytes: page.bytes))
                let back = try PageCodec.decode(page.entry, type: type, from: file)
                #expect(back.buffers.map(Array.init) == column.buffers.map(Array.init))
            }
        }
    }

    /// Cells that a dictionary, packing, decimals and LZ4 each are for.
    private static func values(_ type: FeatureType, _ count: Int, _ random: inout SplitMix64) -> [Value] {
        let few = (0..<5).map { _ in RandomHistory.value(type, &random) }
        let nulls = random.pick([0, 0, 10, 100])
        let shape = random.below(3)
        return (0..<count).map { row in
            if random.chance(nulls) { return .null }
            switch (shape, type) {
            case (0, .int64): return .int64(Int64(row) * 1_000 + Int64(random.below(9)))
            case (0, .timestamp): return .timestamp(Int64(random.below(500)) * 60_000_000)
            case (0, .int32): return .int32(Int32(row / 100))
            case (0, .float64): return .float64(Double(random.below(9_000)) / 100)
            case (0, .float32): return .float32(Float(random.below(9_000)) / 10)
            case (1, .float64): return .float64(Double(bitPattern: random.next()))
            case (1, .int64): return .int64(Int64(bitPattern: random.next()))
            default: return few[random.below(few.count)]
            }
        }
    }

    @Test(arguments: RandomHistory.featureTypes)
    func pagesGiveAllCellsAndPickedOnes(type: FeatureType) throws {
        for seed in UInt64(0)..<8 {
            var random = SplitMix64(seed: seed)
            let values = Self.values(type, 1 + random.below(3_000), &random)
            let column = try Column(type, values)
            let page = PageCodec.encode(column)
            let (bytes, entry) = (page.bytes, page.entry)
            let file = ChunkBytes(file: MappedFile(path: "page", bytes: bytes))
            let back = try PageCodec.decode(entry, type: type, from: file)
            #expect(back.buffers.map(Array.init) == column.buffers.map(Array.init), "seed \(seed)")
            let rows = (0..<200).map { _ in Int32(random.below(values.count)) }
            let places = Array((0..<Int32(200)).shuffled(using: &random))
            let picked = try CellTarget.fill([type], count: 200) { (targets) throws(HeadwaterError) in
                try PageCells.copy(entry, type: type, from: file, rows: rows[...], to: targets[0], places: places[...])
            }[0]
            for (row, place) in zip(rows, places) {
                #expect(picked.value(Int(place)) == values[Int(row)], "seed \(seed), row \(row)")
            }
            let again = try Column.checked(
                type: type, count: 200, nullCount: picked.nullCount, validity: picked.validity, offsets: picked.offsets,
                elementValidity: picked.elementValidity, elementOffsets: picked.elementOffsets, data: picked.data)
            #expect(again.values == picked.values)
        }
    }

    @Test(arguments: RandomHistory.featureTypes)
    func pagesWhoseBytesAreNotWhatTheySayAreRefused(type: FeatureType) throws {
        for seed in UInt64(0)..<4 {
            var random = SplitMix64(seed: seed)
            let page = PageCodec.encode(try Column(type, Self.values(type, 300, &random)))
            let (bytes, entry) = (page.bytes, page.entry)
            for _ in 0..<80 where !bytes.isEmpty {
                // With a checksum that holds: what is behind it must stand on its own, or be another page of this type.
                var damaged = bytes
                damaged[random.below(damaged.count)] = UInt8(truncatingIfNeeded: random.next())
                let claimed = PageEntry(
                    offset: 0, storedBytes: entry.storedBytes, rawBytes: entry.rawBytes, checksum: CRC32C.checksum(damaged),
                    cellCount: entry.cellCount, nullCount: entry.nullCount, encoding: entry.encoding,
                    isCompressed: entry.isCompressed, bounds: entry.bounds)
                let file = ChunkBytes(file: MappedFile(path: "page", bytes: damaged))
                do {
                    _ = try PageCodec.decode(claimed, type: type, from: file).values
                    _ = try CellTarget.fill([type], count: 2) { (targets) throws(HeadwaterError) in
                        try PageCells.copy(claimed, type: type, from: file, rows: [299, 3], to: targets[0], places: [0, 1])
                    }[0].values
                } catch {
                    #expect(error.code == .dataLoss, "\(error)")
                }
            }
        }
    }

    @Test func recordTimesAreFoundWithAndWithoutGaps() {
        let dense = RecordTimes(positions: [5, 6, 7], ingestTimes: [50, 60, 70])
        let sparse = RecordTimes(positions: [1, 6, 900], ingestTimes: [10, 60, 9_000])
        #expect((4...8).map { dense.ingestTime($0) } == [nil, 50, 60, 70, nil])
        #expect([0, 1, 2, 6, 899, 900, 901].map { sparse.ingestTime($0) } == [nil, 10, nil, 60, nil, 9_000, nil])
        #expect(RecordTimes(union: [sparse, dense]).positions == [1, 5, 6, 7, 900])
        var set = PositionSet()
        for position in [900, 5, 4_096, 5, 1 << 40, 4_095] as [Position] { set.insert(position) }
        #expect(set.sorted() == [5, 900, 4_095, 4_096, 1 << 40])
    }
}
