import Catalog
import Engine
import FeatureModel
import Log
import OfflineStore
import StorageIO
import TestDisks
import TestSupport
import Testing

@Suite struct DatasetTests {
    private func dataset(asOf position: Position) -> Definitions {
        typealias Table = DatasetDefinition.Table
        let hash = String(repeating: "0", count: 64)
        return Definitions(
            project: "shop",
            datasets: [
                DatasetDefinition(
                    name: "june", query: DatasetDefinition.Query(.service("churn"), asOf: position, spineTime: "t"), rows: 0,
                    spine: Table(
                        columns: [
                            Table.Column(name: "id", type: .int64, hash: hash),
                            Table.Column(name: "t", type: .timestamp, hash: hash),
                        ], hash: hash),
                    features: Table(
                        columns: [
                            Table.Column(name: "amount", type: .float64, hash: hash),
                            Table.Column(name: "tags", type: .array(.string), hash: hash),
                        ], hash: hash))
            ])
    }

    @Test func itIsOfAPositionThatIsThere() throws {
        let store = try Store(MemoryStorage())
        try store.define()
        let last = store.online.state.current.lastPosition
        #expect(refusal { try store.run(.define(dataset(asOf: last + 1))) }?.code == .outOfRange)
        #expect(refusal { try store.run(.define(dataset(asOf: .max))) }?.code == .outOfRange)
        #expect(refusal { try store.run(.define(dataset(asOf: 0))) }?.code == .invalidArgument)
        _ = try store.run(.define(dataset(asOf: last)))
    }

    /// A promise that is kept across compactions and restarts, and ends when it is released.
    @Test func retentionWaitsForItUntilItIsReleased() throws {
        let disk = MemoryStorage()
        var store = try Store(disk)
        try store.define()
        let time = store.now
        let schema = store.schema("orders")
        for offset in [0, 100] as [Int64] {
            try store.write(
                store.body("orders", rows: [[.int64(1), .timestamp(time + offset), .float64(Double(offset)), .null]]))
        }
        let position = store.online.state.current.lastPosition
        _ = try store.run(.define(dataset(asOf: position)))
        _ = try store.run(.cutoff(RetentionCutoff(groupID: schema.groupID, cutoff: time + 50)))

        /// Amounts of all rows, as of a position.
        func rows(asOf: Position) throws(HeadwaterError) -> [Value] {
            var scan = try store.offline.store.view().scan(schema, asOf: asOf)
            var found: [Value] = []
            while let batch = try scan.next() { found += (0..<batch.rowCount).map { batch.features[0].value($0) } }
            return found
        }
        func compact() throws(HeadwaterError) {
            try store.follow()
            try store.offline.flush()
            try store.offline.store.compact()
        }
        for life in 0...2 as ClosedRange<UInt64> {
            if life > 0 {
                store = try Store(disk.crash(seed: life), now: store.now)
            }
            try compact()
            #expect(try rows(asOf: position) == [.float64(0), .float64(100)])
            #expect(try rows(asOf: store.offline.store.appliedPosition) == [.float64(100)])
            #expect(store.offline.store.compactionCandidates().isEmpty, "what may not be dropped is no reason to compact")
        }

        var released = dataset(asOf: position)
        released.datasets[0].isReleased = true
        _ = try store.run(.define(released))
        // That it was saved, and says nothing of it, does not take that back.
        _ = try store.run(.define(dataset(asOf: position)))
        #expect(try store.online.state.catalog.dataset(project: "shop", name: "june").isReleased)
        try compact()
        #expect(refusal { _ = try rows(asOf: position) }?.code == .outOfRange)
        #expect(try rows(asOf: store.offline.store.appliedPosition) == [.float64(100)])
    }

    /// It comes back from the log, and from a snapshot behind which the log is gone; the same again writes nothing.
    @Test func itOutlivesCrashesAndSnapshots() throws {
        let disk = MemoryStorage()
        var store = try Store(disk)
        try store.define()
        let position = store.online.state.current.lastPosition
        _ = try store.run(.define(dataset(asOf: position)))
        let saved = store.online.state.current.lastPosition
        for life in 1...2 as ClosedRange<UInt64> {
            if life == 2 { try store.snapshot() }
            store = try Store(disk.crash(seed: life), now: store.now)
            let found = try store.online.state.catalog.dataset(project: "shop", name: "june")
            #expect(found == dataset(asOf: position).datasets[0])
        }
        guard case .defined(_, let again) = try store.run(.define(dataset(asOf: position))) else { preconditionFailure() }
        #expect(again == saved)
    }
}
