import FeatureModel

/// Cells to text. `elements` is the column's `elementsIfArray`: it costs a pass over all elements, so callers make it once.
extension Column {
    var elementsIfArray: Column? { if case .array = type { elements } else { nil } }

    /// Appends one CSV cell: nothing for null, quotes where needed.
    func appendCSV(_ row: Int, elements: Column?, to output: inout [UInt8]) {
        if isNull(row) { return }
        switch type {
        case .string, .array, .vector:
            if type == .string { return CSVText.append(bytes(row), to: &output) }
            var text: [UInt8] = []
            appendJSON(row, elements: elements, to: &text)
            CSVText.append(text, to: &output)
        case .bytes where range(row).isEmpty: CSVText.append([], to: &output)
        default: appendText(row, elements: nil, to: &output)
        }
    }

    /// Appends the text of a cell that is not null, without quotes around it.
    func appendText(_ row: Int, elements: Column?, to output: inout [UInt8]) {
        switch type {
        case .bool: output.append(contentsOf: (bool(row) ? "true" : "false").utf8)
        case .int32: NumberText.append(Int64(int32(row)), to: &output)
        case .int64: NumberText.append(int64(row), to: &output)
        case .float32: NumberText.append(float32(row), to: &output)
        case .float64: NumberText.append(float64(row), to: &output)
        case .string: output.append(contentsOf: bytes(row))
        case .bytes: Base64.append(bytes(row), to: &output)
        case .timestamp: TimeText.append(int64(row), to: &output)
        case .array, .vector: appendJSON(row, elements: elements, to: &output)
        }
    }

    /// Appends one JSON value.
    ///
    /// - Parameter integersAsText: whether an int64 is a string, in arrays too.
    func appendJSON(_ row: Int, elements: Column?, integersAsText: Bool = false, to output: inout [UInt8]) {
        if isNull(row) {
            output.append(contentsOf: "null".utf8)
            return
        }
        switch type {
        case .int64 where integersAsText: appendInQuotes(row, to: &output)
        case .bool, .int32, .int64: appendText(row, elements: nil, to: &output)
        case .float32: appendFloat(isFinite: float32(row).isFinite, row, to: &output)
        case .float64: appendFloat(isFinite: float64(row).isFinite, row, to: &output)
        case .string: JSONText.append(bytes(row), to: &output)
        case .bytes, .timestamp: appendInQuotes(row, to: &output)
        case .array:
            guard let elements else { preconditionFailure("an array column comes with its elements") }
            JSONText.appendList(range(row), to: &output) {
                elements.appendJSON($0, elements: nil, integersAsText: integersAsText, to: &$1)
            }
        case .vector(let length):
            JSONText.appendList(row * length..<(row + 1) * length, to: &output) { index, output in
                let number = Float(bitPattern: data.littleEndian(at: index * 4))
                let quotes = number.isFinite ? "" : "\""
                output.append(contentsOf: quotes.utf8)
                NumberText.append(number, to: &output)
                output.append(contentsOf: quotes.utf8)
            }
        }
    }

    /// JSON has no name for NaN and the infinities: they are strings.
    private func appendFloat(isFinite: Bool, _ row: Int, to output: inout [UInt8]) {
        if isFinite {
            appendText(row, elements: nil, to: &output)
        } else {
            appendInQuotes(row, to: &output)
        }
    }

    /// For text without characters that JSON escapes.
    private func appendInQuotes(_ row: Int, to output: inout [UInt8]) {
        output.append(UInt8(ascii: "\""))
        appendText(row, elements: nil, to: &output)
        output.append(UInt8(ascii: "\""))
    }
}

/// How JSON writes text and lists.
enum JSONText {
    /// Appends a JSON string; `text` is UTF-8.
    static func append(_ text: some Collection<UInt8>, to output: inout [UInt8]) {
        output.append(UInt8(ascii: "\""))
        guard text.contains(where: isEscaped) else {
            output.append(contentsOf: text)
            return output.append(UInt8(ascii: "\""))
        }
        for byte in text {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): output.append(contentsOf: [UInt8(ascii: "\\"), byte])
            case 0x0A: output.append(contentsOf: "\\n".utf8)
            case 0x0D: output.append(contentsOf: "\\r".utf8)
            case 0x09: output.append(contentsOf: "\\t".utf8)
            case 0..<0x20: output.append(contentsOf: "\\u\(byte.zeroPadded(to: 4, radix: 16))".utf8)
            default: output.append(byte)
            }
        }
        output.append(UInt8(ascii: "\""))
    }

    private static func isEscaped(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    static func appendList(_ indices: Range<Int>, to output: inout [UInt8], element: (Int, inout [UInt8]) -> Void) {
        output.append(UInt8(ascii: "["))
        for index in indices {
            if index > indices.lowerBound { output.append(UInt8(ascii: ",")) }
            element(index, &output)
        }
        output.append(UInt8(ascii: "]"))
    }
}
