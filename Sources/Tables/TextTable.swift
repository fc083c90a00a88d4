internal import FeatureModel

/// A table for people: aligned columns, numbers to the right, long cells cut.
///
/// Widths are counted in Unicode scalars; control characters are shown as escapes.
public struct TextTable: Sendable {
    private let header: [String]
    private var rows: [[String]] = []
    private let cellScalarsMax: Int
    private static let gap = "  "

    /// - Parameter cellScalarsMax: longer cells end in `…` there.
    public init(_ header: [String], cellScalarsMax: Int = 40) {
        precondition(cellScalarsMax > 0)
        self.cellScalarsMax = cellScalarsMax
        self.header = header.map { Self.shown($0, cellScalarsMax) }
    }

    /// Appends a row with a cell for each column.
    public mutating func append(_ row: [String]) {
        precondition(row.count == header.count, "a cell for each column")
        rows.append(row.map { Self.shown($0, cellScalarsMax) })
    }

    /// Appends rows of columns of equal length; null is shown as `null`.
    public mutating func append(_ columns: [OutputColumn]) {
        for row in 0..<(columns.first?.count ?? 0) { append(columns.map { $0.text(row) ?? "null" }) }
    }

    /// The whole table: header, a rule, rows; each line ends in a line feed and in no space.
    public var text: String {
        let widths = header.indices.map { column in rows.reduce(Self.width(header[column])) { max($0, Self.width($1[column])) } }
        let isNumeric = header.indices.map { column in
            rows.contains { Self.isNumber($0[column]) }
                && rows.allSatisfy { Self.isNumber($0[column]) || Self.isEmpty($0[column]) }
        }
        func line(_ cells: [String]) -> String {
            var line = ""
            for (column, cell) in cells.enumerated() {
                let padding = String(repeating: " ", count: widths[column] - Self.width(cell))
                line += (column > 0 ? Self.gap : "") + (isNumeric[column] ? padding + cell : cell + padding)
            }
            while line.last == " " { line.removeLast() }
            return line + "\n"
        }
        let rule = widths.map { String(repeating: "-", count: $0) }
        return ([line(header), line(rule)] + rows.map(line)).joined()
    }

    private static func shown(_ cell: String, _ scalarsMax: Int) -> String {
        let text = escapingControls(cell)
        guard width(text) > scalarsMax else { return text }
        return String(String.UnicodeScalarView(text.unicodeScalars.prefix(scalarsMax - 1))) + "…"
    }

    private static func width(_ cell: String) -> Int { cell.unicodeScalars.count }

    private static func isNumber(_ cell: String) -> Bool { NumberText.float64(Array(cell.utf8)[...]) != nil }

    private static func isEmpty(_ cell: String) -> Bool { cell.isEmpty || cell == "null" || cell == "-" }
}
