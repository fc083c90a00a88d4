import FeatureModel
import Tables

/// Keys, rows, columns and tables.
enum RowExamples {
    static let makers: [String: @Sendable () throws -> [UInt8]] = [
        "key": {
            KeyCodec.key([try Column(.string, [.string("a\0b")]), try Column(.int32, [.int32(-2)])], row: 0)!
        },
        "packed-row": {
            var bytes: [UInt8] = []
            let layout = RowLayout(types: [.float64, .string])
            RowCodec.append(Array(try ExampleStore.columns()[2...]), row: 0, layout: layout, to: &bytes)
            return bytes
        },
        "batch": { Array(try ExampleStore.batch().bytes) },
        "body-entry": { Array(try ExampleStore.body().prefix(RecordBody.entryHeaderBytes)) },
        "compact-body": { try ExampleStore.body(isCompact: true) },
        "statuses": {
            var statuses = StatusColumn()
            for status in [CellStatus.present, .nullValue, .notFound, .outsideMaxAge, .notFound] { statuses.append(status) }
            return statuses.packed
        },
        "packed-keys": keys,
        "packed-answer": answer,
        "csv": { try table(.csv) },
        "ndjson": { try table(.ndjson) },
        "arrow-stream": {
            var bytes: [UInt8] = []
            let writer = ArrowStreamWriter(names: ["total"], types: [.cells(.float64)])
            writer.appendHeader(to: &bytes)
            writer.append([.cells(try ExampleStore.columns()[2])], rowCount: 2, to: &bytes)
            writer.appendEnd(to: &bytes)
            return bytes
        },
    ]

    /// The keys of a get by handle 1, of customer 7.
    @Sendable static func keys() throws -> [UInt8] {
        PackedColumns.encode(tag: 1, rowCount: 1, columns: [try Column(.int64, [.int64(7)])])
    }

    /// Both features of customers 7 and 8, as of position 3.
    @Sendable static func answer() throws -> [UInt8] {
        PackedColumns.encode(tag: 3, rowCount: 2, columns: Array(try ExampleStore.columns()[2...]))
    }

    private static func table(_ format: TableFormat) throws -> [UInt8] {
        var bytes: [UInt8] = []
        let writer = TableWriter(format, names: ["id", "at", "total", "note"])
        writer.appendHeader(to: &bytes)
        writer.append(try ExampleStore.columns().map { .cells($0) }, to: &bytes)
        return bytes
    }
}
