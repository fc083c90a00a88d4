public import FeatureModel

/// What a decoder does with a column that nobody asked for.
public enum UnknownColumns: Sendable {
    /// An error that names the known columns.
    case refuse
    /// Reads over it, and keeps every row as it stood: `history` gives the spine's columns back untouched.
    case keep
}

/// How a decoder reads and how much a batch holds.
public struct TableOptions: Sendable {
    /// Spellings of null besides the empty cell, in CSV and outside quotes only.
    public var nullTexts: [ByteString]
    public var unknownColumns: UnknownColumns
    /// A batch ends at this many rows.
    public var batchRowsMax: Int
    /// A batch ends behind the row that reaches this many bytes.
    public var batchBytesMax: Int
    /// What times are that are whole numbers; `nil` for microseconds, which `checkTimes` then checks.
    public var timeUnit: TimeUnit?
    /// With `UnknownColumns.keep`, the names of what will be written behind the rows: no further column may have one.
    public var takenNames: Set<ByteString> = []
    /// Whether rows come as they are made, from input that goes on: a batch then ends where the next row is not at hand whole,
    /// and before a bad row, which is the only one that is told.
    public var isLive = false
    /// Rows and lines of the input in front of what is read: messages count them too.
    public var rowsBefore = 0
    public var linesBefore = 0
    /// Whether a whole number of NDJSON may be a string, which some languages need for what is beyond 2^53.
    public var takesTextIntegers = false
    /// Columns that stand in the table's path. Where rows are kept, the table must have them itself.
    public var pathColumns: [PathColumn] = []

    public init(
        nullTexts: [ByteString] = [], unknownColumns: UnknownColumns = .refuse, batchRowsMax: Int = 65_536,
        batchBytesMax: Int = 8 << 20, timeUnit: TimeUnit? = nil
    ) {
        self.timeUnit = timeUnit
        self.nullTexts = nullTexts
        self.unknownColumns = unknownColumns
        self.batchRowsMax = batchRowsMax
        self.batchBytesMax = batchBytesMax
    }
}

/// Some rows of a table, typed.
public struct TableBatch: Sendable {
    /// The wanted columns that the table has, by rising ordinal.
    public let batch: Batch
    /// The number of the first row, from 1; rows of a batch follow each other without holes.
    public let firstRow: Int
    /// With `UnknownColumns.keep`, the rows as they stood; else empty.
    public let rawRows: RawRows
}

/// Reads a table into batches of the wanted columns, holding one chunk, one record and one batch.
///
/// One owner: copies would share the source.
public struct TableDecoder {
    private enum Reader {
        case csv(CSVReader)
        case ndjson(NDJSONReader)
    }

    public let format: TableFormat
    /// The file's name in messages.
    public let name: String
    private var reader: Reader
    private var csvRow = CSVRow()
    private var jsonRow = NDJSONRow()
    private var builder: BatchBuilder
    private let options: TableOptions
    /// Of live input: what stands behind the last batch.
    private var failure: HeadwaterError?

    /// Reads the header of a CSV file.
    ///
    /// - Throws: `.invalidArgument` where the header is bad, has an unknown column or lacks a required one.
    public init(
        _ format: TableFormat, name: String, columns: [TableColumn], options: TableOptions = TableOptions(),
        source: @escaping ByteSource
    ) throws(HeadwaterError) {
        precondition(options.batchRowsMax > 0 && options.batchRowsMax <= Limits.batchRowsMax)
        precondition(options.batchBytesMax > 0 && options.batchBytesMax <= Limits.batchBytesMax / 2)
        self.format = format
        self.name = name
        self.options = options
        switch format {
        case .csv:
            let csv = try CSVReader(name: name, source: source)
            do {
                builder = try BatchBuilder(columns, header: csv.header, options: options)
            } catch {
                throw error.located(at: "\(name): line 1")
            }
            reader = .csv(csv)
        case .ndjson:
            do { builder = try BatchBuilder(columns, options: options) } catch { throw error.located(at: name) }
            var ndjson = NDJSONReader(name: name, source: source)
            ndjson.count(rows: options.rowsBefore, lines: options.linesBefore)
            reader = .ndjson(ndjson)
        }
    }

    /// The CSV header; empty for NDJSON.
    public var header: [String] { if case .csv(let csv) = reader { csv.header } else { [] } }

    /// The CSV header as it stood, without its line end; empty for NDJSON.
    public var headerRecord: [UInt8] { if case .csv(let csv) = reader { csv.headerRecord } else { [] } }

