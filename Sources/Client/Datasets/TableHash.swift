public import Catalog
public import FeatureModel

/// Hashes a table of canonical cells as its rows pass: the same number however they are cut into parts.
public struct TableHash {
    private let fields: [Field]
    private let columns: [ColumnHash]
    public private(set) var rowCount = 0

    public init(_ fields: [Field]) {
        self.fields = fields
        columns = fields.map { _ in ColumnHash() }
    }

    /// Takes the next rows.
    ///
    /// - Parameters:
    ///   - columns: one for each field, of equal length.
    ///   - statuses: what was found for each cell; `nil` for a table that only knows values and nulls.
    ///   - count: how many rows these are, for a table that may have no columns.
    public mutating func append(_ columns: [Column], statuses: [StatusColumn]? = nil, rowCount count: Int? = nil) {
        precondition(columns.count == fields.count, "a column for each field")
        for (index, column) in columns.enumerated() {
            let found =
                statuses?[index] ?? StatusColumn(Array(repeating: .present, count: column.count), nullsOf: column)
            self.columns[index].append(column, found)
        }
        rowCount += count ?? columns.first?.count ?? 0
    }

    /// The hashes of all rows taken. Once: then it begins anew.
    public func finish() -> DatasetDefinition.Table {
        let table = SHA256()
        var bytes: [UInt8] = []
        bytes.append(littleEndian: UInt64(rowCount))
        var hashed: [DatasetDefinition.Table.Column] = []
        for (field, column) in zip(fields, columns) {
            let digest = column.finish()
            for text in [field.name, field.type.description] {
                bytes.append(littleEndian: UInt32(text.utf8.count))
                bytes.append(contentsOf: text.utf8)
            }
            bytes.append(contentsOf: digest)
            hashed.append(DatasetDefinition.Table.Column(name: field.name, type: field.type, hash: digest.hexadecimal))
        }
        table.update(bytes[...])
        return DatasetDefinition.Table(columns: hashed, hash: table.finish().hexadecimal)
    }
}

/// Hashes one column: a status byte of each cell, and the cells that are present.
private struct ColumnHash {
    private let statuses = SHA256()
    private let cells = SHA256()

    func append(_ column: Column, _ found: StatusColumn) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(column.count)
        for row in 0..<column.count { bytes.append(found[row].rawValue) }
        statuses.update(bytes[...])
        switch column.type {
        case .int32, .int64, .timestamp:
            if column.nullCount == 0, let width = column.type.fixedWidth {
                // They stand as they are hashed.
                return cells.update(column.data.part(at: 0, count: column.count * width))
            }
        default: break
        }
        bytes.removeAll(keepingCapacity: true)
        var elements: Column?
        if case .array = column.type { elements = column.elements }
        for row in 0..<column.count where !column.isNull(row) {
            CanonicalCells.append(column, row: row, elements: elements, to: &bytes)
        }
        cells.update(bytes[...])
    }

    func finish() -> [UInt8] {
        let both = statuses.finish() + cells.finish()
        return SHA256.digest(of: both[...])
    }
}
