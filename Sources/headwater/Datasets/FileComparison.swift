import Catalog
import Client
import FeatureModel
import Tables

/// Compares a file that `history` wrote with what is read now, row by row.
struct FileComparison {
    private let name: String
    private let fields: [Field]
    private let labels: [Field]
    private var decoder: TableDecoder
    /// The batch of the file that is read and not yet compared.
    private var batch: Batch?
    private var offset = 0
    private(set) var cells: CellComparison

    /// - Parameter labels: further columns of the spine as they were saved, which the file has too.
    /// - Throws: `.invalidArgument` where the file lacks one of the columns.
    init(
        _ table: InputTable, _ fields: [Field], labels: DatasetDefinition.Table?, _ options: TableOptions
    ) throws(HeadwaterError) {
        name = table.name
        self.fields = fields
        self.labels = labels?.columns.map(\.field) ?? []
        cells = CellComparison(fields, labels: labels) { OutputColumn.cells($0).text($1) }
        decoder = try TableDecoder(
            table.format, name: table.name,
            columns: (fields + self.labels).enumerated().map { TableColumn($1.name, $1.type, ordinal: $0) },
            options: options, source: table.source())
        guard table.format == .csv else { return }
        let header = decoder.header
        for (what, wanted) in [("features", fields), ("labels", self.labels)] {
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
        var file: [Column?] = columns(0..<fields.count)
        for row in 0..<part.rowCount {
            if batch.map({ offset == $0.rowCount }) ?? true {
                batch = try decoder.next()?.batch
                offset = 0
                file = columns(0..<fields.count)
                if let batch {
                    cells.takeLabels(columns(fields.count..<fields.count + labels.count), rowCount: batch.rowCount)
                }
            }
            guard batch != nil else {
                throw HeadwaterError(.failedPrecondition, "it has \(cells.rowCount) rows, and the dataset has more", at: name)
            }
            cells.compare(file, at: offset, with: part.columns, at: row)
            offset += 1
        }
    }

    /// - Throws: `.failedPrecondition` where the file has more rows.
    mutating func finish() throws(HeadwaterError) {
        let hasMore = if let batch, offset < batch.rowCount { true } else { try decoder.next() != nil }
        guard !hasMore else {
            throw HeadwaterError(.failedPrecondition, "it has more than the \(cells.rowCount) rows of the dataset", at: name)
        }
        cells.finish()
    }

    private func columns(_ ordinals: Range<Int>) -> [Column?] { ordinals.map { batch?.column(ordinal: $0) } }
}
