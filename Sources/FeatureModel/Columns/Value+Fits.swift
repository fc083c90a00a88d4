extension Value {
    /// Whether a column of this type takes the value, as `ColumnBuilder.append` does: integers and floats widen, text is UTF-8.
    ///
    /// - Complexity: O(bytes of text + elements).
    public func fits(_ type: FeatureType) -> Bool {
        switch (type, self) {
        case (_, .null), (.bool, .bool), (.int32, .int32), (.int64, .int64), (.int64, .int32), (.float32, .float32),
            (.float64, .float64), (.float64, .float32), (.bytes, .bytes), (.timestamp, .timestamp):
            true
        case (.string, .string(let text)): isUTF8(text.bytes[...])
        case (.vector(let length), .vector(let cells)): cells.count == length
        case (.array(let element), .array(let cells)): cells.allSatisfy { $0.fits(element) }
        default: false
        }
    }
}
