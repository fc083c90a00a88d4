import FeatureModel
import TestSupport
import Testing

/// The column passes the check that bytes from outside pass.
private func isWellFormed(_ column: Column) throws -> Bool {
    let again = try Column.checked(
        type: column.type, count: column.count, nullCount: column.nullCount, validity: column.validity, offsets: column.offsets,
        elementValidity: column.elementValidity, elementOffsets: column.elementOffsets, data: column.data)
    return again.values == column.values
}

@Suite struct ColumnBuilderTests {
    @Test(arguments: everyType)
    func cellsReadBackAsTheyWereAppended(type: FeatureType) throws {
        var random = SplitMix64(seed: 7)
        for count in [0, 1, 7, 8, 9, 64, 200] {
            for nulls in [0, 0.3, 1] {
                let values = random.values(type, count: count, nulls: nulls)
                let column = try Column(type, values)
                #expect(column.values == values)
                #expect(column.nullCount == values.count(where: \.isNull))
                #expect(try isWellFormed(column))
                #expect(column.byteCount == column.buffers.reduce(0) { $0 + $1.count })
            }
        }
    }

    @Test(arguments: everyType)
    func oneNullMayStandAtAnyPlace(type: FeatureType) throws {
        var random = SplitMix64(seed: 11)
        for place in 0..<17 {
            var values = random.values(type, count: 17)
            values[place] = .null
            let column = try Column(type, values)
            #expect(column.values == values)
            #expect(column.nullCount == 1 && column.isNull(place))
        }
        #expect(Column.nulls(type, count: 17).values == Array(repeating: .null, count: 17))
    }

    @Test(arguments: FeatureType.allScalars)
    func nullsInsideAnArrayAreNeitherZeroNorAbsent(element: FeatureType) throws {
        var random = SplitMix64(seed: 12)
        for place in 0..<9 {
            var cells = random.values(element, count: 9)
            cells[place] = .null
            let values: [Value] = [.array([]), .array(random.values(element, count: 4)), .null, .array(cells), .array([.null])]
            let column = try Column(.array(element), values)
            #expect(column.values == values)
            #expect(column.elements.nullCount == 2)
            #expect(try isWellFormed(column))
        }
    }

    @Test func bitsOfNaNAndNegativeZeroAreKept() throws {
        let floats: [UInt32] = [0x7FC0_0001, 0xFFC0_FFFF, 0x8000_0000, 0x7FA0_0001]
        let column = try Column(.float32, floats.map { .float32(Float(bitPattern: $0)) })
        #expect((0..<4).map { column.float32($0).bitPattern } == floats)
        let doubles: [UInt64] = [0x7FF8_0000_0000_0001, 0xFFF8_0000_0000_BEEF, 1 << 63, 0x7FF4_0000_0000_0001]
        let wide = try Column(.float64, doubles.map { .float64(Double(bitPattern: $0)) })
        #expect((0..<4).map { wide.float64($0).bitPattern } == doubles)
        #expect(Value.float64(.nan) == .float64(.nan) && Value.float64(0) != .float64(-0.0) && Value.float64(0) != .null)
        #expect(Value.string("\u{E9}") != .string("e\u{301}"))
    }

    @Test(arguments: testSeeds)
    func copiesAndGathersKeepCells(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        for type in everyType {
            let column = random.column(type, count: 40, nulls: 0.3)
            let rows = (0..<60).map { _ in random.int(0...39) }
            let gathered = column.gather(rows)
            #expect(gathered.values == rows.map { column.value($0) })
            #expect(try isWellFormed(gathered))
        }
    }

