import FeatureModel
import Tables
import TestSupport

extension SplitMix64 {
    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
}

/// A source that gives `bytes` in chunks of `chunkBytes`.
func source(_ bytes: [UInt8], chunkBytes: Int = 1 << 16) -> ByteSource {
    var offset = 0
    return { () throws(HeadwaterError) -> ArraySlice<UInt8>? in
        guard offset < bytes.count else { return nil }
        let end = min(offset + chunkBytes, bytes.count)
        defer { offset = end }
        return bytes[offset..<end]
    }
}

func source(_ text: String) -> ByteSource { source(Array(text.utf8)) }

/// A source that gives the chunks one by one.
func source(chunks: [ArraySlice<UInt8>]) -> ByteSource {
    var index = 0
    return { () throws(HeadwaterError) -> ArraySlice<UInt8>? in
        guard index < chunks.count else { return nil }
        defer { index += 1 }
        return chunks[index]
    }
}

/// One cell as a test sees it: text, and `"` before it where it was quoted.
func cells(_ row: CSVRow) -> [String] {
    (0..<row.count).map { (row.isQuoted($0) ? "\"" : "") + String(decoding: row.text($0), as: UTF8.self) }
}

/// All rows of a CSV text, the header first.
func readCSV(_ source: @escaping ByteSource) throws(HeadwaterError) -> [[String]] {
    var reader = try CSVReader(name: "t.csv", source: source)
    var rows = [reader.header]
    var row = CSVRow()
    while try reader.next(into: &row) { rows.append(cells(row)) }
    return rows
}

/// All rows of a table, by column.
func decode(
    _ format: TableFormat, _ source: @escaping ByteSource, _ columns: [TableColumn], _ options: TableOptions = TableOptions()
) throws(HeadwaterError) -> [String: [Value]] {
    var decoder = try TableDecoder(format, name: "weather.\(format)", columns: columns, options: options, source: source)
    var values: [String: [Value]] = [:]
    while let next = try decoder.next() {
        for column in columns {
            if let cells = next.batch.column(ordinal: column.ordinal) { values[column.name, default: []] += cells.values }
        }
    }
    return values
}

/// The one value that a cell of CSV text has.
func csvCell(_ type: FeatureType, _ text: String) throws(HeadwaterError) -> Value {
    try decode(.csv, source("x\n\(text)\n"), [TableColumn("x", type, ordinal: 0)])["x"]![0]
}

/// The one value that a JSON value has.
func jsonCell(_ type: FeatureType, _ text: String) throws(HeadwaterError) -> Value {
    try decode(.ndjson, source("{\"x\":\(text)}\n"), [TableColumn("x", type, ordinal: 0)])["x"]![0]
}

/// The error that `body` throws, as a user reads it, without its code.
func message(_ body: () throws(HeadwaterError) -> Void) -> String {
    do {
        try body()
    } catch {
        return error.location.map { "\($0): \(error.message)" } ?? error.message
    }
    return "no error"
}
