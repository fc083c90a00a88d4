import FeatureModel

/// Gathers rows of a table into the columns of one batch.
///
/// Errors are located at the column's name alone; the decoder adds file and row.
struct BatchBuilder {
    private let columns: [TableColumn]
    private let keepsUnknown: Bool
    private let takesTextIntegers: Bool
    private let nullTexts: [ByteString]
    /// Names that no further column may have.
    private let takenNames: Set<ByteString>
    /// For each cell of a CSV row, the column it goes to.
    private let targets: [Int?]
    /// Whether the table can have the column: a CSV file only those of its header.
    private let isPresent: [Bool]
    private let columnsByName: [ByteString: Int]
    /// What the table's path says of every row.
    private let path: PathCells
    /// Of each wanted column in the path, its cell.
    private var pathCells: [Column] = []
    /// The column of each member of the last object: the next one most likely has the same order.
    private var memberColumns: [Int] = []
    private var builders: [CellBuilder]
    /// Of each column, the times that were whole numbers, since the table's start.
    private var times: [WholeTimes]
    /// Columns of times, and where a number that cannot be one stood first.
    private var timeColumns: [(column: Int, first: (row: Int, line: Int)?)]
    private var rawRows = RawRows()
    /// Of each wanted column, whether some object had it.
    private var isSeen: [Bool]
    private(set) var namesOfFirstRow: [String] = []
    private var firstRow = 0
    private(set) var rowCount = 0
    /// Bytes of the rows so far.
    private(set) var byteCount = 0
    /// What the columns of a batch may take.
    private let columnBytesMax: Int

    /// For CSV: the header decides which columns there are.
    init(
        _ columns: [TableColumn], header: [String], options: TableOptions
    ) throws(HeadwaterError) {
        let byName = Self.byName(columns)
        let path = try PathCells(options) { byName[$0] }
        try path.check { name in header.contains { ByteString($0) == name } }
        let targets = try Self.targets(columns, header, path, options)
        try self.init(columns, header: header, targets: targets, path, options, batchBytesMax: Limits.batchBytesMax)
    }

    /// For NDJSON: each object may have any of the columns.
    init(
        _ columns: [TableColumn], options: TableOptions, batchBytesMax: Int = Limits.batchBytesMax
    ) throws(HeadwaterError) {
        let byName = Self.byName(columns)
        try self.init(
            columns, header: nil, targets: [], try PathCells(options) { byName[$0] }, options, batchBytesMax: batchBytesMax)
    }

    private init(
        _ columns: [TableColumn], header: [String]?, targets: [Int?], _ path: PathCells, _ options: TableOptions,
        batchBytesMax: Int
    ) throws(HeadwaterError) {
        // Room for the batch's header, directory and alignment.
        columnBytesMax = batchBytesMax - Batch.headerBytes - columns.count * (Batch.columnEntryBytes + 5 * Batch.alignment)
        self.columns = columns
        self.targets = targets
        keepsUnknown = options.unknownColumns == .keep
        takesTextIntegers = options.takesTextIntegers
        nullTexts = options.nullTexts
        takenNames = options.takenNames
        var isPresent = Array(repeating: header == nil, count: columns.count)
        for case let column? in targets { isPresent[column] = true }
        for cell in path.cells { isPresent[cell.column] = true }
        self.path = path
        isSeen = columns.map { _ in false }
        for cell in path.cells { isSeen[cell.column] = true }
        self.isPresent = isPresent
        columnsByName = Self.byName(columns)
        builders = columns.map { CellBuilder($0.type) }
        times = columns.map { _ in WholeTimes(unit: options.timeUnit) }
        timeColumns = columns.indices.filter { columns[$0].type.holdsTimes }.map { (column: $0, first: nil) }
        for cell in path.cells {
            try append(cell)
            pathCells.append(builders[cell.column].finish())
        }
        clear()
    }

    mutating func clear() {
        builders = columns.map { CellBuilder($0.type) }
        rawRows = RawRows()
        rowCount = 0
        byteCount = 0
    }

