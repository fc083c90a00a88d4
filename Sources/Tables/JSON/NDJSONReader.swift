public import FeatureModel

/// One object of an NDJSON file. Its storage is used again from row to row.
public struct NDJSONRow: Sendable {
    /// Counts objects from 1.
    public internal(set) var number = 0
    /// The object's line, from 1.
    public internal(set) var line = 0
    var document = JSONDocument()
    var bytes: ArraySlice<UInt8> = []

    public init() {}

    /// Whether the object has a member of this name.
    func has(_ name: ByteString) -> Bool { names.contains { ByteString($0) == name } }

    /// Names of the object's members.
    var names: [String] {
        var names: [String] = []
        var token = 1
        for _ in 0..<document.count(0) {
            names.append(String(decoding: document.text(token), as: UTF8.self))
            token = document.next(after: token + 1)
        }
        return names
    }

    /// The object's members as they stood, without the braces: `"origin":"JFK","temp":39.02`.
    public var members: ArraySlice<UInt8> {
        let isSpace: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
        func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
            var rest = bytes.drop(while: isSpace)
            while let last = rest.last, isSpace(last) { rest.removeLast() }
            return rest
        }
        return trimmed(trimmed(bytes).dropFirst().dropLast())
    }
}

/// Reads an NDJSON file object by object (docs/formats/tables.md), holding one chunk of input and one line.
///
/// One owner: copies would share the source.
public struct NDJSONReader {
    /// The file's name in messages.
    public let name: String
    /// Whether the input has become unreadable behind an error: there is no next row.
    public private(set) var isBroken = false
    private var cursor: ByteCursor
    private var line = 0
    private var rowNumber = 0
    private let recordBytesMax: Int

    public init(name: String, recordBytesMax: Int = TableLimits.recordBytesMax, source: @escaping ByteSource) {
        self.name = name
        self.recordBytesMax = recordBytesMax
        cursor = ByteCursor(source)
    }

    /// Counts rows and lines that stand in front of the input.
    mutating func count(rows: Int, lines: Int) { (rowNumber, line) = (rows, lines) }

    /// Reads the next object into `row`; `false` at the end of the file.
    ///
    /// - Throws: `.invalidArgument`, located at file, row and line. Behind a line that is no object reading may go on;
    ///   behind one that is too long `isBroken` is set and there is no next row.
    public mutating func next(into row: inout NDJSONRow) throws(HeadwaterError) -> Bool {
        guard !isBroken else { return false }
        row.number = rowNumber + 1
        repeat {
            row.line = line + 1
            do {
                guard try nextLine(into: &row.bytes) else { return false }
            } catch {
                isBroken = true
                throw error.located(at: location(of: row))
            }
            line += 1
        } while row.bytes.allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
        rowNumber += 1
        do throws(HeadwaterError) {
            try row.document.parse(row.bytes)
            guard row.document.kind(0) == .object else {
                throw HeadwaterError(.invalidArgument, "\(row.document.describe(0)) where each line holds an object")
            }
        } catch {
            throw error.located(at: location(of: row))
        }
        return true
    }

    /// Whether the next row is at hand whole: reading it does not wait for input.
    var hasRow: Bool { cursor.hasLine(isQuoting: false) }

    /// How messages name a row, and a column in it: `weather.ndjson: row 7 (line 8), column temp`.
    public func location(of row: NDJSONRow, column: String? = nil) -> String {
        rowLocation(file: name, row: row.number, line: row.line, column: column)
    }

    private mutating func nextLine(into bytes: inout ArraySlice<UInt8>) throws(HeadwaterError) -> Bool {
        guard try cursor.fill() else { return false }
        // A line inside one chunk is not copied.
        bytes = cursor.take { $0 == UInt8(ascii: "\n") }
        while !cursor.hasByte, try cursor.fill() {
            bytes.append(contentsOf: cursor.take { $0 == UInt8(ascii: "\n") })
            try checkSize(bytes.count)
        }
        try checkSize(bytes.count)
        if try cursor.fill() { cursor.skip() }
        return true
    }

    private func checkSize(_ byteCount: Int) throws(HeadwaterError) {
        guard byteCount <= recordBytesMax else {
            throw HeadwaterError(.invalidArgument, "a line of more than \(recordBytesMax) bytes")
        }
    }
}
