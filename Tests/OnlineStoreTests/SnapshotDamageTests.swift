import FeatureModel
import OnlineStore
import StorageIO
import TestDisks
import TestSupport
import Testing

/// A damaged snapshot is refused, or its damage is found at the touch; never is a wrong value served.
struct SnapshotDamageTests {
    private static let path = "online/" + name
    private static let name = "snapshot-00000000000000000003.hws"
    private let ids: [Int64?] = (0..<60).map { $0 }
    private let good: [UInt8]
    private let answer: [Value]

    init() throws {
        let storage = MemoryStorage()
        let store = try openStore(storage)
        store.apply(writing(1, (0..<50).map { ($0, 100, $0 * 3) }))
        store.apply(deleting(2, ids: [3, 4], at: 200))
        store.apply(cutting(3, before: 10))
        try store.snapshot(extra: Array("the engine's part".utf8))
        good = try storage.readAll(Self.path)
        answer = try store.get(query(ids), now: 0).columns[0].values
    }

    private func disk(with bytes: some Collection<UInt8>) throws(HeadwaterError) -> MemoryStorage {
        let storage = MemoryStorage()
        try storage.createDirectory("online")
        let file = try storage.open(Self.path, .create)
        try file.write(Array(bytes)[...], at: 0)
        return storage
    }

    @Test func intactFileIsRead() throws {
        let store = try openStore(disk(with: good))
        #expect(store.appliedPosition == 3)
        #expect(store.ingestTimeHighWater == 30)
        #expect(String(decoding: store.recoveredExtra, as: UTF8.self) == "the engine's part")
        #expect(try store.get(query(ids), now: 0).columns[0].values == answer)
        try store.verifySnapshot()
    }

    @Test func fileCutAtAnyByteIsRefused() throws {
        let storage = try disk(with: good)
        let file = try storage.open(Self.path, .readWrite)
        for length in (0..<good.count).reversed() {
            try file.truncate(to: length)
            let error = refusal { try openStore(storage) }
            if error?.code != .dataLoss || error?.location?.hasPrefix(Self.path + ":") != true {
                Issue.record("cut at \(length): \(String(describing: error))")
            }
        }
        #expect(refusal { try openStore(disk(with: good + [0])) }?.code == .dataLoss)
    }

    @Test func anyFlippedBitIsRefusedOrFoundAtTheTouch() throws {
        var random = SplitMix64(seed: 4)
        var refused = 0
        var foundAtTouch = 0
        let storage = try disk(with: good)
        let file = try storage.open(Self.path, .readWrite)
        for offset in 0..<good.count {
            try file.write([good[offset] ^ 1 << UInt8(random.int(0...7))], at: offset)
            defer { try! file.write([good[offset]], at: offset) }
            let store: OnlineStore
            do throws(HeadwaterError) {
                store = try openStore(storage)
            } catch {
                // A flipped bit in the least reader version reads as a newer format.
                let isRight = error.code == .dataLoss || (12..<16).contains(offset) && error.code == .unimplemented
                if !isRight { Issue.record("byte \(offset): \(error)") }
                refused += 1
                continue
            }
            defer { store.close() }
            let damage = refusal { try store.verifySnapshot() }
            if damage?.code != .dataLoss || damage?.location != "\(Self.path):\(offset / 4_096 * 4_096)" {
                Issue.record("byte \(offset): the scrub says \(String(describing: damage))")
            }
            do throws(HeadwaterError) {
                let found = try store.get(query(ids), now: 0).columns[0].values
                if found != answer { Issue.record("byte \(offset): a wrong value was served") }
            } catch {
                if error.code != .dataLoss { Issue.record("byte \(offset): \(error)") }
                foundAtTouch += 1
            }
        }
        print("flipped bits: \(refused) refused at open, \(foundAtTouch) found at the touch, of \(good.count) bytes")
        #expect(refused > 0 && foundAtTouch > 0)
    }

