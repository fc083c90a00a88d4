import Catalog
import Client
import FeatureModel
import Synchronization
import Tables
import Wire

/// The keys and times of a spine, in batches.
final class SpineTable: Sendable {
    static let batchRowsMax = 65_536
    /// The raw rows count as well, so the sent part is well below what a frame should be.
    static let batchBytesMax = 4 << 20

    /// Keys, then the time, unless the time is one of the keys. Column `i` of a batch is `columns[i]`.
    let columns: [Field]
    /// Place of the time among the columns.
    let timeIndex: Int
    /// How many of the columns are keys, the time among them where it is one.
    let keyCount: Int
    /// Further columns that are hashed, such as labels; `nil` where there is nothing to hash, or no types to hash it by.
    let labels: [Field]?
    private let decoder: Mutex<TableDecoder>
    private let hash: Mutex<TableHash?>
    private let labelHash: Mutex<TableHash?>

    /// - Parameter savedLabels: further columns of a saved training set, whose types this table's cells are read as.
    /// - Throws: `.invalidArgument` where the spine lacks a key column or the time column.
    init(
        _ table: InputTable, keys: [Field], time: String, hashing: Bool, savedLabels: [Field]? = nil, options: TableOptions
    ) throws(HeadwaterError) {
        var columns = keys
        if let key = keys.firstIndex(where: { $0.name.utf8.elementsEqual(time.utf8) }) {
            guard keys[key].type == .timestamp else {
                throw HeadwaterError(
                    .invalidArgument,
                    "column '\(time)' is a key of type \(keys[key].type) and cannot be the time: name another --spine-time")
            }
            timeIndex = key
        } else {
            timeIndex = keys.count
            columns.append(Field(time, .timestamp))
        }
        self.columns = columns
        keyCount = keys.count
        hash = Mutex(hashing ? TableHash(columns) : nil)
        let timeIndex = timeIndex
        let wanted = columns.enumerated().map { TableColumn($1.name, $1.type, ordinal: $0, isRequired: $0 == timeIndex) }
        var opened: TableDecoder
        do {
            opened = try TableDecoder(table.format, name: table.name, columns: wanted, options: options, source: table.source())
        } catch {
            throw Self.advised(error, time)
        }
        if table.format == .csv {
            // A null key is allowed, a missing key column is a mistake.
            let missing = keys.map(\.name).filter { key in !opened.header.contains { $0.utf8.elementsEqual(key.utf8) } }
            guard missing.isEmpty else {
                throw HeadwaterError(
                    .invalidArgument,
                    "the spine lacks the key column \(missing.joined(separator: ", ")); "
                        + "it has \(opened.header.joined(separator: ", "))",
                    at: table.name)
            }
        }
        let labels = hashing ? Self.labels(opened, columns, savedLabels) : nil
        if let labels, !labels.isEmpty {
            // The header said which they are.
            let further = labels.enumerated().map { TableColumn($1.name, $1.type, ordinal: columns.count + $0) }
            opened = try TableDecoder(
                table.format, name: table.name, columns: wanted + further, options: options, source: table.source())
        }
        self.labels = labels
        labelHash = Mutex(labels.map { TableHash($0) })
        decoder = Mutex(opened)
    }

    /// Further columns of a CSV file, which are text unless a saved set knows better; NDJSON has no header, so that they are those of the set.
    private static func labels(_ decoder: TableDecoder, _ columns: [Field], _ saved: [Field]?) -> [Field]? {
        guard decoder.format == .csv else { return saved }
        return decoder.header.filter { name in !columns.contains { $0.name.utf8.elementsEqual(name.utf8) } }.map { name in
            saved?.first { $0.name.utf8.elementsEqual(name.utf8) } ?? Field(name, .string)
        }
    }

    /// The next rows; every column is there.
    ///
    /// - Parameter split: is told of them.
    func next(dealingTo split: RowSplit? = nil) throws(HeadwaterError) -> Batch? {
        guard let rows = try nextBatch() else { return nil }
        let cells = columns.enumerated().map { rows.column(ordinal: $0) ?? Column.nulls($1.type, count: rows.rowCount) }
        hash.withLock { $0?.append(cells) }
        split?.tell(cells, rowCount: rows.rowCount)
        if let labels {
            let further = labels.enumerated().map {
                rows.column(ordinal: columns.count + $0) ?? Column.nulls($1.type, count: rows.rowCount)
            }
            labelHash.withLock { $0?.append(further, rowCount: rows.rowCount) }
        }
        if rows.columns.count == columns.count, labels?.isEmpty ?? true { return rows }
        return Batch(rowCount: rows.rowCount, columns: cells.enumerated().map { ($0, $1) })
    }

