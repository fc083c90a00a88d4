import Catalog
import Engine
import FeatureModel
import Log
import StorageIO
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