    mutating func append(_ row: CSVRow) throws(HeadwaterError) {
        for (cell, target) in targets.enumerated() {
            guard let column = target else { continue }
            let text = row.text(cell)
            let isNull = !row.isQuoted(cell) && (text.isEmpty || nullTexts.contains { $0.bytes[...] == text })
            do {
                if isNull {
                    try appendNull(column)
                } else {
                    try builders[column].append(parsing: text, &times[column])
                }
            } catch {
                throw error.located(at: columns[column].name)
            }
        }
        try appendPath()
        if keepsUnknown { rawRows.append(row) }
        try endRow(number: row.number, line: row.line)
    }

    /// Wanted columns that no object so far had.
    var unseenColumns: Set<ByteString> { Set(columns.indices.filter { !isSeen[$0] }.map { ByteString(columns[$0].name) }) }

    mutating func append(_ row: NDJSONRow) throws(HeadwaterError) {
        let document = row.document
        var token = 1
        if keepsUnknown, namesOfFirstRow.isEmpty { namesOfFirstRow = row.names }
        for member in 0..<document.count(0) {
            let value = token + 1
            token = document.next(after: value)
            let name = document.text(value - 1)
            guard let column = column(named: name, member: member) else {
                if keepsUnknown {
                    try Self.check(name, takenNames)
                    continue
                }
                throw Self.unknown(String(decoding: name, as: UTF8.self), columns)
            }
            isSeen[column] = true
            guard builders[column].count == rowCount else {
                throw Self.twice(String(decoding: name, as: UTF8.self), columns[column])
            }
            do {
                if document.kind(value) == .null {
                    try appendNull(column)
                } else if takesTextIntegers {
                    try builders[column].append(json: value, of: document, &times[column])
                } else {
                    try builders[column].append(value, of: document, &times[column])
                }
            } catch {
                throw error.located(at: columns[column].name)
            }
        }
        try path.check { row.has($0) }
        try appendPath()
        // Names in an object differ, so a column without a cell was left out.
        for column in columns.indices where builders[column].count == rowCount {
            do { try appendNull(column) } catch { throw error.located(at: columns[column].name) }
        }
        if keepsUnknown { rawRows.append(row) }
        try endRow(number: row.number, line: row.line)
    }

    /// Whether a column's whole numbers so far are ones that `checkTimes` refuses.
    var hasDoubtfulTimes: Bool { timeColumns.contains { times[$0.column].isDoubtful } }

    /// Refuses a column of times whose whole numbers so far cannot be what they are read as.
    ///
    /// - Throws: `.invalidArgument`, located by `place`.
    func checkTimes(_ place: (_ row: Int, _ line: Int, _ column: String) -> String) throws(HeadwaterError) {
        for (column, first) in timeColumns {
            guard let problem = times[column].problem(option: "--time-unit"), let first else { continue }
            throw HeadwaterError(.invalidArgument, problem, at: place(first.row, first.line, columns[column].name))
        }
    }

    mutating func finish() -> TableBatch { finish { $0 } }

    /// The whole rows before one that was refused.
    mutating func finishBehindError() -> TableBatch { finish { [rowCount] in $0.gather(0..<rowCount) } }

    private mutating func finish(_ whole: (Column) -> Column) -> TableBatch {
        var finished: [(ordinal: Int, column: Column)] = []
        for column in columns.indices where isPresent[column] {
            finished.append((columns[column].ordinal, whole(builders[column].finish())))
        }
        finished.sort { $0.ordinal < $1.ordinal }
        let result = TableBatch(batch: Batch(rowCount: rowCount, columns: finished), firstRow: firstRow, rawRows: rawRows)
        clear()
        return result
    }

    /// Gives the row the cells of the path that it has not itself.
    private mutating func appendPath() throws(HeadwaterError) {
        for cell in path.cells where builders[cell.column].count == rowCount { try append(cell) }
    }

    private mutating func append(_ cell: (column: Int, text: [UInt8]?)) throws(HeadwaterError) {
        do {
            if let text = cell.text {
                try builders[cell.column].append(parsing: text[...], &times[cell.column])
            } else {
                try appendNull(cell.column)
            }
        } catch {
            throw invalid("\(error.message); it stands in the file's path").located(at: columns[cell.column].name)
        }
    }