    /// The hash of all rows, when all were read and hashed.
    func finishHash() -> (rows: Int, table: DatasetDefinition.Table, labels: DatasetDefinition.Table?) {
        let labels = labelHash.withLock { $0?.finish() }
        return hash.withLock { ($0!.rowCount, $0!.finish(), labels) }
    }

    /// Reads the table to its end, for its hash or for what `take` makes of its columns.
    func readAll(_ label: String, _ take: ([Column]) -> Void = { _ in }) throws {
        var progress = Progress(label)
        defer { progress.finish() }
        var rowCount = 0
        while let batch = try next() {
            try Interrupts.check()
            take(columns.indices.map { batch.column(ordinal: $0)! })
            rowCount += batch.rowCount
            progress.update(rows: rowCount, fraction: nil)
        }
    }

    private func nextBatch() throws(HeadwaterError) -> Batch? {
        let result = decoder.withLock { decoder -> Result<Batch?, HeadwaterError> in
            do throws(HeadwaterError) { return .success(try decoder.next()?.batch) } catch { return .failure(error) }
        }
        return try result.get()
    }

    private static func advised(_ error: HeadwaterError, _ time: String) -> HeadwaterError {
        guard error.message.contains("missing column \(time)") else { return error }
        return HeadwaterError(error.code, "\(error.message); name the spine's time column with --spine-time", at: error.location)
    }
}

/// The rows of a table as they stand, taken in parts of any size.
struct RawTable {
    private enum Reader {
        case csv(CSVReader)
        case ndjson(NDJSONReader)
    }

    private let name: String
    private var reader: Reader
    private var csvRow = CSVRow()
    private var jsonRow = NDJSONRow()

    init(_ table: InputTable, taken: ByteCount) throws(HeadwaterError) {
        name = table.name
        let source = try table.source { taken.set($0) }
        switch table.format {
        case .csv: reader = .csv(try CSVReader(name: table.name, source: source))
        case .ndjson: reader = .ndjson(NDJSONReader(name: table.name, source: source))
        }
    }

    /// The CSV header; empty for NDJSON.
    var header: [String] { if case .csv(let csv) = reader { csv.header } else { [] } }

    var headerRecord: [UInt8] { if case .csv(let csv) = reader { csv.headerRecord } else { [] } }

    /// The next `count` rows.
    ///
    /// - Throws: `.aborted` where the table has fewer: it changed since it was read first.
    mutating func next(count: Int) throws(HeadwaterError) -> RawRows {
        var rows = RawRows()
        while rows.count < count {
            guard try step() else {
                throw HeadwaterError(.aborted, "the file changed while it was read: it has fewer rows than before", at: name)
            }
            switch reader {
            case .csv: rows.append(csvRow)
            case .ndjson: rows.append(jsonRow)
            }
        }
        return rows
    }

    mutating func isAtEnd() throws(HeadwaterError) -> Bool { try !step() }

    private mutating func step() throws(HeadwaterError) -> Bool {
        switch reader {
        case .csv(var csv):
            defer { reader = .csv(csv) }
            return try csv.next(into: &csvRow)
        case .ndjson(var ndjson):
            defer { reader = .ndjson(ndjson) }
            return try ndjson.next(into: &jsonRow)
        }
    }
}

/// Some rows of a join's answer: a column and its statuses for each output.
struct JoinedPart {
    /// Of the outputs: the same in every part.
    let names: [String]
    let rowCount: Int
    let columns: [Column]
    let statuses: [StatusColumn]

    var fields: [Field] { zip(names, columns).map { Field($0, $1.type) } }
}

/// The answer of a join, in the spine's order, from a server or from a directory.
protocol JoinedRows {
    func next() async throws(HeadwaterError) -> JoinedPart?
    /// What the whole answer shows; known at its end.
    var position: Position { get }
}

/// A server's answer.
struct ClientRows: JoinedRows {
    private let stream: RowStream<Cells>

    init(_ stream: RowStream<Cells>) { self.stream = stream }

    func next() async throws(HeadwaterError) -> JoinedPart? {
        guard let item = try await stream.next() else { return nil }
        let cells = item.rows
        return JoinedPart(
            names: item.outputs.map(\.name), rowCount: cells.rowCount, columns: cells.columns,
            statuses: cells.statuses)
    }

    var position: Position { stream.summary?.position ?? 0 }
}