    /// Keys that run over the end of a block are compared only when both blocks have been found right.
    @Test func aKeyInADamagedBlockIsNeverTakenForAnAbsentOne() throws {
        let schema = GroupSchema(
            groupID: 1, schemaVersion: 1, keys: [Field("id", .string)], eventTimeName: nil, features: [Field("f", .int64)])
        let keys = (0..<80).map { Value.string(ByteString(String(repeating: "k", count: 700) + "\($0)")) }
        let ids = try Column(.string, keys)
        let batch = Batch(rowCount: keys.count, columns: [(0, ids), (1, int64s((0..<80).map { $0 }))])
        let storage = MemoryStorage()
        let store = try openStore(storage)
        store.apply(
            AppliedRecord(
                position: 3, ingestTime: 1, .rows([AppliedEntry(schema: schema, operation: .write, batch: batch, firstRow: 0)]))
        )
        try store.snapshot()
        let bytes = try storage.readAll(Self.path)
        var found = 0
        for block in 1..<bytes.count / 4_096 {
            var damaged = bytes
            damaged[block * 4_096 + 5] ^= 4
            guard let store = try? openStore(disk(with: damaged)) else { continue }
            for row in keys.indices {
                let key = try Column(.string, [keys[row]])
                let query = OnlineQuery(
                    groupID: 1, features: [Lookup.Feature(ordinal: 1, type: .int64)], maxAge: nil, keyColumns: [key])
                do throws(HeadwaterError) {
                    #expect(try store.get(query, now: 0).columns[0].value(0) == .int64(Int64(row)), "block \(block), row \(row)")
                } catch {
                    #expect(error.code == .dataLoss)
                    found += 1
                }
            }
        }
        #expect(found > 80)
    }

    @Test func damagedNewestIsNotPassedOverForAnOlderOne() throws {
        let storage = try disk(with: good)
        let newer = try storage.open("online/snapshot-00000000000000000009.hws", .create)
        try newer.write(good.prefix(5_000), at: 0)
        #expect(refusal { try openStore(storage) }?.code == .dataLoss)
        try storage.remove(newer.path)
        let misnamed = try storage.open("online/snapshot-00000000000000000008.hws", .create)
        try misnamed.write(good[...], at: 0)
        #expect(refusal { try openStore(storage) }?.location == misnamed.path + ":24")
    }

    @Test func newerFormatIsRefusedUntouched() throws {
        var bytes = good
        bytes.store(littleEndian: UInt32(3), at: 12)
        let storage = try disk(with: bytes + [1, 2, 3])
        _ = try storage.open(Self.path + ".tmp", .create)
        #expect(refusal { try openStore(storage) }?.code == .unimplemented)
        #expect(try storage.readAll(Self.path) == bytes + [1, 2, 3])
        #expect(try storage.list("online") == ["lock", Self.name, Self.name + ".tmp"])
    }

    @Test func anotherLogsSnapshotIsRefused() throws {
        let storage = try disk(with: good)
        let error = refusal {
            try OnlineStore.open(storage, directory: "online", seed: 1, logID: Array(repeating: 9, count: 16))
        }
        #expect(error?.code == .failedPrecondition)
    }

    @Test func leftoverTemporaryIsRemovedByTheOwnerOnly() throws {
        let storage = try disk(with: good)
        _ = try storage.open("online/snapshot-00000000000000000007.hws.tmp", .create)
        let reader = try openStore(storage, access: .reader)
        #expect(reader.appliedPosition == 3)
        #expect(try storage.list("online").count == 3)
        reader.close()
        let owner = try openStore(storage)
        #expect(try storage.list("online") == ["lock", Self.name])
        #expect(refusal { try openStore(storage, access: .reader) }?.code == .failedPrecondition)
        owner.close()
        _ = try openStore(storage)
    }

    /// The bytes of a fixed store: they change only with the format version.
    @Test func formatStaysAsItIs() {
        #expect(good.count == 20_548)
        #expect(CRC32C.checksum(good) == 1_631_290_941)
    }
}
