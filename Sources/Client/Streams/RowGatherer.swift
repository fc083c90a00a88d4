import Catalog
import FeatureModel

/// Gathers the rows of a write stream, one by one or from tables, into the columns of one request.
struct RowGatherer {
    /// Bytes of cells at which a request is full: servers check small ones where they read them.
    static let bytesMax = 24 << 10

    private let rowsMax: Int
    /// The number of the first row in the stream, from 1.
    private(set) var firstRow = 1
    private(set) var rowCount = 0
    private var operation = Operation.write
    private var schemaVersion: UInt32 = 0
    /// By first appearance.
    private var columns: [(ordinal: Int, cells: ColumnBuilder)] = []
    private var places: [Int: Int] = [:]

    init(rowsMax: Int) { self.rowsMax = rowsMax }

    var lastRow: Int { firstRow + rowCount - 1 }
    var isFull: Bool { rowCount >= rowsMax || byteCount >= Self.bytesMax }
    /// Of all cells.
    private var byteCount = 0

    /// Whether the next row, one of `cells`, fits in beside those that are there.
    func takes(_ schemaVersion: UInt32) -> Bool {
        rowCount == 0 || !isFull && operation == .write && schemaVersion == self.schemaVersion
    }

    /// Whether rows of a table fit in beside those that are there.
    func takes(_ entry: RecordEntry) -> Bool {
        guard rowCount > 0 else { return true }
        // A delete without an event time counts from now: no null stands for that.
        if entry.operation == .delete && Set(entry.batch.ordinals) != Set(places.keys) { return false }
        return !isFull && operation == entry.operation && schemaVersion == entry.schemaVersion
            && zip(entry.batch.ordinals, entry.batch.columns).allSatisfy { ordinal, column in
                places[ordinal].map { columns[$0].cells.type == column.type } ?? true
            }
    }

    /// Appends one row of cells that fit their columns.
    ///
    /// - Precondition: it takes the row.
    mutating func append(_ cells: RowCells) {
        (operation, schemaVersion) = (.write, cells.schemaVersion)
        for (ordinal, type, value) in cells.cells {
            let place = place(of: ordinal, type)
            do { try columns[place].cells.append(value) } catch { preconditionFailure("a cell that does not fit: \(error)") }
        }
        endRow()
    }

    /// Appends rows of a table.
    ///
    /// - Precondition: it takes the table.
    /// - Parameter row: the first of them.
    /// - Returns: the first row that did not fit; the number of rows where all did.
    mutating func append(_ entry: RecordEntry, from row: Int) -> Int {
        (operation, schemaVersion) = (entry.operation, entry.schemaVersion)
        var row = row
        repeat {
            for (ordinal, column) in zip(entry.batch.ordinals, entry.batch.columns) {
                let place = place(of: ordinal, column.type)
                columns[place].cells.append(from: column, row)
            }
            endRow()
            row += 1
        } while row < entry.batch.rowCount && !isFull
        return row
    }

    /// The rows gathered, with their numbers; from then on it gathers those that follow.
    mutating func take(groupID: GroupID) -> (entry: RecordEntry, rows: ClosedRange<Int>) {
        let rows = firstRow...lastRow
        let sorted = columns.sorted { $0.ordinal < $1.ordinal }
        let batch = Batch(rowCount: rowCount, ordinals: sorted.map(\.ordinal), checked: sorted.map { $0.cells.finish() })
        firstRow += rowCount
        (rowCount, byteCount, columns, places) = (0, 0, [], [:])
        return (RecordEntry(groupID: groupID, schemaVersion: schemaVersion, operation: operation, batch: batch), rows)
    }

    private mutating func place(of ordinal: Int, _ type: FeatureType) -> Int {
        if let place = places[ordinal] { return place }
        var cells = ColumnBuilder(type)
        for _ in 0..<rowCount { cells.appendNull() }
        columns.append((ordinal, cells))
        places[ordinal] = columns.count - 1
        return columns.count - 1
    }