    @Test func int32AndFloat32Widen() throws {
        var random = SplitMix64(seed: 3)
        let integers = random.column(.int32, count: 100, nulls: 0.2)
        let wide = integers.gather(0..<100, as: .int64)
        let floats = random.column(.float32, count: 100, nulls: 0.2)
        let double = floats.gather(0..<100, as: .float64)
        for row in 0..<100 {
            #expect(wide.value(row) == (integers.isNull(row) ? .null : .int64(Int64(integers.int32(row)))))
            #expect(double.value(row) == (floats.isNull(row) ? .null : .float64(Double(floats.float32(row)))))
        }
        #expect(try Column(.int64, [.int32(-1)]).values == [.int64(-1)])
        #expect(try Column(.float64, [.float32(0.5)]).values == [.float64(0.5)])
    }

    @Test func valuesOfAnotherTypeAreRefusedAndChangeNothing() throws {
        for type in everyType {
            for other in everyType where !other.widens(to: type) {
                var random = SplitMix64(seed: 4)
                var value = random.value(other)
                // An empty array fits every array type.
                if case .array(let element) = other { value = .array([random.value(element)]) }
                if case (.array(let to), .array(let from)) = (type, other), from.widens(to: to) { continue }
                var builder = ColumnBuilder(type)
                let error = refusal { try builder.append(value) }
                #expect(error?.code == .invalidArgument, "\(value) into \(type)")
                #expect(builder.count == 0 && builder.finish().count == 0)
            }
        }
        #expect(refusal { try Column(.bool, [.bool(true), .int32(1)]) }?.location == "row 1")
    }

    /// Linear, this takes a fraction of a second; counting the null elements at each cell, it took minutes.
    @Test func gatheringLongArrayColumnsTakesLinearTime() throws {
        var builder = ColumnBuilder(.array(.int32))
        let element = try Column(.int32, [.int32(1), .null])
        for row in 0..<40_000 {
            builder.appendElement(from: element, row % 2)
            builder.finishArray()
        }
        let column = builder.finish()
        let start = ContinuousClock.now
        let gathered = column.gather(0..<40_000)
        #expect(ContinuousClock.now - start < .seconds(20))
        #expect(gathered.elements.nullCount == 20_000)
        #expect(gathered.value(39_999) == .array([.null]))
    }
}

@Suite struct ColumnSliceTests {
    @Test(arguments: everyType)
    func slicesHaveTheCellsOfTheirRows(type: FeatureType) throws {
        var random = SplitMix64(seed: 21)
        for nulls in [0, 0.3] {
            let values = random.values(type, count: 40, nulls: nulls)
            let column = try Column(type, values)
            for start in [0, 1, 7, 8, 9, 40] {
                for end in [start, min(start + 1, 40), min(start + 9, 40), 40] {
                    let slice = column.slice(start..<end)
                    #expect(slice.values == Array(values[start..<end]))
                    #expect(slice.nullCount == values[start..<end].count(where: \.isNull))
                    #expect(try isWellFormed(slice))
                }
            }
        }
    }
}

@Suite struct ColumnJoinedTests {
    @Test(arguments: everyType)
    func cellsFollowEachOther(type: FeatureType) throws {
        var random = SplitMix64(seed: 23)
        for _ in 0..<40 {
            let parts = (0..<random.int(1...4)).map { _ in
                let column = random.column(type, count: random.int(0...40), nulls: random.pick([0, 0.3]))
                let start = random.int(0...column.count)
                return column.slice(start..<random.int(start...column.count))
            }
            let joined = Column.joined(parts)
            #expect(joined.values == parts.flatMap(\.values))
            #expect(try isWellFormed(joined))
        }
    }
}

@Suite struct ValueFitsTests {
    @Test(arguments: testSeeds) func whatFitsIsWhatAColumnTakes(_ seed: UInt64) {
        var random = SplitMix64(seed: seed)
        for _ in 0..<2_000 {
            let (type, value) = (random.type(), random.value(random.type(), nulls: 0.1))
            var builder = ColumnBuilder(type)
            #expect(value.fits(type) == (refusal { try builder.append(value) } == nil), "seed \(seed): \(value) in \(type)")
        }
        #expect(!Value.string(ByteString([0xFF])).fits(.string))
    }
}
