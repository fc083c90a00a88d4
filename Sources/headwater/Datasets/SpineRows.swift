import FeatureModel
import Tables

/// The rows of a spine that a training set continues: as they stand, or as columns where the file that is written has types.
enum SpineRows {
    case raw(RawTable)
    case typed(TypedTable)

    /// The next `count` rows, as text or as columns.
    ///
    /// - Throws: `.aborted` where the table has fewer: it changed since it was read first.
    mutating func next(count: Int) throws(HeadwaterError) -> (raw: RawRows?, columns: [OutputColumn]) {
        switch self {
        case .raw(var table):
            defer { self = .raw(table) }
            return (try table.next(count: count), [])
        case .typed(var table):
            defer { self = .typed(table) }
            return (nil, try table.next(count: count).map { .cells($0) })
        }
    }

    /// Whether all rows were taken; then their times are checked too.
    mutating func isAtEnd() throws(HeadwaterError) -> Bool {
        switch self {
        case .raw(var table):
            defer { self = .raw(table) }
            return try table.isAtEnd()
        case .typed(var table):
            defer { self = .typed(table) }
            return try table.isAtEnd()
        }
    }
}

/// The rows of a table as columns, each of its own type, taken in parts of any size.
struct TypedTable {
    let fields: [Field]
    private let typed: [Field]
    private let name: String
    private var decoder: TableDecoder
    /// Rows that were read, and not taken yet.
    private var rest: [Column]
    private var restCount = 0
    private var hasRows = false

    /// - Parameters:
    ///   - known: keys and time.
    ///   - typed: further columns that are given a type; others of CSV are text.
    /// - Throws: `.invalidArgument` for NDJSON with a further column that has no type.
    init(
        _ table: InputTable, known: [Field], typed: [Field], options: TableOptions, taken: ByteCount
    ) throws(HeadwaterError) {
        name = table.name
        self.typed = typed
        var fields = known + typed
        var options = options
        // What is called as an output was refused where the spine's keys were read.
        (options.takenNames, options.pathColumns) = ([], [])
        if table.format == .csv {
            let header = try CSVReader(name: table.name, source: table.source()).header
            fields = header.map { name in fields.first { $0.name.utf8.elementsEqual(name.utf8) } ?? Field(name, .string) }
        } else {
            options.batchRowsMax = 1
            var first = try Self.decoder(table, fields, options, table.source())
            _ = try first.next()
            let unknown = first.namesOfFirstRow.filter { name in !fields.contains { $0.name.utf8.elementsEqual(name.utf8) } }
            guard unknown.isEmpty else {
                throw HeadwaterError(
                    .invalidArgument,
                    "an Arrow stream has types, and columns of NDJSON have none: say that of \(unknown.joined(separator: ", ")) with "
                        + "--spine-type COLUMN=TYPE",
                    at: table.name)
            }
            options.batchRowsMax = SpineTable.batchRowsMax
        }
        options.unknownColumns = .refuse
        self.fields = fields
        decoder = try Self.decoder(table, fields, options, table.source { taken.set($0) })
        rest = fields.map { .nulls($0.type, count: 0) }
    }

    private static func decoder(
        _ table: InputTable, _ fields: [Field], _ options: TableOptions, _ source: @escaping ByteSource
    ) throws(HeadwaterError) -> TableDecoder {
        let columns = fields.enumerated().map { TableColumn($1.name, $1.type, ordinal: $0) }
        return try TableDecoder(table.format, name: table.name, columns: columns, options: options, source: source)
    }

    /// The next `count` rows.
    ///
    /// - Throws: `.aborted` where the table has fewer: it changed since it was read first.
    mutating func next(count: Int) throws(HeadwaterError) -> [Column] {
        var pieces = [rest]
        var found = restCount
        while found < count {
            guard let batch = try nextBatch() else {
                throw HeadwaterError(.aborted, "the file changed while it was read: it has fewer rows than before", at: name)
            }
            pieces.append(fields.indices.map { batch.column(ordinal: $0) ?? .nulls(fields[$0].type, count: batch.rowCount) })
            found += batch.rowCount
        }
        // A part mostly lies in one batch or two: what is cut off shares its storage.
        if restCount == 0, pieces.count > 1 { pieces.removeFirst() }
        let all = fields.indices.map { field in Column.joined(pieces.map { $0[field] }) }
        rest = all.map { $0.slice(count..<found) }
        restCount = found - count
        return all.map { $0.slice(0..<count) }
    }

    private mutating func nextBatch() throws(HeadwaterError) -> Batch? {
        do throws(HeadwaterError) {
            guard let batch = try decoder.next()?.batch else { return nil }
            hasRows = true
            return batch
        } catch {
            guard error.message.contains("unknown column") else { throw error }
            throw HeadwaterError(
                error.code, "\(error.message); an Arrow stream has types: say the column's with --spine-type COLUMN=TYPE",
                at: error.location)
        }
    }

    /// Whether all rows were taken; then their times are checked too, and that each column that was given a type was in some row.
    mutating func isAtEnd() throws(HeadwaterError) -> Bool {
        if restCount > 0 { return false }
        if try nextBatch() != nil { return false }
        try decoder.checkTimes()
        let unseen = decoder.unseenColumns
        if hasRows, let column = typed.first(where: { unseen.contains(ByteString($0.name)) }) {
            throw HeadwaterError(.invalidArgument, "a type is given for \(column.name), which no row has", at: name)
        }
        return true
    }
}