    /// A column that the row left out is null.
    private mutating func endRow() {
        rowCount += 1
        byteCount = 0
        for place in columns.indices {
            if columns[place].cells.count < rowCount { columns[place].cells.appendNull() }
            byteCount += columns[place].cells.byteCount
        }
    }
}

/// One row whose cells fit the columns of a schema version.
struct RowCells: Sendable {
    let schemaVersion: UInt32
    let cells: [(ordinal: Int, type: FeatureType, value: Value)]
}

/// The columns of a group, by the names that rows use.
struct RowColumns: Sendable {
    let group: GroupDescription
    private let schema: GroupSchema
    private let fields: [Field]
    private let ordinals: [String: Int]
    /// Whether some column has several names.
    private let hasOldNames: Bool

    init(_ group: GroupDescription) {
        self.group = group
        schema = group.schema
        fields = schema.columns
        var ordinals: [String: Int] = [:]
        for (ordinal, column) in group.columns.enumerated() where column.role != "removed" { ordinals[column.name] = ordinal }
        for feature in group.definition.features {
            for old in feature.renamedFrom where ordinals[old] == nil { ordinals[old] = ordinals[feature.name] }
        }
        self.ordinals = ordinals
        hasOldNames = group.definition.features.contains { !$0.renamedFrom.isEmpty }
    }

    /// Checks the columns of a table that is of this schema version: rows may be gathered beside it.
    ///
    /// - Parameter number: of the table's first row in its stream, for messages.
    /// - Throws: `.invalidArgument` naming the column.
    func check(_ entry: RecordEntry, number: Int) throws(HeadwaterError) {
        guard entry.schemaVersion == schema.schemaVersion else { return }
        for (ordinal, column) in zip(entry.batch.ordinals, entry.batch.columns) {
            guard ordinal < schema.columnCount else {
                throw HeadwaterError(
                    .invalidArgument,
                    "column number \(ordinal); schema version \(schema.schemaVersion) has \(schema.columnCount)",
                    at: "row \(number)")
            }
            guard column.type == schema.type(ofOrdinal: ordinal) else {
                throw HeadwaterError(
                    .invalidArgument, "a column of \(column.type), where \(schema.type(ofOrdinal: ordinal)) belongs",
                    at: "row \(number), column \(fields[ordinal].name)")
            }
        }
    }

    /// The cells of a row, checked as far as names and types go.
    ///
    /// - Parameter number: of the row in its stream, for messages.
    /// - Throws: `.invalidArgument`, located at row and column.
    func cells(of row: [String: Value], number: Int) throws(HeadwaterError) -> RowCells {
        func refuse(_ what: String, _ column: String? = nil) -> HeadwaterError {
            HeadwaterError(.invalidArgument, what, at: "row \(number)" + (column.map { ", column \($0)" } ?? ""))
        }
        var cells: [(ordinal: Int, type: FeatureType, value: Value)] = []
        cells.reserveCapacity(row.count)
        var needed = schema.keys.count + (schema.isStatic ? 0 : 1)
        for (name, value) in row {
            guard let ordinal = ordinals[name] else {
                let known = group.columns.filter { $0.role != "removed" }.map(\.name).prefix(40).joined(separator: ", ")
                throw refuse("unknown column '\(PlainText.quoted(name))'; \(group.definition.reference) has \(known)")
            }
            let type = fields[ordinal].type
            guard value.fits(type) else { throw refuse("\(value) does not fit \(type)", name) }
            if ordinal < schema.featureBase, ordinal != schema.availableTimeOrdinal, !value.isNull { needed -= 1 }
            cells.append((ordinal, type, value))
        }
        if hasOldNames {
            var seen: Set<Int> = []
            for cell in cells where !seen.insert(cell.ordinal).inserted {
                throw refuse("two values, under an old name and the new one: give one", fields[cell.ordinal].name)
            }
        }
        guard needed == 0 else {
            let missing = (schema.keys.map(\.name) + [schema.eventTimeName].compactMap { $0 })
                .first { row[$0]?.isNull ?? true }
            throw refuse("every row needs a value here, and this one has none", missing)
        }
        return RowCells(schemaVersion: schema.schemaVersion, cells: cells)
    }
}
