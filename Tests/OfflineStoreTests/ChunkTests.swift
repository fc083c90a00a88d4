import FeatureModel
import StorageIO
import TestDisks
import TestSupport
import Testing

@testable import OfflineStore

@Suite struct ChunkTests {
    @Test(arguments: RandomHistory.featureTypes)
    func pagesOfEveryTypeComeBack(type: FeatureType) throws {
        for seed in UInt64(0)..<40 {
            var random = SplitMix64(seed: seed)
            let nulls = random.pick([0, 20, 100])
            let values = (0..<random.below(70)).map { _ in
                random.chance(nulls) ? Value.null : RandomHistory.value(type, &random)
            }
            let column = try Column(type, values)
            let page = PageCodec.encode(column)
            let (bytes, entry) = (page.bytes, page.entry)
            let file = ChunkBytes(file: MappedFile(path: "page", bytes: bytes))
            let back = try PageCodec.decode(entry, type: type, from: file)
            #expect(back.values == values, "seed \(seed)")
        }
    }

    @Test func sortedTimesTakeFewBytes() throws {
        let column = try Column(.timestamp, (0..<4_096).map { .timestamp(1_700_000_000_000_000 + Int64($0) * 1_000_000) })
        #expect(PageCodec.encode(column).bytes.count < column.byteCount / 20)
    }

    @Test func lz4RefusesWhatIsNotExact() throws {
        let raw = [UInt8](repeating: 7, count: 1_000)
        let stored = try #require(LZ4.compress(raw[...]))
        let file = MappedFile(path: "lz4", bytes: stored)
        for length in [0, 1, 999, 1_001, LZ4.inputBytesMax, .max] {
            #expect(file.withBytes(0..<stored.count) { LZ4.decompress($0, rawCount: length) } == nil)
        }
        #expect(file.withBytes(0..<stored.count) { LZ4.decompress($0, rawCount: 1_000) } == raw)
        for length in 0..<stored.count {
            #expect(file.withBytes(0..<length) { LZ4.decompress($0, rawCount: 1_000) } == nil)
        }
    }

    @Test func bytesThatDoNotShrinkAreStoredRaw() {
        var random = SplitMix64(seed: 1)
        #expect(LZ4.compress((0..<500).map { _ in UInt8(truncatingIfNeeded: random.next()) }[...]) == nil)
        #expect(LZ4.compress([][...]) == nil)
        #expect(LZ4.compress([1][...]) == nil)
    }

    @Test func keyBytesCompareAsLexicographically() {
        var random = SplitMix64(seed: 2)
        for _ in 0..<3_000 {
            let left = (0..<random.below(20)).map { _ in UInt8(random.pick([0, 1, 255])) }
            let right =
                random.chance(50)
                ? Array(left.prefix(random.below(20))) : (0..<random.below(20)).map { _ in UInt8(random.below(2)) }
            let order = KeyBytes.compare(left[...], right[...])
            #expect((order < 0) == left.lexicographicallyPrecedes(right) && (order == 0) == (left == right))
            if KeyBytes.prefix(left[...]) < KeyBytes.prefix(right[...]) { #expect(left.lexicographicallyPrecedes(right)) }
        }
    }

    @Test func manifestsComeBack() throws {
        var manifest = Manifest(logID: testLogID)
        manifest.number = 9
        manifest.applied = 44
        manifest.oldestAsOf = [7: 4]
        var cutoffs = CutoffHistory()
        cutoffs.append(PlacedCutoff(position: 3, cutoff: 10))
        cutoffs.append(PlacedCutoff(position: 4, cutoff: 9))
        cutoffs.append(PlacedCutoff(position: 5, cutoff: 11))
        #expect(cutoffs.all.count == 2)
        manifest.cutoffs = [7: cutoffs]
        manifest.chunks = [
            ChunkEntry(
                number: 1, fileBytes: 99, groupID: 7, level: 1, run: 1, bounds: RowBounds(keyLeast: [1], keyGreatest: [2, 3]))
        ]
        manifest.extra = [1, 2, 3]
        #expect(try Manifest(decoding: manifest.encode(), path: "m") == manifest)
        #expect(cutoffs.pruned(oldestAsOf: 5).all == [PlacedCutoff(position: 5, cutoff: 11)])
        #expect(cutoffs.pruned(oldestAsOf: 4).all.count == 2)
        #expect(cutoffs.effective(asOf: 4)?.cutoff == 10 && cutoffs.effective(asOf: 2) == nil)
    }

    @Test func aNewerFileIsRefusedUntouched() throws {
        let storage = MemoryStorage()
        let store = try openStore(storage)
        store.apply(Weather.write(1, [(1, 1, 1)]))
        try store.flush()
        store.close()
        for name in try storage.list("data/offline") where name != "lock" {
            let path = "data/offline/" + name
            let whole = try storage.readAll(path)
            let file = try storage.open(path, .readWrite)
            try file.write([3, 0, 3, 0], at: 8)
            let changed = try storage.readAll(path)
            #expect {
                let again = try openStore(storage)
                defer { again.close() }
                _ = try transcript(again.view(), Weather.schema)
            } throws: {
                ($0 as? HeadwaterError)?.code == .unimplemented
            }
            #expect(try storage.readAll(path) == changed)
            try file.write(whole[...], at: 0)
        }
    }
}
