import FeatureModel
import StorageIO
import TestDisks
import Testing

@testable import OfflineStore

/// What a scan holds ready while nobody asks for it.
@Suite struct ScanMemoryTests {
    private static let rowCount = 40_000

    private func store(blockRows: Int) throws -> OfflineStore {
        var options = OfflineOptions()
        options.blockRowsMax = blockRows
        let store = try OfflineStore(
            dataDirectory: "data", logID: Array(repeating: 7, count: 16), storage: MemoryStorage(), options: options)
        let rows = (0..<Self.rowCount).map { (station: Int64($0), time: Int64(0), temp: Double?(Double($0))) }
        store.apply(Weather.write(1, rows))
        return store
    }

    private let executor = ParallelExecutor(size: 2) { count, body in for number in 0..<count { body(number) } }

    @Test(arguments: [true, false])
    func aScanMakesOneBatchForWhoAsksForOneAndMoreForWhoGoesOn(isFlushed: Bool) throws {
        let store = try store(blockRows: 500)
        if isFlushed { try store.flush() }
        let view = store.view()
        var scan = try view.scan(Weather.schema, asOf: view.position, executor: executor)
        var rows = try #require(try scan.next()).rowCount
        #expect(scan.readyBytes == 0)
        rows += try #require(try scan.next()).rowCount
        let second = scan.readyBytes
        #expect(second > 0)
        var most = second
        while let batch = try scan.next() {
            rows += batch.rowCount
            most = max(most, scan.readyBytes)
        }
        #expect(most > second && scan.readyBytes == 0)
        #expect(rows == Self.rowCount)
    }

    @Test func aScanHoldsNoMoreReadyThanItIsAllowedButABatchForEachMember() throws {
        let store = try store(blockRows: 4_000)
        try store.flush()
        let view = store.view()
        var scan = try view.scan(Weather.schema, asOf: view.position, executor: executor)
        scan.bytesAtOnce = 1
        var rows = 0
        while let batch = try scan.next() {
            rows += batch.rowCount
            // One is in our hands, and one ready.
            #expect(scan.readyBytes <= 4_000 * 8 * 8)
        }
        #expect(rows == Self.rowCount)
    }
}
