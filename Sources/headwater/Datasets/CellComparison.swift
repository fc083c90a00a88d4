import Catalog
import Client
import FeatureModel
import Tables

/// Compares a table as it was written with what is read now, cell by cell, in canonical form.
struct CellComparison {
    /// One cell that is not as it was.
    struct Difference: Encodable {
        /// Row of the table, from 1.
        let row: Int
        let column: String
        /// As CSV spells it; `nil` for null.
        let file: String?
        let history: String?
    }

    private static let listedMax = 20

    private let name: String
    private let fields: [Field]
    private var decoder: TableDecoder
    /// What was read of the file and not yet compared.
    private var batch: Batch?
    private var offset = 0
    private var rowCount = 0
    /// The first ones.
    private(set) var differences: [Difference] = []
    private(set) var differenceCount = 0
    private let labels: DatasetDefinition.Table?
    private var labelHash: TableHash?
    /// Labels of the table that are not those that were saved, when all rows were compared.
    private(set) var otherLabels: [String] = []

    /// - Parameter labels: further columns of the spine as they were saved, which the table has too.
    /// - Throws: `.invalidArgument` where the table lacks one of the columns.
    init(
        _ table: InputTable, _ fields: [Field], labels: DatasetDefinition.Table?, _ options: TableOptions
    ) throws(HeadwaterError) {
        name = table.name
        self.fields = fields
        self.labels = labels
        let all = fields + (labels?.columns.map(\.field) ?? [])
        labelHash = labels.map { TableHash($0.columns.map(\.field)) }
        decoder = try TableDecoder(
            table.format, name: table.name, columns: all.enumerated().map { TableColumn($1.name, $1.type, ordinal: $0) },
            options: options, source: table.source())
        guard table.format == .csv else { return }
        let header = decoder.header
        for (what, wanted) in [("features", fields), ("labels", labels?.columns.map(\.field) ?? [])] {
            let missing = wanted.map(\.name).filter { field in !header.contains { $0.utf8.elementsEqual(field.utf8) } }
            guard missing.isEmpty else {
                throw HeadwaterError(
                    .invalidArgument,
                    "it lacks the \(what) \(missing.joined(separator: ", ")); it has \(header.joined(separator: ", "))",
                    at: table.name)
            }
        }
    }

    /// Compares the next rows.
    mutating func compare(_ part: JoinedPart) throws(HeadwaterError) {
        for row in 0..<part.rowCount {
            if batch.map({ offset == $0.rowCount }) ?? true {
                batch = try decoder.next()?.batch
                offset = 0
                if let batch { takeLabels(batch) }
            }
            guard let batch else {
                throw HeadwaterError(.failedPrecondition, "it has \(rowCount) rows, and the dataset has more", at: name)
            }
            rowCount += 1
            for (index, field) in fields.enumerated() { compare(batch.column(ordinal: index), part.columns[index], row, field) }
            offset += 1
        }
    }

    /// - Throws: `.failedPrecondition` where the table has more rows.
    mutating func finish() throws(HeadwaterError) {
        let hasMore = if let batch, offset < batch.rowCount { true } else { try decoder.next() != nil }
        guard !hasMore else {
            throw HeadwaterError(.failedPrecondition, "it has more than the \(rowCount) rows of the dataset", at: name)
        }
        guard let labels, let found = labelHash?.finish() else { return }
        otherLabels = zip(labels.columns, found.columns).filter { $0.hash != $1.hash }.map(\.0.name)
    }

    private mutating func takeLabels(_ batch: Batch) {
        guard let labels else { return }
        let cells = labels.columns.enumerated().map {
            batch.column(ordinal: fields.count + $0) ?? Column.nulls($1.type, count: batch.rowCount)
        }
        labelHash?.append(cells, rowCount: batch.rowCount)
    }

    private mutating func compare(_ file: Column?, _ history: Column, _ row: Int, _ field: Field) {
        let before = file.flatMap { $0.isNull(offset) ? nil : Self.cell($0, offset) }
        let now = history.isNull(row) ? nil : Self.cell(history, row)
        guard before != now else { return }
        differenceCount += 1
        guard differences.count < Self.listedMax else { return }
        differences.append(
            Difference(
                row: rowCount, column: field.name, file: file.flatMap { OutputColumn.cells($0).text(offset) },
                history: OutputColumn.cells(history).text(row)))
    }

    private static func cell(_ column: Column, _ row: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        CanonicalCells.append(column, row: row, elements: nil, to: &bytes)
        return bytes
    }
}
