public import FeatureModel

/// Gathers the rows of a table that is continued: as they stood, but for columns of
/// a given type, whose cells are checked and written in the one form of their type.
///
/// CSV may be continued as NDJSON: cells of a given type become values of it, all others strings.
public struct KeptRows {
    private let output: TableFormat
    private let types: [ByteString: FeatureType]
    /// Of a CSV table, for each cell.
    private let cellTypes: [FeatureType?]
    private let header: [String]
    private let cellNames: [[UInt8]]
    private let nullTexts: [ByteString]
    private var times: [ByteString: WholeTimes] = [:]
    /// Columns of a given type that no object had so far.
    private var unseen: Set<ByteString> = []
    private var hasRows = false

    /// - Parameters:
    ///   - typed: columns of a given type.
    ///   - header: of a CSV table.
    /// - Throws: `.invalidArgument` where the header lacks such a column, or NDJSON were to be continued as CSV.
    public init(
        _ typed: [Field], header: [String], from input: TableFormat, to output: TableFormat, options: TableOptions
    ) throws(HeadwaterError) {
        guard input == output || input == .csv else {
            throw HeadwaterError(
                .invalidArgument,
                "the objects of NDJSON have no fixed columns, so that they cannot go on as CSV: name an .ndjson file")
        }
        self.output = output
        self.header = header
        types = Dictionary(typed.map { (ByteString($0.name), $0.type) }) { first, _ in first }
        nullTexts = options.nullTexts
        let types = types
        cellTypes = header.map { types[ByteString($0)] }
        cellNames = header.map { name in
            var bytes: [UInt8] = []
            JSONText.append(name.utf8, to: &bytes)
            return bytes + [UInt8(ascii: ":")]
        }
        for field in typed where field.type.holdsTimes { times[ByteString(field.name)] = WholeTimes(unit: options.timeUnit) }
        guard input == .csv else {
            unseen = Set(types.keys)
            return
        }
        let names = Set(header.map { ByteString($0) })
        let missing = typed.filter { !names.contains(ByteString($0.name)) }.map { escapingControls($0.name) }
        guard missing.isEmpty else {
            throw HeadwaterError(
                .invalidArgument,
                "a type is given for \(missing.joined(separator: ", ")), which is no column here; there are: "
                    + header.map(escapingControls).joined(separator: ", "))
        }
    }

    /// Appends one record.
    ///
    /// - Throws: `.invalidArgument` for a cell that is not of its type, located at the column's name alone.
    public mutating func append(_ row: CSVRow, to rows: inout RawRows) throws(HeadwaterError) {
        if output == .csv, types.isEmpty { return rows.append(row) }
        var text: [UInt8] = []
        for cell in 0..<row.count {
            if cell > 0 { text.append(UInt8(ascii: ",")) }
            if output == .ndjson { text.append(contentsOf: cellNames[cell]) }
            guard let type = cellTypes[cell] else {
                append(cell, of: row, to: &text)
                continue
            }
            if isNull(cell, of: row) {
                if output == .ndjson { text.append(contentsOf: "null".utf8) }
                continue
            }
            let bytes = row.text(cell)
            let column = try value(type, named: header[cell]) { (builder, times) throws(HeadwaterError) in
                try builder.append(parsing: bytes, &times)
            }
            let elements = column.elementsIfArray
            if output == .csv {
                column.appendCSV(0, elements: elements, to: &text)
            } else {
                column.appendJSON(0, elements: elements, to: &text)
            }
        }
        rows.append(text)
    }

    /// Appends the members of one object.
    ///
    /// - Throws: as for a record.
    public mutating func append(_ row: NDJSONRow, to rows: inout RawRows) throws(HeadwaterError) {
        hasRows = true
        if types.isEmpty { return rows.append(row) }
        let (document, members) = (row.document, row.members)
        var text: [UInt8] = []
        var taken = members.startIndex
        var next = 1
        for member in 0..<document.count(0) {
            let token = next
            next = document.next(after: token + 1)
            let name = document.text(token)
            guard let type = types[ByteString(name)] else { continue }
            unseen.remove(ByteString(name))
            let column = try value(type, named: String(decoding: name, as: UTF8.self)) {
                (builder, times) throws(HeadwaterError) in
                try builder.append(token + 1, of: document, &times)
            }
            let place = document.memberValues[member]
            text.append(contentsOf: row.bytes[taken..<place.lowerBound])
            column.appendJSON(0, elements: column.elementsIfArray, to: &text)
            taken = place.upperBound
        }
        text.append(contentsOf: row.bytes[taken..<members.endIndex])
        rows.append(text)
    }

    /// Checks what only the table's end tells: the whole numbers among the times of given columns, as `TableDecoder.checkTimes`
    /// does, and that each column that was given a type was in some row.
    public func checkEnd() throws(HeadwaterError) {
        if hasRows, let name = unseen.min() {
            throw invalid("a type is given for \(escapingControls(name.description)), which no row has")
        }
        for (name, times) in times {
            if let problem = times.problem(option: "--time-unit") {
                throw HeadwaterError(.invalidArgument, problem, at: "column \(name)")
            }
        }
    }

    private func isNull(_ cell: Int, of row: CSVRow) -> Bool {
        !row.isQuoted(cell) && (row.text(cell).isEmpty || nullTexts.contains { $0.bytes[...] == row.text(cell) })
    }

    /// A cell of no given type: as it stood, or in JSON a string.
    private func append(_ cell: Int, of row: CSVRow, to text: inout [UInt8]) {
        if output == .csv {
            row.append(cell, to: &text)
        } else if isNull(cell, of: row) {
            text.append(contentsOf: "null".utf8)
        } else {
            JSONText.append(row.text(cell), to: &text)
        }
    }

    /// One cell as a column of its type.
    private mutating func value(
        _ type: FeatureType, named name: String,
        _ fill: (inout CellBuilder, inout WholeTimes) throws(HeadwaterError) -> Void
    ) throws(HeadwaterError) -> Column {
        var builder = CellBuilder(type)
        var whole = times[ByteString(name)] ?? WholeTimes(unit: nil)
        do throws(HeadwaterError) { try fill(&builder, &whole) } catch { throw error.located(at: name) }
        if type.holdsTimes { times[ByteString(name)] = whole }
        return builder.finish()
    }
}
