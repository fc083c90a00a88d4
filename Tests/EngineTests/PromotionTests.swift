import Catalog
import Engine
import FeatureModel
import Foundation
import OnlineStore
import StorageIO
import TestDisks
import Testing

/// Promotions on their way through the log: restarts, followers, and a directory that was made before there were any.
@Suite struct PromotionTests {
    private static let second = """
        project: shop
        feature_groups:
          - name: orders
            version: 2
            entity: customer
            event_time: at
            features: [{name: amount, type: float64}, {name: count, type: int32}]
        """

    /// `shop` of a store that an older version made, with `orders` and `churn` in two versions each.
    private func golden() throws -> MemoryStorage {
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden/two-versions")
        let storage = MemoryStorage()
        for folder in ["data/log/followers", "data/online", "data/offline"] { try storage.createDirectory(folder) }
        for path in try FileManager.default.subpathsOfDirectory(atPath: root.path) where path.hasPrefix("data/") {
            let url = root.appending(path: path)
            guard try url.resourceValues(forKeys: [.isDirectoryKey]).isDirectory != true else { continue }
            try storage.open(path, .create).write([UInt8](Data(contentsOf: url))[...], at: 0)
        }
        return storage
    }

    private func meaning(_ catalog: Catalog, _ name: String = "orders") -> String? {
        catalog.group(project: "shop", name: name)?.reference
    }

    private func service(_ catalog: Catalog) throws -> String {
        try catalog.service(project: "shop", reference: "churn").reference
    }

    private func promote(_ kind: VersionedKind, _ name: String, in store: Store, isForced: Bool = false) throws {
        _ = try store.run(.promote(Promotion(project: "shop", kind, name, isForced: isForced), history: [:]))
    }

    private func total(_ store: Store, _ feature: String, id: Int64 = 1) throws -> Value {
        let plan = try store.online.state.catalog.resolve(project: "shop", .features([feature]))
        return try OnlineReads.get(
            plan, columns: [Column(.int64, [.int64(id)])], rowCount: 1, from: store.online.store, now: store.now
        ).columns[0].value(0)
    }

    @Test func aDirectoryFromBeforeKeepsTheRuleOfTheGreatestVersion() throws {
        let store = try Store(try golden())
        try store.follow()
        for catalog in [store.online.state.catalog, store.offline.state.catalog] {
            #expect(meaning(catalog) == "orders@2" && meaning(catalog.asOf(3)) == "orders@1")
            #expect(try service(catalog) == "churn@2")
            #expect(try service(catalog.asOf(3)) == "churn@1")
        }
        #expect(try total(store, "orders:total") == .float64(11))
        #expect(try total(store, "orders@1:total") == .float64(10))
        #expect(try store.audit().isEmpty)
    }

    @Test func aDirectoryFromBeforeGoesOnWithPromotions() throws {
        let disk = try golden()
        let store = try Store(disk)
        let third = """
            project: shop
            feature_groups:
              - {name: orders, version: 3, entity: customer, event_time: t, features: [{name: total, type: string}]}
              - {name: carts, version: 2, entity: customer, event_time: t, features: [{name: items, type: int64}]}
            """
        try store.define(third)
        #expect(meaning(store.online.state.catalog) == "orders@2" && meaning(store.online.state.catalog, "carts") == "carts@1")
        let then = store.online.state.catalog.position
        try promote(.group, "orders@1", in: store)
        #expect(throws: HeadwaterError.self) { try promote(.group, "orders@3", in: store) }
        try promote(.service, "churn@1", in: store)
        #expect(try total(store, "orders:total") == .float64(10))
        #expect(try store.audit().isEmpty)
        try store.snapshot()
        try store.offline.flush()
        let again = try Store(disk.kill())
        try again.follow()
        for catalog in [again.online.state.catalog, again.offline.state.catalog] {
            #expect(meaning(catalog) == "orders@1" && meaning(catalog.asOf(then)) == "orders@2")
            #expect(meaning(catalog.asOf(3)) == "orders@1" && meaning(catalog, "carts") == "carts@1")
            #expect(try service(catalog) == "churn@1")
        }
    }

    @Test func anEmptyVersionIsRefusedAtItsTurnAndOneWithRowsIsNot() throws {
        let disk = MemoryStorage()
        let store = try Store(disk)
        try store.define()
        try store.define(Self.second)
        #expect(throws: HeadwaterError.self) { try promote(.group, "orders@2", in: store) }
        let schema = try #require(store.online.state.catalog.group(project: "shop", name: "orders", version: 2)).newestSchema
        let columns: [Column] = [
            try Column(.int64, [.int64(1)]), try Column(.timestamp, [.timestamp(store.now)]), try Column(.float64, [.float64(5)]),
        ]
        let batch = Batch(rowCount: 1, columns: columns.enumerated().map { ($0.offset, $0.element) })
        try store.write(
            RecordBody.encode([
                RecordEntry(groupID: schema.groupID, schemaVersion: 1, operation: .write, batch: batch)
            ]))
        try promote(.group, "orders@2", in: store)
        #expect(try total(store, "orders:amount") == .float64(5))
        // The same again needs no record.
        let position = store.online.state.catalog.position
        try promote(.group, "orders@2", in: store)
        #expect(store.online.state.catalog.position == position)
        let again = try Store(disk.kill())
        #expect(meaning(again.online.state.catalog) == "orders@2")
        #expect(try again.audit().isEmpty)
    }
}