    /// The next rows; `nil` at the end of the table.
    ///
    /// - Throws: `.invalidArgument` at the first bad row or, where more are bad, one error with a line for each: it reads
    ///   on to the end or to `Limits.rowErrorsListedMax` bad rows. There is nothing to read behind an error. What the
    ///   source throws passes through.
    public mutating func next() throws(HeadwaterError) -> TableBatch? {
        if options.isLive { return try nextLive() }
        var errors: [HeadwaterError] = []
        builder.clear()
        while errors.count < Limits.rowErrorsListedMax {
            do {
                guard try nextRow() else { break }
            } catch {
                guard error.code == .invalidArgument else { throw error }
                errors.append(error)
                builder.clear()
                if isBroken { break }
            }
            if builder.rowCount >= options.batchRowsMax || builder.byteCount >= options.batchBytesMax {
                if errors.isEmpty { break }
                builder.clear()  // a batch that will not be given out: its rows were checked, that is all
            }
        }
        if let first = errors.first { throw errors.count == 1 ? first : refusal(errors) }
        guard builder.rowCount > 0 else { return nil }
        let rows = builder.finish()
        if let other = builder.otherThanPath(rows.batch) {
            throw invalid(other.reason, at: "\(name): row \(rows.firstRow + other.row), column \(other.column)")
        }
        return rows
    }

    /// The rows at hand; the first one is waited for.
    private mutating func nextLive() throws(HeadwaterError) -> TableBatch? {
        if let failure { throw failure }
        builder.clear()
        do {
            repeat {
                guard try nextRow() else { break }
            } while hasRow && builder.rowCount < options.batchRowsMax && builder.byteCount < options.batchBytesMax
        } catch {
            failure = error
            guard builder.rowCount > 0 else { throw error }
        }
        guard builder.rowCount > 0 else { return nil }
        // No later number can speak for those that are given out.
        do { try checkTimes() } catch {
            failure = error
            throw error
        }
        return failure == nil ? builder.finish() : builder.finishBehindError()
    }

    private var hasRow: Bool {
        switch reader {
        case .csv(let csv): csv.hasRow
        case .ndjson(let ndjson): ndjson.hasRow
        }
    }

    /// Wanted columns that no row so far had: those of NDJSON may each have others. Of CSV none, as its header tells.
    public var unseenColumns: Set<ByteString> { if case .ndjson = reader { builder.unseenColumns } else { [] } }

    /// What the columns of an NDJSON table's first row are called; empty where further columns are refused.
    public var namesOfFirstRow: [String] { builder.namesOfFirstRow }

    /// Whether the whole numbers that a column of times has had so far
    /// are ones that `checkTimes` refuses; rows to come may clear them.
    public var hasDoubtfulTimes: Bool { builder.hasDoubtfulTimes }

    /// Checks the whole numbers among the times read so far: to be
    /// called at the end of the table, before anything is done with it.
    ///
    /// - Throws: `.invalidArgument` where no unit was stated, and all those of a column cannot be microseconds.
    public func checkTimes() throws(HeadwaterError) {
        try builder.checkTimes { rowLocation(file: name, row: $0, line: $1, column: $2) }
    }

    /// Where the times so far are in doubt, reads on to the table's end and checks them.
    ///
    /// - Throws: as `checkTimes`, and `next`.
    public mutating func refuseDoubtfulTimes() throws(HeadwaterError) {
        guard hasDoubtfulTimes else { return }
        while try next() != nil {}
        try checkTimes()
    }

    private var isBroken: Bool {
        switch reader {
        case .csv(let csv): csv.isBroken
        case .ndjson(let ndjson): ndjson.isBroken
        }
    }

    private mutating func nextRow() throws(HeadwaterError) -> Bool {
        switch reader {
        case .csv(var csv):
            defer { reader = .csv(csv) }
            guard try csv.next(into: &csvRow) else { return false }
            do {
                try builder.append(csvRow)
            } catch {
                throw invalid(error.message, at: csv.location(of: csvRow, column: error.location))
            }
        case .ndjson(var ndjson):
            defer { reader = .ndjson(ndjson) }
            guard try ndjson.next(into: &jsonRow) else { return false }
            do {
                try builder.append(jsonRow)
            } catch {
                throw invalid(error.message, at: ndjson.location(of: jsonRow, column: error.location))
            }
        }
        return true
    }

    private func refusal(_ errors: [HeadwaterError]) -> HeadwaterError {
        let isCut = errors.count == Limits.rowErrorsListedMax && !isBroken
        let lines = errors.map { "\n\($0.location ?? name): \($0.message)" }.joined()
        return invalid("\(errors.count) bad rows\(isCut ? ", reading stopped there" : ""):" + lines, at: name)
    }
}

func invalid(_ message: String, at location: String) -> HeadwaterError {
    HeadwaterError(.invalidArgument, message, at: location)
}
