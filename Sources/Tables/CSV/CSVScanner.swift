import FeatureModel

/// Cuts bytes into records of cells (RFC 4180); knows lines, and nothing of headers and rows.
struct CSVScanner {
    private static let comma = UInt8(ascii: ",")
    private static let quote = UInt8(ascii: "\"")
    private static let lineFeed = UInt8(ascii: "\n")
    private static let carriageReturn = UInt8(ascii: "\r")

    /// What stood behind a cell.
    private enum CellEnd {
        case comma
        case record
    }

    private var cursor: ByteCursor
    /// The line at hand, from 1.
    private(set) var line = 1
    private let recordBytesMax: Int

    init(_ source: @escaping ByteSource, recordBytesMax: Int) {
        cursor = ByteCursor(source)
        self.recordBytesMax = recordBytesMax
    }

    /// Reads one record; `false` at the end of the input.
    ///
    /// - Throws: `.invalidArgument` for text that is not CSV, and for a record that is too large: the scanner is then lost.
    mutating func next(into row: inout CSVRow, cellsMax: Int) throws(HeadwaterError) -> Bool {
        row.clear(line: line)
        guard try cursor.fill() else { return false }
        repeat {} while try cell(into: &row, cellsMax: cellsMax) == .comma
        return true
    }

    /// Whether the next record is at hand whole.
    var hasRecord: Bool { cursor.hasLine(isQuoting: true) }

    private mutating func cell(into row: inout CSVRow, cellsMax: Int) throws(HeadwaterError) -> CellEnd {
        if try cursor.fill(), cursor.byte == Self.quote {
            try quotedText(into: &row)
            row.endCell(isQuoted: true, cellsMax: cellsMax)
        } else {
            try plainText(into: &row)
            row.endCell(isQuoted: false, cellsMax: cellsMax)
        }
        return try separator()
    }

    /// Reads up to a comma, a line end or the end of the input.
    private mutating func plainText(into row: inout CSVRow) throws(HeadwaterError) {
        while try cursor.fill() {
            try append(
                cursor.take { $0 == Self.comma || $0 == Self.lineFeed || $0 == Self.carriageReturn || $0 == Self.quote }, to: &row
            )
            guard cursor.hasByte else { continue }
            if cursor.byte == Self.quote {
                throw malformed("a quote inside an unquoted cell: put the whole cell in quotes and double the quote")
            }
            return
        }
    }

    /// Reads from an opening quote past the closing one.
    private mutating func quotedText(into row: inout CSVRow) throws(HeadwaterError) {
        let openingLine = line
        cursor.skip()
        while try cursor.fill() {
            try append(cursor.take { $0 == Self.quote || $0 == Self.lineFeed }, to: &row)
            guard cursor.hasByte else { continue }
            let byte = cursor.byte
            cursor.skip()
            if byte == Self.lineFeed {
                line += 1
            } else {
                guard try cursor.fill(), cursor.byte == Self.quote else { return }
                cursor.skip()
            }
            try append([byte], to: &row)
        }
        throw malformed("the quote that opens on line \(openingLine) is never closed")
    }

    private mutating func separator() throws(HeadwaterError) -> CellEnd {
        guard try cursor.fill() else { return .record }
        let byte = cursor.byte
        cursor.skip()
        switch byte {
        case Self.comma:
            return .comma
        case Self.carriageReturn:
            guard try cursor.fill(), cursor.byte == Self.lineFeed else {
                throw malformed("a carriage return outside quotes without a line feed behind it")
            }
            cursor.skip()
        case Self.lineFeed:
            break
        default:
            throw malformed("text behind a closing quote: double the quotes inside a quoted cell")
        }
        line += 1
        return .record
    }

    private func append(_ text: ArraySlice<UInt8>, to row: inout CSVRow) throws(HeadwaterError) {
        guard row.byteCount + text.count <= recordBytesMax else {
            throw malformed("a record of more than \(recordBytesMax) bytes: is a quote missing?")
        }
        row.append(text)
    }

    private func malformed(_ what: String) -> HeadwaterError { HeadwaterError(.invalidArgument, what) }
}
