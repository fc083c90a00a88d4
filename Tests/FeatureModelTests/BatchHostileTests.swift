import FeatureModel
import TestSupport
import Testing

/// Decodes bytes that may be anything; a batch that comes out is read cell by cell and encoded again.
///
/// - Returns: whether the bytes were taken.
private func decodeAndReadAll(_ bytes: ArraySlice<UInt8>) throws -> Bool {
    let batch: Batch
    do {
        batch = try Batch(decoding: bytes)
    } catch {
        #expect([.invalidArgument, .unimplemented].contains(error.code))
        return false
    }
    for column in batch.columns {
        #expect(column.values.count == batch.rowCount)
        #expect(column.nullCount == (0..<column.count).count { column.isNull($0) })
    }
    let again = Batch(rowCount: batch.rowCount, columns: zip(batch.ordinals, batch.columns).map { ($0, $1) })
    #expect(try Batch(decoding: again.bytes).columns.map(\.values) == batch.columns.map(\.values))
    return true
}

private func smallBatch(_ type: FeatureType) -> [UInt8] {
    var random = SplitMix64(seed: 29)
    return Array(Batch(rowCount: 3, columns: [(1, random.column(type, count: 3, nulls: 0.4))]).bytes)
}

private func twoColumns() throws -> [UInt8] {
    let text = try Column(.string, [.string("ab"), .string("c")])
    return Array(Batch(rowCount: 2, columns: [(0, text), (1, text)]).bytes)
}

/// Byte offsets inside the first column's entry.
private enum Entry {
    static let start = Batch.headerBytes
    static let nullCount = start + 12
    static let offsets = start + 24
    static let data = start + 48
}

@Suite struct BatchHostileTests {
    @Test(arguments: everyType)
    func everyBitFlipIsRefusedOrReadsWell(type: FeatureType) throws {
        var bytes = smallBatch(type)
        var taken = 0
        for bit in 0..<bytes.count * 8 {
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            if try decodeAndReadAll(bytes[...]) { taken += 1 }
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
        }
        // Padding and reserved bytes are free; magic, version, counts, length, type, places are not.
        #expect(taken > 0 && taken < bytes.count * 8 - 100)
    }

    @Test(arguments: everyType)
    func aBatchCutAtAnyByteIsRefused(type: FeatureType) throws {
        let bytes = smallBatch(type)
        for count in bytes.indices {
            #expect(try !decodeAndReadAll(bytes[..<count]))
            guard count >= Batch.headerBytes else { continue }
            // The length made to fit, as a sender with a fault would.
            var stated = Array(bytes[..<count])
            stated.store(littleEndian: UInt32(count), at: 12)
            let taken = try decodeAndReadAll(stated[...])
            #expect(!taken || count % Batch.alignment == 0)
        }
        #expect(try !decodeAndReadAll((bytes + [0])[...]))
    }

    @Test(arguments: testSeeds)
    func randomDamageNeverTraps(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        for _ in 0..<150 {
            let schema = random.schema()
            var bytes = Array(random.batch(schema, rowCount: random.int(0...9)).bytes)
            for _ in 0..<random.int(1...6) {
                let at = random.int(0...bytes.count / 4 - 1) * 4
                let edges: [UInt32] = [
                    0, 1, 64, 128, 0x7FFF_FFFF, 0x8000_0000, .max, UInt32(bytes.count), UInt32(bytes.count - 64),
                ]
                bytes.store(
                    littleEndian: random.chance(0.5) ? random.pick(edges) : UInt32(truncatingIfNeeded: random.next()), at: at)
            }
            _ = try decodeAndReadAll(bytes[...])
        }
    }

    @Test func anUnknownVersionOrTypeIsUnimplemented() throws {
        var newer = try twoColumns()
        newer.store(littleEndian: UInt16(2), at: 4)
        #expect(refusal { try Batch(decoding: newer[...]) }?.code == .unimplemented)
        var other = try twoColumns()
        other[Entry.start + 4] = 99
        let error = refusal { try Batch(decoding: other[...]) }
        #expect(error?.code == .unimplemented)
        #expect(error?.message.contains("99") == true)
    }

    @Test func buffersOutsideOverEachOtherOrUnalignedAreRefused() throws {
        let whole = try twoColumns()
        #expect(try decodeAndReadAll(whole[...]))
        let data = whole[...].littleEndian(at: Entry.data, as: UInt32.self)
        for place: UInt32 in [0, 64, 128, data + 1, data + 63, UInt32(whole.count), .max - 63, data - 64] {
            var bytes = whole
            bytes.store(littleEndian: place, at: Entry.data)
            #expect(try !decodeAndReadAll(bytes[...]), "data at \(place)")
        }
        // The second column given the first one's bytes.
        var shared = whole
        let second = Entry.data + Batch.columnEntryBytes
        shared.store(littleEndian: data, at: second)
        #expect(refusal { try Batch(decoding: shared[...]) }?.message.contains("over another") == true)
    }

    @Test func ordinalsMustRise() throws {
        var bytes = try twoColumns()
        bytes.store(littleEndian: UInt32(0), at: Entry.start + Batch.columnEntryBytes)
        #expect(refusal { try Batch(decoding: bytes[...]) }?.code == .invalidArgument)
        bytes.store(littleEndian: UInt32(5), at: Entry.start)
        #expect(refusal { try Batch(decoding: bytes[...]) }?.code == .invalidArgument)
    }

    @Test func anErrorNamesItsColumn() throws {
        var bytes = try twoColumns()
        bytes.store(littleEndian: UInt32(1), at: Entry.nullCount + Batch.columnEntryBytes)
        #expect(refusal { try Batch(decoding: bytes[...]) }?.location == "column 1")
    }

    @Test func rowsAtTheLimitAreTakenAndOneMoreIsNot() {
        var bytes = Array(Batch(rowCount: 0, columns: []).bytes)
        bytes.store(littleEndian: UInt32(Limits.batchRowsMax), at: 8)
        #expect(refusal { try Batch(decoding: bytes[...]) } == nil)
        bytes.store(littleEndian: UInt32(Limits.batchRowsMax + 1), at: 8)
        #expect(refusal { try Batch(decoding: bytes[...]) }?.code == .invalidArgument)
    }
}
