import Catalog
import FeatureModel
import TestSupport
import Testing

@testable import Client

/// Rows of a write stream become the columns of one request.
@Suite struct RowGathererTests {
    private let types: [FeatureType] = [.int64, .timestamp, .float64, .string]

    private func row(_ number: Int64, _ value: Value? = nil) -> RowCells {
        var cells: [(ordinal: Int, type: FeatureType, value: Value)] = [
            (1, .timestamp, .timestamp(number)), (0, .int64, .int64(number)),
        ]
        if let value { cells.append((2, .float64, value)) }
        return RowCells(schemaVersion: 1, cells: cells)
    }

    @Test func columnsStandByOrdinalAndWhatIsLeftOutIsNull() {
        var gatherer = RowGatherer(rowsMax: 10)
        for (number, value) in [(1, nil), (2, Value.float32(0.5)), (3, nil)] as [(Int64, Value?)] {
            gatherer.append(row(number, value))
        }
        let (entry, rows) = gatherer.take(groupID: 4)
        #expect(rows == 1...3 && entry.groupID == 4 && entry.schemaVersion == 1 && entry.operation == .write)
        #expect(entry.batch.ordinals == [0, 1, 2])
        #expect((0..<3).map { entry.batch.columns[0].value($0) } == [.int64(1), .int64(2), .int64(3)])
        #expect((0..<3).map { entry.batch.columns[2].value($0) } == [.null, .float64(0.5), .null])
        gatherer.append(row(4))
        #expect(gatherer.take(groupID: 4).rows == 4...4)
    }

    @Test func rowsAndTablesOfOneKindGoTogether() throws {
        var gatherer = RowGatherer(rowsMax: 5)
        gatherer.append(row(1, .float64(1)))
        let table = RecordEntry(
            groupID: 4, schemaVersion: 1, operation: .write,
            batch: Batch(
                rowCount: 7, columns: [(0, try Column(.int64, (2...8).map { .int64($0) })), (3, .nulls(.string, count: 7))]))
        #expect(gatherer.takes(table))
        #expect(gatherer.append(table, from: 0) == 4)
        #expect(gatherer.isFull && !gatherer.takes(table))
        let batch = gatherer.take(groupID: 4).entry.batch
        #expect(batch.ordinals == [0, 1, 2, 3])
        #expect((0..<5).map { batch.columns[0].value($0) } == (1...5).map { .int64($0) })
        #expect(gatherer.append(table, from: 4) == 7)
        #expect(gatherer.take(groupID: 4).rows == 6...8)
    }

    @Test func anotherOperationVersionOrTypeBeginsARequest() throws {
        func table(_ operation: FeatureModel.Operation, _ version: UInt32, _ type: FeatureType) -> RecordEntry {
            RecordEntry(
                groupID: 4, schemaVersion: version, operation: operation,
                batch: Batch(rowCount: 1, columns: [(0, .nulls(type, count: 1))]))
        }
        var gatherer = RowGatherer(rowsMax: 5)
        gatherer.append(row(1))
        #expect(gatherer.takes(table(.write, 1, .int64)) && gatherer.takes(1))
        #expect(!gatherer.takes(table(.delete, 1, .int64)) && !gatherer.takes(table(.write, 2, .int64)) && !gatherer.takes(2))
        #expect(!gatherer.takes(table(.write, 1, .int32)))
    }

    @Test func deletesWithAndWithoutATimeDoNotGoTogether() throws {
        func table(_ ordinals: [Int]) -> RecordEntry {
            RecordEntry(
                groupID: 4, schemaVersion: 1, operation: .delete,
                batch: Batch(rowCount: 1, columns: ordinals.map { ($0, .nulls(types[$0], count: 1)) }))
        }
        var gatherer = RowGatherer(rowsMax: 5)
        _ = gatherer.append(table([0, 1]), from: 0)
        #expect(gatherer.takes(table([0, 1])) && !gatherer.takes(table([0])))
        _ = gatherer.take(groupID: 4)
        _ = gatherer.append(table([0]), from: 0)
        #expect(gatherer.takes(table([0])) && !gatherer.takes(table([0, 1])))
    }

    private func orders() throws -> RowColumns {
        let text = """
            project: shop
            entities:
              - {name: customer, keys: [{name: id, type: int64}]}
            feature_groups:
              - name: orders
                entity: customer
                event_time: at
                features:
                  - {name: amount, type: float64, renamed_from: [total]}
            """
        var catalog = Catalog()
        let plan = try catalog.plan(DefinitionsFile.load(text: text, fileName: "shop.yaml").definitions)
        catalog.apply(try plan.approved(), position: 1)
        return RowColumns(GroupDescription(try #require(catalog.group(project: "shop", name: "orders"))))
    }

    @Test func aRowThatGivesAColumnByBothItsNamesIsRefused() throws {
        let columns = try orders()
        func cells(_ names: String...) throws -> RowCells {
            var row: [String: Value] = ["id": .int64(1), "at": .timestamp(1)]
            for name in names { row[name] = .float64(2) }
            return try columns.cells(of: row, number: 7)
        }
        #expect(try cells("total").cells.count == 3 && cells("amount").cells.count == 3)
        let error = refusal { try cells("amount", "total") }
        #expect(error?.code == .invalidArgument && error?.location == "row 7, column amount")
    }

    @Test func aTableOfOtherTypesIsRefusedBeforeRowsAreGatheredBesideIt() throws {
        let columns = try orders()
        func table(_ ordinal: Int, _ type: FeatureType, _ version: UInt32 = 1) -> RecordEntry {
            RecordEntry(
                groupID: 1, schemaVersion: version, operation: .write,
                batch: Batch(rowCount: 1, columns: [(ordinal, .nulls(type, count: 1))]))
        }
        #expect(refusal { try columns.check(table(2, .float64), number: 3) } == nil)
        #expect(refusal { try columns.check(table(2, .int64), number: 3) }?.location == "row 3, column amount")
        #expect(refusal { try columns.check(table(9, .int64), number: 3) }?.location == "row 3")
        #expect(refusal { try columns.check(table(2, .int64, 2), number: 3) } == nil, "it is not gathered beside rows")
    }

    @Test func manyBytesFillARequestBeforeManyRowsDo() {
        var gatherer = RowGatherer(rowsMax: 1_024)
        while !gatherer.isFull {
            gatherer.append(
                RowCells(
                    schemaVersion: 1, cells: [(3, .string, .string(ByteString([UInt8](repeating: 97, count: 1_000))))]))
        }
        #expect(gatherer.rowCount == 25)
    }
}
