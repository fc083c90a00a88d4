import FeatureModel

/// Columns as JSON lists.
extension OutputColumn {
    /// Appends the cells as one list, each spelt as in NDJSON.
    ///
    /// - Parameter integersAsText: whether an int64 is a string: numbers beyond 2^53 are not exact in every language.
    public func appendJSONList(integersAsText: Bool = false, to output: inout [UInt8]) {
        switch self {
        case .statuses(let statuses):
            JSONText.appendList(0..<statuses.count, to: &output) { JSONText.append(statuses[$0].description.utf8, to: &$1) }
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
