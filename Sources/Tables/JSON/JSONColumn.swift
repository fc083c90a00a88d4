import FeatureModel

/// Columns as JSON lists.
extension OutputColumn {
    /// The statuses' names in quotes, by raw value.
    private static let statusNames = CellStatus.allCases.map { Array("\"\($0)\"".utf8) }

    /// Appends the cells as one list, each spelt as in NDJSON.
    ///
    /// - Parameter integersAsText: whether an int64 is a string: numbers beyond 2^53 are not exact in every language.
    public func appendJSONList(integersAsText: Bool = false, to output: inout [UInt8]) {
        switch self {
        case .statuses(let statuses):
            JSONText.appendList(0..<statuses.count, to: &output) {
                $1.append(contentsOf: Self.statusNames[Int(statuses[$0].rawValue)])
            }
        case .cells(let column) where column.type == .float64 && column.nullCount == 0:
            // What most answers are full of: the kind of each cell need not be looked at again.
            let data = column.data
            JSONText.appendList(0..<column.count, to: &output) { row, output in
                let number = Double(bitPattern: data.littleEndian(at: row * 8))
                guard number.isFinite else { return column.appendJSON(row, elements: nil, to: &output) }
                NumberText.append(number, to: &output)
            }
        case .cells(let column):
            let elements = column.elementsIfArray
            JSONText.appendList(0..<column.count, to: &output) {
                column.appendJSON($0, elements: elements, integersAsText: integersAsText, to: &$1)
            }
        }
    }
}

/// Texts as JSON.
public enum JSONString {
    /// Appends a string in quotes, with what JSON escapes escaped.
    public static func append(_ text: String, to output: inout [UInt8]) { JSONText.append(text.utf8, to: &output) }
}
