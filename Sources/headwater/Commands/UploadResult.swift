import Client
import FeatureModel
import Tables

/// The outcome of writing a table.
struct UploadResult {
    private static let keysListedMax = 20

    private(set) var rows = 0
    private(set) var requests = 0
    /// The position of the last write; for a table without rows, that of the log's end.
    private(set) var position: Position = 0
    private(set) var keysWithNewerRows = 0
    /// The first of them, as text.
    private(set) var keysListed: [String] = []
    private(set) var rowsBelowCutoff = 0
    private(set) var rowsBehindTombstone = 0
    var elapsed = Duration.zero

    init() {}

    /// The outcome of a table without rows.
    init(standingAt position: Position) { self.position = position }

    /// The outcome of a stream.
    init(_ summary: StreamSummary) {
        (rows, requests, position) = (summary.rows, summary.requests, summary.position)
        (rowsBelowCutoff, rowsBehindTombstone) = (summary.rowsBelowCutoff, summary.rowsBehindTombstone)
    }

    mutating func add(_ written: WriteResult, rows: Int, keys: RowKeys?) {
        self.rows += rows
        requests += 1
        position = written.position
        keysWithNewerRows += written.newerRowCount
        rowsBelowCutoff += written.rowsBelowCutoff
        rowsBehindTombstone += written.rowsBehindTombstone
        guard let keys else { return }
        for row in written.rowsWithNewerRows.prefix(Self.keysListedMax - keysListed.count) { keysListed.append(keys.text(row)) }
    }

    private struct Document: Encodable {
        let group: String
        let rows: Int
        let requests: Int
        let position: UInt64
        let keysWithNewerRows: Int
        let keys: [String]
        let rowsBelowCutoff: Int
        let rowsBehindTombstone: Int
        let seconds: Double
    }

    func print(json: Bool, verb: String, group: String) throws {
        if json {
            return try Console.printJSON(
                Document(
                    group: group, rows: rows, requests: requests, position: position, keysWithNewerRows: keysWithNewerRows,
                    keys: keysListed, rowsBelowCutoff: rowsBelowCutoff, rowsBehindTombstone: rowsBehindTombstone,
                    seconds: elapsed / .seconds(1)))
        }
        guard rows > 0 else { return try Console.print("\(verb) 0 rows: the table is empty") }
        let noun = verb == "deleted" ? "key" : "row"
        try Console.print(
            "\(verb) \(NumberFormat.count(rows, noun)) \(verb == "deleted" ? "of" : "to") \(group): position \(position), "
                + NumberFormat.seconds(elapsed))
        try printUnserved(group)
        guard keysWithNewerRows > 0 else { return }
        try Console.print("a newer row wins for \(NumberFormat.count(keysWithNewerRows, "key")), which reads still find:")
        for key in keysListed { try Console.print("  \(key)") }
        if keysWithNewerRows > keysListed.count {
            try Console.print("  and \(NumberFormat.count(keysWithNewerRows - keysListed.count)) more")
        }
    }
}

extension UploadResult {
    /// Rows that were taken and that gets will not find.
    private func printUnserved(_ group: String) throws {
        if rowsBelowCutoff > 0 {
            try Console.print(
                "\(NumberFormat.count(rowsBelowCutoff, "row")) of them older than the retention of \(group) allows: never read, and dropped"
            )
        }
        if rowsBehindTombstone > 0 {
            try Console.print(
                "\(NumberFormat.count(rowsBehindTombstone, "row")) of them older than the delete of their key: in history, and not served online"
            )
        }
    }
}

/// Keys of a batch as people read them: `origin=JFK,carrier=UA`.
struct RowKeys {
    private let names: [String]
    private let columns: [OutputColumn]

    /// - Parameter fields: column `i` of the batch is `fields[i]`.
    init(_ batch: Batch, _ fields: [Field]) {
        names = fields.map(\.name)
        columns = fields.indices.map { .cells(batch.column(ordinal: $0)!) }
    }

    func text(_ row: Int) -> String {
        if names.isEmpty { return "(the global key)" }
        return zip(names, columns).map { "\($0)=\($1.text(row) ?? "")" }.joined(separator: ",")
    }
}
