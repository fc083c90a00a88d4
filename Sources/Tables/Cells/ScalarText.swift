import FeatureModel

/// Scalar cells from text.
extension ColumnBuilder {
    /// Appends a cell that is not null, parsed from the text of a CSV cell.
    ///
    /// - Parameter times: reads times that are whole numbers.
    /// - Throws: `.invalidArgument`: the text is not of the column's type, or beyond its range.
    mutating func append(parsing text: ArraySlice<UInt8>, _ times: inout WholeTimes) throws(HeadwaterError) {
        switch type {
        case .bool: append(bool: try parseBool(text))
        case .int32, .int64: try append(integer: text)
        case .float32, .float64: try append(float: text)
        case .string:
            guard isUTF8(text) else { throw invalid("\(excerpt(text)) is not UTF-8") }
            append(text: try checkSize(text))
        case .bytes: try append(base64: text)
        case .timestamp: try append(time: text, &times)
        case .array, .vector: preconditionFailure("\(type) is not a scalar")
        }
    }

    /// Appends a null or scalar JSON value.
    ///
    /// - Parameter times: reads times that are whole numbers.
    /// - Throws: `.invalidArgument`: the value is not of the column's type, or beyond its range.
    mutating func append(_ token: Int, of document: JSONDocument, _ times: inout WholeTimes) throws(HeadwaterError) {
        let kind = document.kind(token)
        switch (type, kind) {
        case (_, .null): appendNull()
        case (.bool, .true): append(bool: true)
        case (.bool, .false): append(bool: false)
        case (.int32, .number), (.int64, .number): try append(integer: document.text(token))
        case (.float32, .number), (.float64, .number): try append(float: document.text(token))
        case (.float32, .string) where NumberText.isName(document.text(token)),
            (.float64, .string) where NumberText.isName(document.text(token)):
            try append(float: document.text(token))
        case (.string, .string): append(text: try checkSize(document.text(token)))
        case (.bytes, .string): try append(base64: document.text(token))
        case (.timestamp, .string), (.timestamp, .number): try append(time: document.text(token), &times)
        default: throw invalid("\(document.describe(token)) is not \(article(type))")
        }
    }

    private func parseBool(_ text: ArraySlice<UInt8>) throws(HeadwaterError) -> Bool {
        if text == [UInt8(ascii: "1")] { return true }
        if text == [UInt8(ascii: "0")] { return false }
        switch String(decoding: text, as: UTF8.self).lowercased() {
        case "true": return true
        case "false": return false
        default: throw invalid("\(excerpt(text)) is not a bool: write true or false")
        }
    }

    private mutating func append(integer text: ArraySlice<UInt8>) throws(HeadwaterError) {
        guard let number = NumberText.int64(text) else {
            throw NumberText.isInteger(text) ? outOfRange(text) : invalid("\(excerpt(text)) is not \(article(type))")
        }
        if type == .int64 { return append(int64: number) }
        guard let narrow = Int32(exactly: number) else { throw outOfRange(text) }
        append(int32: narrow)
    }

    private mutating func append(float text: ArraySlice<UInt8>) throws(HeadwaterError) {
        // Digits never mean infinity: that is a number beyond the range.
        if type == .float64 {
            guard let number = NumberText.float64(text) else { throw invalid("\(excerpt(text)) is not a float64") }
            guard number.isFinite || NumberText.isName(text) else { throw outOfRange(text) }
            append(float64: number)
        } else {
            guard let number = NumberText.float32(text) else { throw invalid("\(excerpt(text)) is not a float32") }
            guard number.isFinite || NumberText.isName(text) else { throw outOfRange(text) }
            append(float32: number)
        }
    }

    private mutating func append(base64 text: ArraySlice<UInt8>) throws(HeadwaterError) {
        guard let bytes = Base64.decode(text) else { throw invalid("\(excerpt(text)) is not base64 with padding") }
        append(text: try checkSize(bytes[...]))
    }

    private mutating func append(time text: ArraySlice<UInt8>, _ times: inout WholeTimes) throws(HeadwaterError) {
        if let number = NumberText.int64(text) {
            guard let instant = times.instant(number) else {
                throw invalid(
                    "\(excerpt(text)) in \((times.unit ?? .microseconds).plural) since 1970 is beyond the range of timestamp")
            }
            return append(int64: instant)
        }
        guard let instant = TimeText.parseRFC3339(String(decoding: text, as: UTF8.self)) else {
            throw invalid("\(excerpt(text)) is not a time: write RFC 3339 (2013-01-01T06:00:00Z) or integer µs since 1970")
        }
        append(int64: instant)
    }

    private func checkSize(_ bytes: ArraySlice<UInt8>) throws(HeadwaterError) -> ArraySlice<UInt8> {
        guard bytes.count <= Limits.cellBytesMax else {
            throw invalid("a cell of \(bytes.count) bytes; the limit is \(Limits.cellBytesMax)")
        }
        return bytes
    }

    private func outOfRange(_ text: ArraySlice<UInt8>) -> HeadwaterError {
        invalid("\(excerpt(text)) is beyond the range of \(type)")
    }
}

func invalid(_ message: String) -> HeadwaterError { HeadwaterError(.invalidArgument, message) }

/// A number of things, for messages: `1 cell`, `2 cells`.
func counted(_ count: Int, _ thing: String) -> String { "\(count) \(thing)\(count == 1 ? "" : "s")" }

/// A type with its article, for messages: `an int64`, `a float64`.
func article(_ type: FeatureType) -> String { ("\(type)".first.map { "aeiou".contains($0) } == true ? "an " : "a ") + "\(type)" }

/// Text from outside as a message shows it: in quotes, on one line, the head of what is long.
func excerpt(_ text: ArraySlice<UInt8>) -> String {
    let bytesMax = 60
    let head = String(decoding: text.prefix(bytesMax), as: UTF8.self)
    return "'" + escapingControls(head) + (text.count > bytesMax ? "…" : "") + "'"
}

/// The text with its control characters as escapes, so that it can neither break a line nor move a cursor.
func escapingControls(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isControl) else { return text }
    var result = ""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\n": result += "\\n"
        case "\r": result += "\\r"
        case "\t": result += "\\t"
        default: result += isControl(scalar) ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
        }
    }
    return result
}

private func isControl(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value) || scalar.value == 0x2028 || scalar.value == 0x2029
}
