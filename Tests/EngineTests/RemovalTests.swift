import Catalog
import Engine
import FeatureModel
import Log
import OfflineStore
import OnlineStore
import StorageIO
import TestDisks
import Testing

/// Removed groups in both stores: their rows, what may still be read of them, restarts, rebuilds, retries.
@Suite struct RemovalTests {
    private let disk = MemoryStorage()

    private func orders(_ ids: ClosedRange<Int64>, _ store: Store, at time: Microseconds) throws -> [UInt8] {
        try store.body(
            "orders", rows: ids.map { [.int64($0), .timestamp(time), .float64(Double($0)), .string(ByteString("n\($0)"))] })
    }

    private func profiles(_ ids: ClosedRange<Int64>, _ store: Store) throws -> [UInt8] {
        try store.body("profile", rows: ids.map { [.int64($0), .array([.string("t")])] })
    }

    private func remove(
        _ kind: RemovableKind, _ name: String, in store: Store, isForced: Bool = true, keepsHistory: Bool = false
    ) throws -> Position {
        let removal = Removal(project: "shop", kind, name, isForced: isForced, keepsHistory: keepsHistory)
        guard case .defined(_, let position) = try store.run(.remove(removal, history: [:])) else { return 0 }
        try store.follow()
        return position
    }

    /// Rows of a group's history as of a position.
    private func rows(_ store: Store, _ group: GroupSchema, asOf: Position) throws -> Int {
        var scan = try store.offline.store.view().scan(
            group, columns: nil, start: nil, end: nil, keys: nil, asOf: asOf, includeDeletes: true)
        var count = 0
        while let batch = try scan.next() { count += batch.rowCount }
        return count
    }

    private func filled() throws -> (store: Store, schema: GroupSchema, position: Position) {
        let store = try Store(disk)
        try store.define()
        try store.write(try orders(1...4, store, at: store.now))
        try store.write(try profiles(1...3, store))
        try store.follow()
        return (store, store.schema("orders"), store.online.store.appliedPosition)
    }

    @Test func rowsOfARemovedGroupLeaveOnlineAtOnceAndHistoryAtTheNextCompaction() throws {
        let (store, schema, before) = try filled()
        try store.offline.flush()
        let removed = try remove(.group, "orders", in: store)
        #expect(throws: HeadwaterError.self) { try store.get("orders:amount", id: 1) }
        #expect(store.online.store.view().cutoff(of: schema.groupID) == GroupRemoval.cutoff)
        #expect(try store.get("profile:tags", id: 1).1 == .present)
        #expect(try rows(store, schema, asOf: before) == 4 && rows(store, schema, asOf: removed) == 0)
        #expect(try store.audit().isEmpty)
        try store.offline.flush()
        try store.offline.store.compact()
        let view = store.offline.store.view()
        #expect(view.oldestAsOf(of: schema.groupID) == removed && view.oldestAsOf(of: store.schema("profile").groupID) == 0)
        #expect {
            try view.checkKept(schema.groupID, named: "orders", asOf: before)
        } throws: {
            let error = $0 as? HeadwaterError
            return error?.code == .outOfRange && error?.message.contains("group 'orders' removed at \(removed)") == true
        }
        #expect(store.offline.store.status().groups.first { $0.groupID == schema.groupID }?.rowCount ?? 0 == 0)
        #expect(try store.audit().isEmpty)
    }

    @Test func keptHistoryIsReadAsOfPositionsBefore() throws {
        let (store, schema, before) = try filled()
        let removed = try remove(.group, "orders", in: store, keepsHistory: true)
        try store.offline.flush()
        try store.offline.store.compact()
        #expect(try rows(store, schema, asOf: before) == 4)
        #expect(store.offline.store.view().oldestAsOf(of: schema.groupID) == 0)
        let catalog = store.offline.state.catalog
        #expect(try catalog.asOf(before).group(project: "shop", reference: "orders").id == schema.groupID)
        #expect(throws: HeadwaterError.self) { try catalog.asOf(removed).group(project: "shop", reference: "orders") }
        #expect(throws: HeadwaterError.self) { try store.get("orders:amount", id: 1) }
        #expect(try store.audit().isEmpty)
    }

    @Test func aRetryOfAnAcknowledgedWriteStillGetsItsAnswer() throws {
        let (store, _, _) = try filled()
        guard case .openedProducer(let producer, let epoch) = try store.run(.openProducer) else { return }
        let stamp = ProducerStamp(producer: producer, epoch: epoch, sequence: 1)
        let body = try orders(7...8, store, at: store.now)
        let first = try store.write(body, stamp)
        _ = try remove(.group, "orders", in: store)
        func retry(_ store: Store) throws -> OnlineOutcome {
            try store.run(
                .retry(
                    stamp: stamp, bodyChecksum: CRC32C.checksum(body[...]), bodyBytes: body.count,
                    otherwise: HeadwaterError(.notFound, "removed")))
        }
        for store in [store, try Store(disk.kill())] {
            guard case .written(let answer, let isDuplicate) = try retry(store) else {
                Issue.record("a retry was not answered")
                return
            }
            #expect(isDuplicate && answer == first.0)
        }
    }

    @Test func aRestartARebuildAndAFollowerFoldTheSame() throws {
        let (store, schema, _) = try filled()
        try store.snapshot()
        _ = try remove(.group, "orders", in: store)
        let next = Store.definitions.replacing("- name: orders", with: "- name: orders\n    version: 2")
            .replacing("name: churn", with: "name: churn\n    version: 2")
        try store.define(next)
        #expect(store.schema("orders").groupID == 3)
        try store.write(try orders(1...2, store, at: store.now))
        try store.follow()
        #expect(try store.get("orders:amount", id: 1).0 == .float64(1))
        #expect(try store.audit().isEmpty)
        let catalog = store.online.state.catalog
        func check(_ again: Store) throws {
            try again.follow()
            #expect(again.online.state.catalog == catalog && again.offline.state.catalog == catalog)
            #expect(try again.get("orders:amount", id: 1).0 == .float64(1))
            #expect(again.online.store.view().cutoff(of: schema.groupID) == GroupRemoval.cutoff)
            #expect(try again.audit().isEmpty)
        }
        // From the snapshot before the removal and the log, from one behind it, and from the history alone.
        try check(try Store(disk.kill()))
        let again = try Store(disk.kill())
        try again.follow()
        try again.offline.flush()
        try again.offline.store.compact()
        try again.snapshot()
        try check(try Store(disk.kill()))
        let lost = disk.kill()
        for name in try lost.list("data/online") where name.hasPrefix("snapshot-") { try lost.remove("data/online/" + name) }
        try check(try Store(lost))
    }

    @Test func aRemovedFeatureStaysInItsColumnAndTheStoresAgree() throws {
        let (store, _, before) = try filled()
        let removed = try remove(.feature, "orders:note", in: store)
        #expect(throws: HeadwaterError.self) { try store.get("orders:note", id: 1) }
        #expect(try store.get("orders:amount", id: 1).0 == .float64(1))
        #expect(throws: HeadwaterError.self) { try store.write(try orders(1...1, store, at: store.now)) }
        #expect(try store.audit().isEmpty)
        let catalog = store.offline.state.catalog
        let group = try catalog.group(project: "shop", reference: "orders")
        #expect(try OfflineReads.ordinals(of: [], in: group) == [2])
        #expect(try OfflineReads.ordinals(of: [], in: catalog.asOf(before).group(project: "shop", reference: "orders")) == nil)
        #expect(try Store(disk.kill()).online.state.catalog.asOf(removed - 1) == catalog.asOf(removed - 1))
    }
}
