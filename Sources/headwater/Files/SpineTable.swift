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
    /// How many a row must have: the keys, and what the request of a service brings.
    private let neededCount: Int
    /// Further columns that are hashed, such as labels; `nil` where there is nothing to hash, or no types to hash it by.
    let labels: [Field]?
    private let table: InputTable
    private let options: TableOptions
    private let decoder: Mutex<TableDecoder>
    /// Whether whole numbers among the times were looked at up to the table's end, and can be what they are read as.
    private let timesAreChecked = Mutex(false)
    /// Whether each key column was found in some row, or in the header.
    private let keysAreFound: Mutex<Bool>
    private let hash: Mutex<TableHash?>
    private let labelHash: Mutex<TableHash?>

    /// - Parameter savedLabels: further columns of a saved training set, whose types this table's cells are read as.
    /// - Throws: `.invalidArgument` where the spine lacks a key column or the time column.
    init(
        _ table: InputTable, keys: [Field], request: [Field] = [], time: String, hashing: Bool, savedLabels: [Field]? = nil,
        options: TableOptions
    ) throws(HeadwaterError) {
        let (columns, timeIndex) = try Self.columns(keys: keys + request, time: time)
        (self.columns, self.timeIndex) = (columns, timeIndex)
        keyCount = keys.count
        neededCount = keys.count + request.count
        self.table = table
        self.options = options
        hash = Mutex(hashing ? TableHash(columns) : nil)
        if let name = columns.map(\.name).first(where: { options.takenNames.contains(ByteString($0)) }) {
            throw HeadwaterError(
                .invalidArgument,
                "column '\(name)' is called as a feature is: use --full-feature-names, or an alias in a service", at: table.name)
        }
        var opened: TableDecoder
        do { opened = try Self.open(table, columns, timeIndex, options) } catch { throw Self.advised(error, time) }
        if table.format == .csv {
            // A null key is allowed, a missing key column is a mistake; so it is with columns of the request.
            let missing = columns.prefix(neededCount).map(\.name).filter { name in
                !opened.header.contains { $0.utf8.elementsEqual(name.utf8) }
            }
            guard missing.isEmpty else { throw Self.lacks(missing, keys, opened.header, table) }
        }
        keysAreFound = Mutex(table.format == .csv)
        let labels = hashing ? Self.labels(opened, columns, savedLabels) : nil
        if let labels, !labels.isEmpty {
            // The header said which they are.
            opened = try Self.open(table, columns, timeIndex, options, labels: labels)
        }
        self.labels = labels
        labelHash = Mutex(labels.map { TableHash($0) })
        decoder = Mutex(opened)
    }

    /// Further columns of a CSV file, which are text unless a saved set knows
    /// better; NDJSON has no header, so that they are those of the set.
    private static func labels(_ decoder: TableDecoder, _ columns: [Field], _ saved: [Field]?) -> [Field]? {
        guard decoder.format == .csv else { return saved }
        return decoder.header.filter { name in !columns.contains { $0.name.utf8.elementsEqual(name.utf8) } }.map { name in
            saved?.first { $0.name.utf8.elementsEqual(name.utf8) } ?? Field(name, .string)
        }
    }

    /// Keys, then the time, unless it is one of them; and its place.
    static func columns(keys: [Field], time: String) throws(HeadwaterError) -> ([Field], timeIndex: Int) {
        guard let key = keys.firstIndex(where: { $0.name.utf8.elementsEqual(time.utf8) }) else {
            return (keys + [Field(time, .timestamp)], keys.count)
        }
        guard keys[key].type == .timestamp else {
            throw HeadwaterError(
                .invalidArgument,
                "column '\(time)' is a key of type \(keys[key].type) and cannot be the time: name another --spine-time")
        }
        return (keys, key)
    }

    /// The next rows; every column is there.
    ///
    /// - Parameter split: is told of them.
    func next(dealingTo split: RowSplit? = nil) throws(HeadwaterError) -> Batch? {
        guard let rows = try nextBatch() else { return nil }
        try checkKeys()
        try checkTimes()
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

    /// How messages call it.
    var name: String { table.name }

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

    private static func open(
        _ table: InputTable, _ columns: [Field], _ timeIndex: Int, _ options: TableOptions, labels: [Field] = []
    ) throws(HeadwaterError) -> TableDecoder {
        let wanted = (columns + labels).enumerated().map {
            TableColumn($1.name, $1.type, ordinal: $0, isRequired: $0 == timeIndex)
        }
        return try TableDecoder(table.format, name: table.name, columns: wanted, options: options, source: table.source())
    }

    /// Where all whole numbers so far are ones that cannot be microseconds, reads ahead to the table's end to know of all: what
    /// is refused does not hang on how the table is cut, and other tables are not read twice.
    private func checkTimes() throws(HeadwaterError) {
        guard decoder.withLock({ $0.hasDoubtfulTimes }), !timesAreChecked.withLock({ $0 }) else { return }
        var ahead = try Self.open(table, columns, timeIndex, options)
        while try ahead.next() != nil {
            if Interrupts.wasInterrupted { throw HeadwaterError(.cancelled, "interrupted") }
        }
        try ahead.checkTimes()
        timesAreChecked.withLock { $0 = true }
    }

    /// Where no row so far has some key at all, reads ahead until one has: rows
    /// of NDJSON may leave a key out, but a spine without it is a mistake.
    private func checkKeys() throws(HeadwaterError) {
        guard !keysAreFound.withLock({ $0 }) else { return }
        if !decoder.withLock({ lacksKeys($0) }) { return keysAreFound.withLock { $0 = true } }
        var ahead = try Self.open(table, columns, timeIndex, options)
        while lacksKeys(ahead), try ahead.next() != nil {
            if Interrupts.wasInterrupted { throw HeadwaterError(.cancelled, "interrupted") }
        }
        let unseen = ahead.unseenColumns.intersection(columns.prefix(neededCount).map { ByteString($0.name) })
        let missing = columns.prefix(neededCount).map(\.name).filter { unseen.contains(ByteString($0)) }
        guard missing.isEmpty else { throw Self.lacks(missing, Array(columns.prefix(keyCount)), ahead.namesOfFirstRow, table) }
        keysAreFound.withLock { $0 = true }
    }

    private func lacksKeys(_ decoder: TableDecoder) -> Bool {
        let unseen = decoder.unseenColumns
        return columns.prefix(neededCount).contains { unseen.contains(ByteString($0.name)) }
    }

    private static func lacks(_ missing: [String], _ keys: [Field], _ names: [String], _ table: InputTable) -> HeadwaterError {
        let other = missing.compactMap { name in names.first { $0 != name && $0.lowercased() == name.lowercased() } }.first
        let hint = other.map { "; '\($0)' differs only in case" } ?? ""
        let areKeys = missing.allSatisfy { name in keys.contains { $0.name.utf8.elementsEqual(name.utf8) } }
        return HeadwaterError(
            .invalidArgument,
            "the spine lacks the \(areKeys ? "key column" : "column") \(missing.joined(separator: ", ")); it has "
                + "\(names.joined(separator: ", "))\(hint)",
            at: table.name)
    }

    private func nextBatch() throws(HeadwaterError) -> Batch? {
        let result = decoder.withLock { decoder -> Result<Batch?, HeadwaterError> in
            do throws(HeadwaterError) { return .success(try decoder.next()?.batch) } catch { return .failure(error) }
        }
        return try result.get()
    }

    /// An error with what to do where the time's column is missing.
    static func advised(_ error: HeadwaterError, _ time: String) -> HeadwaterError {
        guard error.message.contains("missing column \(time)") else { return error }
        return HeadwaterError(error.code, "\(error.message); name the spine's time column with --spine-time", at: error.location)
    }
}

