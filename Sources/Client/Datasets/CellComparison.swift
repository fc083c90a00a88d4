public import Catalog
public import FeatureModel

/// Compares a training set as it was written with what is read now, cell by cell, in canonical form.
public struct CellComparison {
    /// A cell that differs from the saved one.
    public struct Difference: Encodable, Sendable {
        /// Row of the table, from 1.
        public let row: Int
        public let column: String
        /// The cell as CSV writes it; `nil` for null.
        public let file: String?
        public let history: String?
    }

    private static let listedMax = 20

    private let fields: [Field]
    private let text: (Column, Int) -> String?
    /// Rows compared so far.
    public private(set) var rowCount = 0
    /// The first ones.
    public private(set) var differences: [Difference] = []
    public private(set) var differenceCount = 0
    private let labels: DatasetDefinition.Table?
    private var labelHash: TableHash?
    /// Labels of the table that are not those that were saved, when all rows were compared.
    public private(set) var otherLabels: [String] = []

    /// - Parameters:
    ///   - fields: the features.
    ///   - labels: further columns of the spine as they were saved, which the table has too.
    ///   - text: a cell that is not null as CSV spells it.
    public init(_ fields: [Field], labels: DatasetDefinition.Table?, text: @escaping (Column, Int) -> String?) {
        self.fields = fields
        self.labels = labels
        self.text = text
        labelHash = labels.map { TableHash($0.columns.map(\.field)) }
    }

    /// Compares one row of the table with one that is read now.
    ///
    /// - Parameters:
    ///   - file: a column for each feature; `nil` for one that is null throughout.
    ///   - history: a column for each feature.
    public mutating func compare(_ file: [Column?], at offset: Int, with history: [Column], at row: Int) {
        rowCount += 1
        for index in fields.indices { compare(file[index], offset, history[index], row, fields[index]) }
    }

    /// Takes the labels of the table's next rows.
    ///
    /// - Parameter columns: a column for each label; `nil` for one that is null throughout.
    public mutating func takeLabels(_ columns: [Column?], rowCount: Int) {
        guard let labels else { return }
        let cells = zip(labels.columns, columns).map { $1 ?? Column.nulls($0.type, count: rowCount) }
        labelHash?.append(cells, rowCount: rowCount)
    }

    /// When all rows were compared.
    public mutating func finish() {
        guard let labels, let found = labelHash?.finish() else { return }
        otherLabels = zip(labels.columns, found.columns).filter { $0.hash != $1.hash }.map(\.0.name)
    }

    private mutating func compare(_ file: Column?, _ offset: Int, _ history: Column, _ row: Int, _ field: Field) {
        let before = file.flatMap { $0.isNull(offset) ? nil : Self.cell($0, offset) }
        let now = history.isNull(row) ? nil : Self.cell(history, row)
        guard before != now else { return }
        differenceCount += 1
        guard differences.count < Self.listedMax else { return }
        differences.append(
            Difference(row: rowCount, column: field.name, file: file.flatMap { text($0, offset) }, history: text(history, row)))
    }

    private static func cell(_ column: Column, _ row: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        CanonicalCells.append(column, row: row, elements: nil, to: &bytes)
        return bytes
    }
}
