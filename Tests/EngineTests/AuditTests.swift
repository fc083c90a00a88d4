import Catalog
import FeatureModel
import OfflineStore
import OnlineStore
import StorageIO
import TestDisks
import TestSupport
import Testing

@testable import Engine

/// Promise P5 and its proof: what differs is found, wherever it is, and what does not is not.
@Suite struct AuditTests {
    private let time: Microseconds = 1_700_000_000_000_000

    /// A store of `count` rows, some in snapshot and chunks, some in memory, that agree.
    private func store(_ count: Int) throws -> Store {
        let store = try Store(MemoryStorage())
        try store.define()
        for (round, part) in [0..<count / 3, count / 3..<count].enumerated() {
            try store.write(
                store.body(
                    "orders", rows: part.map { [.int64(Int64($0)), .timestamp(time), .float64(Double($0)), .string("n")] }))
            try store.write(
                store.body("profile", rows: part.map { [.int64(Int64($0)), .array([.string("t"), .null])] }))
            guard round == 0 else { continue }
            try store.follow()
            try store.snapshot()
            try store.offline.flush()
        }
        try store.write(store.body("orders", .delete, rows: [[.int64(5)], [.int64(Int64(count - 1))]]))
        return store
    }

    private func plant(_ store: Store, id: Int, amount: Double) throws -> [UInt8] {
        let key = try #require(KeyCodec.key([try Column(.int64, [.int64(Int64(id))])], row: 0))
        let planted = try [Column(.float64, [.float64(amount)]), Column(.string, [.string("n")])]
        #expect(
            try store.online.store.replaceRowBehindTheLog(
                groupID: store.schema("orders").groupID, key: key, features: planted, row: 0))
        return key
    }

    @Test(arguments: [AuditNarrowing.rowsMax, 20, 1])
    func aPlantedDifferenceIsNarrowedDownToItsKeyAndKind(rowsMax: Int) throws {
        let store = try store(600)
        #expect(try store.audit(rowsMax: rowsMax).isEmpty)
        let key = try plant(store, id: 17, amount: -1)
        let differences = try store.audit(rowsMax: rowsMax)
        #expect(differences.map(\.key) == [key[...]] && differences.first?.kind == .otherValues)
    }

    @Test func whatTwoRowsExchangeDoesNotCancel() throws {
        let store = try store(600)
        let keys = [try plant(store, id: 17, amount: 18), try plant(store, id: 18, amount: 17)]
        #expect(Set(try store.audit().map(\.key)) == Set(keys.map { $0[...] }))
    }

    @Test func rowsOfAnOlderSchemaAndArraysWithNullsAgree() throws {
        let store = try store(300)
        try store.define(
            Store.definitions.replacing(
                "- {name: note, type: string}", with: "- {name: note, type: string}\n      - {name: more, type: float64}"))
        try store.write(
            store.body("orders", rows: [[.int64(3), .timestamp(time + 1), .float64(1), .string("x"), .float64(2)]]))
        #expect(store.schema("orders").schemaVersion == 2)
        #expect(try store.audit().isEmpty)
        _ = try plant(store, id: 40, amount: 2)
        #expect(try store.audit().count == 1)
    }

    @Test func eachKindOfDifferenceIsNamed() {
        func row(_ key: UInt8, position: Position = 1, deleted: Bool = false, hash: UInt128 = 1) -> AuditRow {
            AuditRow(
                key: [key], order: RowOrder(eventTime: 0, position: position, row: 0), isTombstone: deleted, hash: hash)
        }
        let online = [row(1), row(2, hash: 2), row(3, position: 2, hash: 3), row(4, deleted: true, hash: 4), row(5)]
        let offline = [row(6), row(2), row(3), row(4), row(5)]
        let kinds = Audit.differences(online: online, offline: offline).map { ($0.key.first!, $0.kind) }
        let expected: [(UInt8, AuditDifference.Kind)] = [
            (1, .onlyOnline), (2, .otherValues), (3, .otherRow), (4, .otherTombstone), (6, .onlyOffline),
        ]
        #expect(kinds.elementsEqual(expected) { $0 == $1 })
    }

    @Test func whereMuchDiffersTheRowsBroughtStayFew() {
        // Every bucket differs, and holds more rows than may be brought at once.
        let scope = AuditScope(seed: 1, splitBits: AuditNarrowing.firstSplitBits)
        var full = GroupDigest(groupID: 1, bucketCount: scope.bucketCount)
        for bucket in full.buckets.indices {
            full.buckets[bucket].rows = 100_000
            full.buckets[bucket].sum = 7
        }
        let (step, leftOut) = AuditNarrowing.next(scope, full, nil)
        guard case .narrow(let finer) = step else {
            Issue.record("\(step)")
            return
        }
        #expect(leftOut == 1_024 - AuditNarrowing.partsMax && finer.bucketCount == AuditScope.bucketsMax)
        var few = GroupDigest(groupID: 1, bucketCount: finer.bucketCount)
        for bucket in few.buckets.indices { few.buckets[bucket].rows = 24 }
        let (last, rest) = AuditNarrowing.next(finer, few, nil)
        guard case .compare(let parts) = last else {
            Issue.record("\(last)")
            return
        }
        #expect(parts.bucketCount * 24 <= AuditNarrowing.rowsMax && rest == finer.bucketCount - parts.bucketCount)
    }

    @Test func nobodyGetsAWholeGroupOrMoreBucketsThanFit() throws {
        let store = try store(30)
        let catalog = store.online.state.catalog
        let view = store.online.store.view()
        let finest = try AuditScope(seed: 1, prefixes: [0], prefixBits: 20, splitBits: 0)
        let wide = try AuditScope(seed: 1, prefixes: [0, 1], prefixBits: 20, splitBits: 0)
        #expect(finest.isFinest && !wide.isFinest && !AuditScope(seed: 1, splitBits: 0).isFinest)
        let group = store.schema("orders").groupID
        let rows = try Audit.rows(view, catalog: catalog, scope: AuditScope(seed: 1, splitBits: 0), group: group) { _ in }
        #expect(rows.count == 30)
        var many: [AuditRow] = Array(repeating: rows[0], count: Audit.rowsMax)
        #expect(throws: HeadwaterError.self) { try Audit.append(rows[0], to: &many, wide) }
        try Audit.append(rows[0], to: &many, finest)
    }

    @Test func everyHashLiesInOneBucketOfTheScopeAndInNoneOutsideOfIt() throws {
        var random = SplitMix64(seed: 3)
        let whole = AuditScope(seed: 1, splitBits: 10)
        for _ in 0..<2_000 {
            let hash = UInt128(random.next()) << 64 | UInt128(random.next())
            let bucket = try #require(whole.bucket(hash))
            let finer = whole.narrowed(to: [bucket], splitBits: 12)
            let next = try #require(finer.bucket(hash))
            #expect(finer.narrowed(to: [next], splitBits: 0).bucket(hash) == 0)
            #expect(whole.narrowed(to: [bucket ^ 1], splitBits: 12).bucket(hash) == nil)
        }
        for (prefixes, bits, split) in [([], 0, 1), ([2], 1, 1), ([1, 0], 4, 1), ([0], 33, 0), ([0], 0, 13)]
            as [([UInt32], Int, Int)]
        {
            #expect(throws: HeadwaterError.self) {
                try AuditScope(seed: 1, prefixes: prefixes, prefixBits: bits, splitBits: split)
            }
        }
    }

    @Test func digestsAndRowsTravelAndBytesFromElsewhereAreChecked() throws {
        var digest = GroupDigest(groupID: 3, bucketCount: 4)
        digest.add(.max, to: 2)
        digest.add(5, to: 2)
        let bytes = GroupDigest.encode([digest, GroupDigest(groupID: 9, bucketCount: 0)])
        #expect(try GroupDigest.decode(bytes[...]) == [digest, GroupDigest(groupID: 9, bucketCount: 0)])
        for count in 1..<bytes.count where count != bytes.count - 8 {
            #expect(throws: HeadwaterError.self) { try GroupDigest.decode(bytes.prefix(count)) }
        }
        let row = AuditRow(
            key: [1, 2], order: RowOrder(eventTime: -1, position: .max, row: .max), isTombstone: true, hash: .max - 6)
        #expect(try AuditRow.rows(Batch(decoding: AuditRow.batch([row]).bytes[...])) == [row])
        #expect(throws: HeadwaterError.self) { try AuditRow.rows(Batch(rowCount: 0, columns: [])) }
    }
}