/// The rows of a table as they stand, taken in parts of any size.
struct RawTable {
    /// How they are written: in the table's own format, unless another is given; columns of a given type in that type's form.
    struct Form {
        var typed: [Field] = []
        let output: TableFormat
        let options: TableOptions
    }

    private enum Reader {
        case csv(CSVReader)
        case ndjson(NDJSONReader)
    }

    private let name: String
    private var reader: Reader
    private var csvRow = CSVRow()
    private var jsonRow = NDJSONRow()
    private var kept: KeptRows

    init(_ table: InputTable, _ form: Form, taken: ByteCount) throws(HeadwaterError) {
        name = table.name
        let source = try table.source { taken.set($0) }
        switch table.format {
        case .csv: reader = .csv(try CSVReader(name: table.name, source: source))
        case .ndjson: reader = .ndjson(NDJSONReader(name: table.name, source: source))
        }
        let header = if case .csv(let csv) = reader { csv.header } else { [String]() }
        do throws(HeadwaterError) {
            kept = try KeptRows(form.typed, header: header, from: table.format, to: form.output, options: form.options)
        } catch { throw error.located(at: table.name) }
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
            case .csv(let csv):
                do throws(HeadwaterError) { try kept.append(csvRow, to: &rows) } catch {
                    throw HeadwaterError(error.code, error.message, at: csv.location(of: csvRow, column: error.location))
                }
            case .ndjson(let ndjson):
                do throws(HeadwaterError) { try kept.append(jsonRow, to: &rows) } catch {
                    throw HeadwaterError(error.code, error.message, at: ndjson.location(of: jsonRow, column: error.location))
                }
            }
        }
        return rows
    }

    /// Whether all rows were taken; then their times are checked too.
    mutating func isAtEnd() throws(HeadwaterError) -> Bool {
        if try step() { return false }
        do throws(HeadwaterError) { try kept.checkEnd() } catch { throw error.located(at: name) }
        return true
    }

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
    /// The names of the outputs, the same in every part.
    let names: [String]
    let rowCount: Int
    let columns: [Column]
    let statuses: [StatusColumn]

    var fields: [Field] { zip(names, columns).map { Field($0, $1.type) } }
}

/// The answer of a join, in the spine's order, from a server or from a directory.
protocol JoinedRows {
    func next() async throws(HeadwaterError) -> JoinedPart?
    /// The position of the whole answer, known at its end.
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
