public import FeatureModel

/// Reads a CSV file row by row (docs/formats/tables.md), holding one chunk of input and one record.
///
/// One owner: copies would share the source.
public struct CSVReader {
    /// The file's name in messages.
    public let name: String
    /// Column names in the file's order.
    public let header: [String]
    /// The header as it stood, without its line end.
    public let headerRecord: [UInt8]
    /// Whether the input has become unreadable behind an error: there is no next row.
    public private(set) var isBroken = false
    private var scanner: CSVScanner
    private var rowNumber = 0

    /// Reads the header.
    ///
    /// - Throws: `.invalidArgument` where it is missing, not CSV, not UTF-8, or names a column twice.
    public init(
        name: String, recordBytesMax: Int = TableLimits.recordBytesMax, source: @escaping ByteSource
    ) throws(HeadwaterError) {
        self.name = name
        scanner = CSVScanner(source, recordBytesMax: recordBytesMax)
        var row = CSVRow()
        do throws(HeadwaterError) {
            guard try scanner.next(into: &row, cellsMax: TableLimits.columnsMax) else {
                throw HeadwaterError(.invalidArgument, "the file is empty: its first line names the columns")
            }
            header = try Self.names(in: row)
        } catch {
            throw error.located(at: "\(name): line 1")
        }
        var record: [UInt8] = []
        row.appendRecord(to: &record)
        headerRecord = record
    }

    /// Reads the next row into `row`; `false` at the end of the file.
    ///
    /// - Throws: `.invalidArgument`, located at file, row and line. Behind a ragged row reading may go on; behind any
    ///   other error `isBroken` is set and there is no next row.
    public mutating func next(into row: inout CSVRow) throws(HeadwaterError) -> Bool {
        guard !isBroken else { return false }
        row.number = rowNumber + 1
        do {
            repeat {
                guard try scanner.next(into: &row, cellsMax: header.count) else { return false }
            } while row.isBlank && header.count > 1
        } catch {
            isBroken = true
            throw error.located(at: location(of: row))
        }
        rowNumber += 1
        guard row.count == header.count else {
            throw HeadwaterError(
                .invalidArgument, "\(counted(row.count, "cell")) where the header has \(header.count)", at: location(of: row))
        }
        return true
    }

    /// Whether the next row is at hand whole: reading it does not wait for input.
    var hasRow: Bool { scanner.hasRecord }

    /// How messages name a row, and a column in it: `weather.csv: row 71204 (line 71206), column temp`.
    public func location(of row: CSVRow, column: String? = nil) -> String {
        rowLocation(file: name, row: row.number, line: row.line, column: column)
    }

    private static func names(in row: CSVRow) throws(HeadwaterError) -> [String] {
        guard row.count <= TableLimits.columnsMax else {
            throw HeadwaterError(.invalidArgument, "\(row.count) columns; the limit is \(TableLimits.columnsMax)")
        }
        var seen: Set<ByteString> = []
        var names: [String] = []
        for cell in 0..<row.count {
            guard let name = String(validating: row.text(cell), as: UTF8.self) else {
                throw HeadwaterError(.invalidArgument, "the name of column \(cell + 1) is not UTF-8")
            }
            guard seen.insert(ByteString(row.text(cell))).inserted else {
                throw HeadwaterError(.invalidArgument, "column '\(name)' stands in the header twice")
            }
            names.append(name)
        }
        return names
    }
}

func rowLocation(file: String, row: Int, line: Int, column: String? = nil) -> String {
    "\(file): row \(row) (line \(line))" + (column.map { ", column \($0)" } ?? "")
}
