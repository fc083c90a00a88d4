/// One record of a CSV file: its cells as text, without quotes. Its storage is used again from row to row.
public struct CSVRow: Sendable {
    /// Counts data rows from 1; 0 is the header.
    public internal(set) var number = 0
    /// The line on which the record starts, from 1.
    public internal(set) var line = 0
    /// Cells of the record, also those beyond what the reader keeps.
    public private(set) var count = 0
    /// The text of all cells, one behind the other.
    private var bytes: [UInt8] = []
    private var ends: [Int] = []
    private var quoted: [Bool] = []

    public init() {}

    /// A cell's text, sharing the row's storage.
    ///
    /// - Complexity: O(1).
    public func text(_ cell: Int) -> ArraySlice<UInt8> { bytes[(cell == 0 ? 0 : ends[cell - 1])..<ends[cell]] }

    /// Whether the cell stood in quotes: an empty cell is null only where it did not.
    public func isQuoted(_ cell: Int) -> Bool { quoted[cell] }

    /// Appends the record as it stood, without its line end.
    public func appendRecord(to output: inout [UInt8]) {
        for cell in ends.indices {
            if cell > 0 { output.append(UInt8(ascii: ",")) }
            append(cell, to: &output)
        }
    }

    /// Appends one cell as it stood.
    func append(_ cell: Int, to output: inout [UInt8]) {
        if quoted[cell] {
            CSVText.appendQuoted(text(cell), to: &output)
        } else {
            output.append(contentsOf: text(cell))
        }
    }

    /// Whether the line was empty: one unquoted cell without text.
    var isBlank: Bool { count == 1 && bytes.isEmpty && !quoted[0] }

    /// Bytes of text so far.
    var byteCount: Int { bytes.count }

    mutating func clear(line: Int) {
        self.line = line
        count = 0
        bytes.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
        quoted.removeAll(keepingCapacity: true)
    }

    mutating func append(_ text: ArraySlice<UInt8>) { bytes.append(contentsOf: text) }

    mutating func append(_ byte: UInt8) { bytes.append(byte) }

    /// Ends a cell. Cells beyond `cellsMax` are counted, not kept: a ragged record must not take memory by its commas.
    mutating func endCell(isQuoted: Bool, cellsMax: Int) {
        count += 1
        guard count <= cellsMax else { return }
        ends.append(bytes.count)
        quoted.append(isQuoted)
    }
}

/// How CSV writes text.
enum CSVText {
    static func appendQuoted(_ text: some Collection<UInt8>, to output: inout [UInt8]) {
        let quote = UInt8(ascii: "\"")
        output.append(quote)
        for byte in text {
            if byte == quote { output.append(quote) }
            output.append(byte)
        }
        output.append(quote)
    }

    /// Appends text that is not null: in quotes where it is empty or holds what ends a cell.
    static func append(_ text: some Collection<UInt8>, to output: inout [UInt8]) {
        // A byte order mark at the start of a file would be skipped.
        let needsQuotes =
            text.isEmpty || text.starts(with: byteOrderMark)
            || text.contains {
                $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r")
            }
        if needsQuotes {
            appendQuoted(text, to: &output)
        } else {
            output.append(contentsOf: text)
        }
    }
}
