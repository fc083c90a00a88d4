import FeatureModel
import TestSupport
import Testing

/// Columns where both sides know the types: what is encoded comes back, and nothing else is taken.
@Suite struct PackedColumnsTests {
    private static let types: [FeatureType] =
        FeatureType.allScalars + FeatureType.allScalars.map { .array($0) } + [.vector(1), .vector(3)]

    private func columns(rows: Int, nulls: Double, _ random: inout SplitMix64) -> [Column] {
        Self.types.map { random.column($0, count: rows, nulls: nulls) }
    }

    @Test(arguments: testSeeds)
    func columnsComeBackCellByCell(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        for rows in [0, 1, 2, 3, 4, 7, 8, 9, 33] {
            let columns = columns(rows: rows, nulls: random.chance(0.3) ? 0 : 0.2, &random)
            let bytes = PackedColumns.encode(tag: seed, rowCount: rows, columns: columns)
            #expect(bytes.count % 8 == 0)
            let decoded = try PackedColumns(decoding: bytes[...], types: Self.types)
            #expect(decoded.header.tag == seed && decoded.header.rowCount == rows)
            for (column, back) in zip(columns, decoded.columns) { #expect(column.values == back.values) }
            #expect(decoded.statuses.isEmpty == columns.allSatisfy { $0.nullCount == 0 })
            for (column, statuses) in zip(columns, decoded.statuses) {
                for row in 0..<rows { #expect(statuses[row] == (column.isNull(row) ? .nullValue : .present)) }
            }
        }
    }

    @Test func givenStatusesComeBack() throws {
        var statuses = StatusColumn()
        for status in [CellStatus.present, .notFound, .outsideMaxAge, .nullValue, .present] { statuses.append(status) }
        let column = try Column(.int64, [.int64(1), .null, .null, .null, .int64(5)])
        let bytes = PackedColumns.encode(tag: 7, rowCount: 5, columns: [column, column], statuses: [statuses, statuses])
        let decoded = try PackedColumns(decoding: bytes[...], types: [.int64, .int64])
        #expect(decoded.statuses == [statuses, statuses])
        #expect(decoded.columns[1].values == column.values)
    }

    /// Every cut is refused; every flipped bit is refused or gives columns that can be read whole.
    @Test(arguments: testSeeds.prefix(4))
    func bytesFromOutsideNeverTrap(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let rows = random.int(1...9)
        let bytes = PackedColumns.encode(tag: 1, rowCount: rows, columns: columns(rows: rows, nulls: 0.2, &random))
        for count in 0..<bytes.count {
            #expect(throws: HeadwaterError.self) { try PackedColumns(decoding: bytes[..<count], types: Self.types) }
        }
        for bit in 0..<bytes.count * 8 {
            var flipped = bytes
            flipped[bit / 8] ^= 1 << UInt8(bit % 8)
            guard let decoded = try? PackedColumns(decoding: flipped[...], types: Self.types) else { continue }
            for column in decoded.columns { #expect(column.values.count == column.count) }
        }
    }
}
