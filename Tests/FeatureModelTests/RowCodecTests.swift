import FeatureModel
import TestSupport
import Testing

/// Unpacks feature `index` as a column of one cell of `type`.
private func unpack(_ row: [UInt8], _ index: Int, _ layout: RowLayout, as type: FeatureType) -> Value {
    var builder = ColumnBuilder(type)
    // The span lives as long as the row it borrows.
    unsafe RowCodec.append(row.span.bytes, index, layout: layout, to: &builder)
    return builder.finish().value(0)
}

private func pack(_ columns: [Column?], row: Int, _ layout: RowLayout) -> [UInt8] {
    var bytes: [UInt8] = []
    RowCodec.append(columns, row: row, layout: layout, to: &bytes)
    return bytes
}

@Suite struct RowCodecTests {
    @Test(arguments: testSeeds)
    func randomRowsRoundTrip(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        for _ in 0..<20 {
            let types = (0..<random.int(0...20)).map { _ in random.type() }
            let layout = RowLayout(types: types)
            let columns: [Column?] = types.map { random.chance(0.1) ? nil : random.column($0, count: 5, nulls: 0.3) }
            for row in 0..<5 {
                let bytes = pack(columns, row: row, layout)
                #expect(bytes.count >= layout.fixedBytes)
                for index in types.indices {
                    let expected = columns[index]?.value(row) ?? .null
                    #expect(unpack(bytes, index, layout, as: types[index]) == expected, "\(types[index])")
                    #expect(unsafe RowCodec.isNull(bytes.span.bytes, index) == expected.isNull)
                }
            }
        }
    }

    @Test(arguments: testSeeds)
    func rowsPackedTogetherAreAsOneByOne(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        for _ in 0..<20 {
            let types = (0..<random.int(0...12)).map { _ in random.type() }
            let layout = RowLayout(types: types)
            let columns: [Column?] = types.map { random.chance(0.1) ? nil : random.column($0, count: 20, nulls: 0.2) }
            let first = random.int(0...9)
            let together = PackedRows(columns, rows: first..<20, layout: layout)
            for row in first..<20 {
                var bytes: [UInt8] = [7]
                together.append(row: row, to: &bytes)
                #expect(Array(bytes.dropFirst()) == pack(columns, row: row, layout))
            }
        }
    }

    @Test(arguments: testSeeds)
    func equalCellsHaveEqualBytesWhateverStandsUnderNulls(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        for type in everyType {
            let layout = RowLayout(types: [type])
            let column = random.column(type, count: 12, nulls: 0.5)
            let noisy = random.noise(under: column)
            #expect(noisy.values == column.values)
            for row in 0..<12 { #expect(pack([noisy], row: row, layout) == pack([column], row: row, layout), "\(type)") }
            #expect(noisy.gather(0..<12).hasSameBuffers(as: column.gather(0..<12)), "\(type)")
        }
    }

    /// Rows that earlier builds packed kept what stood under null elements.
    @Test func noiseInAPackedArrayIsNotReadAndGoesWhenItIsPackedAnew() throws {
        let layout = RowLayout(types: [.array(.int64)])
        let clean = pack([try Column(.array(.int64), [.array([.int64(1), .null, .int64(3)])])], row: 0, layout)
        var noisy = clean
        let element = clean.count - 16
        for place in element..<element + 8 { noisy[place] = 0xAB }
        #expect(noisy != clean)
        var builder = ColumnBuilder(.array(.int64))
        // The span lives as long as the row it borrows.
        unsafe RowCodec.append(noisy.span.bytes, 0, layout: layout, to: &builder)
        #expect(pack([builder.finish()], row: 0, layout) == clean)
    }

    @Test func rowsAreAppendedBehindOtherBytes() {
        var random = SplitMix64(seed: 5)
        let layout = RowLayout(types: everyType)
        let columns: [Column?] = everyType.map { random.column($0, count: 2) }
        var bytes: [UInt8] = [1, 2, 3]
        RowCodec.append(columns, row: 1, layout: layout, to: &bytes)
        #expect(Array(bytes.dropFirst(3)) == pack(columns, row: 1, layout))
    }

    @Test func aColumnOfAnOlderSchemaWidensWhenPackedAndWhenRead() throws {
        let old = RowLayout(types: [.int32, .float32, .int32])
        let new = RowLayout(types: [.int64, .float64, .int64])
        let columns: [Column?] = [try Column(.int32, [.int32(.min)]), try Column(.float32, [.float32(1.5)]), nil]
        for (bytes, layout) in [(pack(columns, row: 0, old), old), (pack(columns, row: 0, new), new)] {
            #expect(unpack(bytes, 0, layout, as: .int64) == .int64(Int64(Int32.min)))
            #expect(unpack(bytes, 1, layout, as: .float64) == .float64(1.5))
            #expect(unpack(bytes, 2, layout, as: .int64) == .null)
        }
    }

    @Test func nullZeroAndNaNStayApart() throws {
        let layout = RowLayout(types: [.float64, .float64, .float64, .string, .string])
        let nan = Double(bitPattern: 0x7FF8_0000_0000_0042)
        let columns: [Column?] = [
            try Column(.float64, [.null]), try Column(.float64, [.float64(-0.0)]), try Column(.float64, [.float64(nan)]),
            try Column(.string, [.null]), try Column(.string, [.string("")]),
        ]
        let bytes = pack(columns, row: 0, layout)
        let values = (0..<5).map { unpack(bytes, $0, layout, as: layout.types[$0]) }
        #expect(values == [.null, .float64(-0.0), .float64(nan), .null, .string("")])
    }

    /// Bytes from a client: what stands in a null cell is not read, and must not make equal rows differ.
    @Test func whatAClientPutsInANullCellIsNotInTheRow() throws {
        let layout = RowLayout(types: [.int64, .vector(2)])
        let sound: [Column?] = [try Column(.int64, [.null]), try Column(.vector(2), [.null])]
        let odd = [FeatureType.int64, .vector(2)].map {
            Column(type: $0, count: 1, nullCount: 1, validity: [0], data: [1, 2, 3, 4, 5, 6, 7, 8])
        }
        #expect(pack(odd, row: 0, layout) == pack(sound, row: 0, layout))
    }

    @Test func slotsFollowTheNullBitsWithoutGaps() {
        let layout = RowLayout(types: everyType)
        var expected = bitmapBytes(everyType.count)
        for (type, slot) in zip(everyType, layout.slots) {
            #expect(slot == expected)
            expected += type == .bool ? 1 : type.fixedWidth ?? 8
        }
        #expect(layout.fixedBytes == expected)
        #expect(RowLayout(types: []).fixedBytes == 0)
    }

    /// Packed rows stand in snapshots: these bytes may never change.
    @Test func bytesArePermanent() throws {
        let layout = RowLayout(types: [.bool, .int32, .string, .array(.string), .float64])
        let columns: [Column?] = [
            try Column(.bool, [.bool(true)]), try Column(.int32, [.int32(-2)]), try Column(.string, [.string("hi")]),
            try Column(.array(.string), [.array([.string("a"), .null, .string("bc")])]), nil,
        ]
        var expected: [UInt8] = [0b1_0000, 1, 0xFE, 0xFF, 0xFF, 0xFF]
        expected += [30, 0, 0, 0, 2, 0, 0, 0, 32, 0, 0, 0, 20, 0, 0, 0] + Array(repeating: 0, count: 8)
        expected += [0x68, 0x69]
        expected += [3, 0, 0, 0, 0b010, 1, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 0x61, 0x62, 0x63]
        #expect(pack(columns, row: 0, layout) == expected)
    }
}