    /// The first row that says other than the path.
    func otherThanPath(_ batch: Batch) -> (row: Int, column: String, reason: String)? {
        for (cell, expected) in zip(path.cells, pathCells) {
            let column = columns[cell.column]
            if let (row, reason) = batch.other(than: expected, ordinal: column.ordinal) { return (row, column.name, reason) }
        }
        return nil
    }

    private mutating func appendNull(_ column: Int) throws(HeadwaterError) {
        guard !columns[column].isRequired else { throw invalid("the cell is empty (null); every row needs a value here") }
        builders[column].appendNull()
    }

    private mutating func endRow(number: Int, line: Int) throws(HeadwaterError) {
        if rowCount == 0 { firstRow = number }
        for place in timeColumns.indices
        where timeColumns[place].first == nil && times[timeColumns[place].column].isDoubtful {
            timeColumns[place].first = (number, line)
        }
        rowCount += 1
        byteCount = builders.reduce(rawRows.byteCount) { $0 + $1.byteCount }
        guard byteCount - rawRows.byteCount <= columnBytesMax else {
            throw invalid("the row makes a batch of more than \(columnBytesMax) bytes: it is too wide")
        }
    }

    private mutating func column(named name: ArraySlice<UInt8>, member: Int) -> Int? {
        if member < memberColumns.count, columns[memberColumns[member]].name.utf8.elementsEqual(name) {
            return memberColumns[member]
        }
        guard let column = columnsByName[ByteString(name)] else { return nil }
        if member < memberColumns.count {
            memberColumns[member] = column
        } else if member == memberColumns.count {
            memberColumns.append(column)
        }
        return column
    }

    private static func byName(_ columns: [TableColumn]) -> [ByteString: Int] {
        var byName: [ByteString: Int] = [:]
        for (index, column) in columns.enumerated() {
            precondition(byName.updateValue(index, forKey: ByteString(column.name)) == nil, "wanted columns have different names")
        }
        for (index, column) in columns.enumerated() {
            for old in column.oldNames where byName[ByteString(old)] == nil { byName[ByteString(old)] = index }
        }
        return byName
    }

    private static func targets(
        _ columns: [TableColumn], _ header: [String], _ path: PathCells, _ options: TableOptions
    ) throws(HeadwaterError) -> [Int?] {
        let byName = byName(columns)
        let targets = header.map { byName[ByteString($0)] }
        switch options.unknownColumns {
        case .refuse: if let index = targets.firstIndex(of: nil) { throw unknown(header[index], columns) }
        case .keep: for name in header { try check(Array(name.utf8)[...], options.takenNames) }
        }
        var present: Set<Int> = []
        for (name, target) in zip(header, targets) {
            if let target, !present.insert(target).inserted { throw twice(name, columns[target]) }
        }
        present.formUnion(path.cells.map(\.column))
        let missing = columns.indices.filter { columns[$0].isRequired && !present.contains($0) }.map { columns[$0].name }
        guard missing.isEmpty else {
            throw invalid("missing column \(missing.joined(separator: ", ")); the file has \(list(header))")
        }
        return targets
    }

    /// Refuses a further column that is called as one that will stand behind it.
    private static func check(_ name: ArraySlice<UInt8>, _ taken: Set<ByteString>) throws(HeadwaterError) {
        guard taken.contains(ByteString(name)) else { return }
        throw invalid(
            "a column here is called '\(escapingControls(String(decoding: name, as: UTF8.self)))', as one of the answer is: "
                + "rename it, or use --full-feature-names")
    }

    private static func twice(_ name: String, _ column: TableColumn) -> HeadwaterError {
        invalid(
            "'\(escapingControls(name))' and another column are both '\(column.name)', which had other names before: keep one")
    }

    private static func unknown(_ name: String, _ columns: [TableColumn]) -> HeadwaterError {
        invalid("unknown column '\(escapingControls(name))'; the columns are \(list(columns.map(\.name)))")
    }

    private static func list(_ names: [String]) -> String {
        let shown = names.prefix(40).map(escapingControls).joined(separator: ", ")
        return names.count > 40 ? "\(shown), … (\(names.count) in all)" : shown
    }
}
