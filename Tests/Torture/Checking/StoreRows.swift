import Client
import FeatureModel

/// One row of a group's whole history.
struct StoredRow {
    let key: Int64
    let time: Microseconds
    let ingestTime: Microseconds
    let position: Position
    let row: Int
    let isDelete: Bool
    /// The first feature: the write's name in `alpha` and `beta`, the count of rows in `marks`.
    let number: Int64?
    /// The second feature, as text.
    let detail: String
}

/// A group read whole through the product's own scan, tombstones included.
struct StoreRows {
    let rows: [StoredRow]
    /// What the answer shows.
    let position: Position

    /// - Parameter minPosition: 0 takes what is applied just now.
    init(_ client: HeadwaterClient, group: String, minPosition: Position) async throws {
        var query = RowsQuery(group: group)
        query.deletes = true
        let stream = try await client.scan(query, minPosition: minPosition)
        var rows: [StoredRow] = []
        for try await item in stream { Self.append(item, to: &rows) }
        guard let position = stream.summary?.position else { throw TortureError("the scan of \(group) has no end") }
        self.rows = rows
        self.position = position
    }

    private static func append(_ item: RowsItem<Batch>, to rows: inout [StoredRow]) {
        let columns = item.rows.columns
        func column(_ name: String) -> Column? { item.outputs.firstIndex { $0.name == name }.map { columns[$0] } }
        let times = column("event_time")
        let (ingests, positions, numbers) = (column("ingest_time")!, column("position")!, column("row")!)
        let deleted = column("deleted")!
        let first = item.outputs.firstIndex { $0.name == "deleted" }! + 1
        let details = first + 1 < columns.count ? columns[first + 1] : nil
        for row in 0..<item.rows.rowCount {
            rows.append(
                StoredRow(
                    key: columns[0].int64(row), time: times?.int64(row) ?? EventTime.always, ingestTime: ingests.int64(row),
                    position: Position(positions.int64(row)), row: Int(numbers.int64(row)), isDelete: deleted.bool(row),
                    number: columns[first].isNull(row) ? nil : columns[first].int64(row),
                    detail: details.map { Self.text($0, row) } ?? ""))
        }
    }

    private static func text(_ column: Column, _ row: Int) -> String {
        if column.isNull(row) { return "" }
        return column.type == .string ? String(decoding: column.bytes(row), as: UTF8.self) : "\(column.float64(row))"
    }
}
