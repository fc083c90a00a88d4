import FeatureModel
import TestSupport
import Testing

/// Values of key columns that lie close together, so that random pairs collide, share prefixes and sit at the edges.
private func nearKey(_ types: [FeatureType], _ random: inout SplitMix64) -> [Value] {
    types.map { type in
        let number = random.pick([.min, .min + 1, -256, -1, 0, 1, 255, 256, .max - 1, .max] as [Int32])
        let wide = random.chance(0.5) ? Int64(number) : random.pick([.min, .max, 1 << 40, -1 << 40] as [Int64])
        switch type {
        case .int32: return .int32(number)
        case .int64: return .int64(wide)
        case .timestamp: return .timestamp(wide)
        case .string:
            return .string(
                ByteString(
                    (0..<random.int(0...3)).map { _ in random.pick(["\0", "\u{1}", "a", "\u{FF}", "\u{10FFFF}"]) }.joined()))
        default:
            return .bytes(ByteString((0..<random.int(0...3)).map { _ in random.pick([0, 1, 2, 0x61, 0xFE, 0xFF] as [UInt8]) }))
        }
    }
}

private func key(_ types: [FeatureType], _ values: [Value]) throws -> [UInt8] {
    let columns = try zip(types, values).map { try Column($0, [$1]) }
    return try #require(KeyCodec.key(columns, row: 0))
}

private func precedes(_ left: [Value], _ right: [Value]) -> Bool {
    for (a, b) in zip(left, right) where a != b {
        switch (a, b) {
        case (.int32(let a), .int32(let b)): return a < b
        case (.int64(let a), .int64(let b)), (.timestamp(let a), .timestamp(let b)): return a < b
        case (.string(let a), .string(let b)), (.bytes(let a), .bytes(let b)): return a < b
        default: preconditionFailure("keys of one type")
        }
    }
    return false
}

@Suite struct KeyCodecTests {
    @Test(arguments: [FeatureType.int32, .int64, .timestamp])
    func keysOfOneColumnTogetherAreAsOneByOne(type: FeatureType) throws {
        var random = SplitMix64(seed: 3)
        let column = random.column(type, count: 50, nulls: 0)
        var bytes: [UInt8] = [9]
        let width = try #require(KeyCodec.appendFixedWidth([column], rowCount: 50, to: &bytes))
        #expect(bytes.count == 1 + 50 * width)
        for row in 0..<50 {
            #expect(Array(bytes[1 + row * width..<1 + (row + 1) * width]) == KeyCodec.key([column], row: row))
        }
        for others in [[], [column, column], [random.column(.string, count: 50)], [random.column(type, count: 50, nulls: 1)]] {
            #expect(KeyCodec.appendFixedWidth(others, rowCount: 50, to: &bytes) == nil)
            #expect(bytes.count == 1 + 50 * width)
        }
    }

    @Test(arguments: testSeeds)
    func bytesAreEqualAndSortExactlyAsTheValuesDo(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        for _ in 0..<1_500 {
            let types = random.keyTypes()
            let left = nearKey(types, &random)
            var right = nearKey(types, &random)
            if random.chance(0.5) { right[0] = left[0] }
            let (a, b) = (try key(types, left), try key(types, right))
            #expect((a == b) == (left == right), "\(left) \(right)")
            #expect(a.lexicographicallyPrecedes(b) == precedes(left, right), "\(left) \(right)")
        }
    }

    @Test(arguments: testSeeds)
    func keysDecodeToTheirValues(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        for _ in 0..<500 {
            let types = random.keyTypes(0...5)
            let values = types.map { random.value($0) }
            #expect(try KeyCodec.values(shifted(try key(types, values), by: 3), types: types) == values)
        }
    }

    /// Keys stand in files: these bytes may never change.
    @Test func bytesArePermanent() throws {
        #expect(try key([.int32], [.int32(-2)]) == [0x7F, 0xFF, 0xFF, 0xFE])
        #expect(try key([.int64], [.int64(1)]) == [0x80, 0, 0, 0, 0, 0, 0, 1])
        #expect(try key([.timestamp], [.timestamp(.min)]) == [0, 0, 0, 0, 0, 0, 0, 0])
        #expect(try key([.string, .int32], [.string("a\0b"), .int32(0)]) == [0x61, 0, 0xFF, 0x62, 0, 1, 0x80, 0, 0, 0])
        #expect(try key([.bytes, .bytes], [.bytes(""), .bytes("")]) == [0, 1, 0, 1])
        #expect(try key([], []).isEmpty)
    }

    @Test func composedAndDecomposedLettersAreTwoKeys() throws {
        #expect("\u{E9}" == "e\u{301}", "to Swift they are one string")
        #expect(try key([.string], [.string("\u{E9}")]) != key([.string], [.string("e\u{301}")]))
    }

    @Test func aNullInAnyColumnIsNoKeyAndLeavesTheBytesAlone() throws {
        for position in 0..<3 {
            let columns = try (0..<3).map { try Column(.string, [$0 == position ? .null : .string("x"), .string("y")]) }
            var bytes: [UInt8] = [9, 9]
            #expect(!KeyCodec.append(columns, row: 0, to: &bytes))
            #expect(bytes == [9, 9])
            #expect(KeyCodec.key(columns, row: 0) == nil)
            #expect(KeyCodec.key(columns, row: 1) == [0x79, 0, 1, 0x79, 0, 1, 0x79, 0, 1])
        }
    }

    @Test(arguments: testSeeds)
    func aKeyThatIsCutOrLongerIsDataLoss(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        for _ in 0..<100 {
            let types = random.keyTypes()
            let bytes = try key(types, types.map { random.value($0) })
            for count in bytes.indices {
                #expect(refusal { try KeyCodec.values(bytes[..<count], types: types) }?.code == .dataLoss)
            }
            for extra: UInt8 in [0, 1, 0xFF] {
                #expect(refusal { try KeyCodec.values((bytes + [extra])[...], types: types) }?.code == .dataLoss)
            }
        }
    }

    @Test(arguments: [[0x61, 0, 2], [0x61, 0, 0, 1], [0], [], [0x61], [0xFF, 0, 1], [0xC3, 0, 1]] as [[UInt8]])
    func badEscapesAndTextThatIsNotUTF8AreDataLoss(bytes: [UInt8]) {
        #expect(refusal { try KeyCodec.values(bytes[...], types: [.string]) }?.code == .dataLoss)
    }

    @Test(arguments: testSeeds)
    func randomBytesNeverTrap(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        for _ in 0..<2_000 {
            let bytes = (0..<random.int(0...24)).map { _ in random.pick([0, 1, 0xFF, 0x61, 0x80] as [UInt8]) }
            let types = random.keyTypes()
            do {
                let values = try KeyCodec.values(bytes[...], types: types)
                #expect(try key(types, values) == bytes, "what decodes is canonical")
            } catch {
                #expect((error as? HeadwaterError)?.code == .dataLoss)
            }
        }
    }
}
