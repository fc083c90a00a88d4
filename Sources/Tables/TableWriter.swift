public import FeatureModel

/// A column to be written: cells, or what reads found for them.
public enum OutputColumn: Sendable {
    case cells(Column)
    case statuses(StatusColumn)

    public var count: Int {
        switch self {
        case .cells(let column): column.count
        case .statuses(let statuses): statuses.count
        }
    }

    /// One cell as CSV spells it, without quotes; `nil` where it is null.
    public func text(_ row: Int) -> String? {
        switch self {
        case .statuses(let statuses): return statuses[row].description
        case .cells(let column):
            guard !column.isNull(row) else { return nil }
            var bytes: [UInt8] = []
            column.appendText(row, elements: column.elementsIfArray, to: &bytes)
            return String(decoding: bytes, as: UTF8.self)
        }
    }
}

/// Writes columns as CSV or NDJSON onto a byte buffer, which the caller empties into a file (docs/formats/tables.md).
public struct TableWriter: Sendable {
    public let format: TableFormat
    public let names: [String]
    /// What stands before the cells of each raw row: the columns of the table that is continued.
    private let rawHeader: [UInt8]
    /// `"name":` of each column.
    private let memberNames: [[UInt8]]

    /// - Parameters:
    ///   - names: the written columns.
    ///   - rawHeader: in CSV, the header that raw rows belong to (`TableDecoder.headerRecord`).
    public init(_ format: TableFormat, names: [String], rawHeader: [UInt8] = []) {
        self.format = format
        self.names = names
        self.rawHeader = rawHeader
        memberNames = names.map { name in
            var bytes: [UInt8] = []
            JSONText.append(name.utf8, to: &bytes)
            bytes.append(UInt8(ascii: ":"))
            return bytes
        }
    }

    /// Appends the CSV header; nothing for NDJSON.
    public func appendHeader(to output: inout [UInt8]) {
        guard format == .csv else { return }
        output.append(contentsOf: rawHeader)
        for (index, name) in names.enumerated() {
            if index > 0 || !rawHeader.isEmpty { output.append(UInt8(ascii: ",")) }
            CSVText.append(name.utf8, to: &output)
        }
        output.append(UInt8(ascii: "\n"))
    }

    /// Appends rows of columns of equal length, each behind its raw row where there are such.
    ///
    /// - Parameter rows: which of them; `nil` for all.
    public func append(
        _ columns: [OutputColumn], behind rawRows: RawRows? = nil, only rows: [Int]? = nil, to output: inout [UInt8]
    ) {
        precondition(columns.count == names.count, "a column for each name")
        guard let rowCount = columns.first?.count ?? rawRows?.count else { return }
        precondition(columns.allSatisfy { $0.count == rowCount } && rawRows.map { $0.count == rowCount } != false)
        let elements = columns.map(\.elements)
        for place in 0..<(rows?.count ?? rowCount) {
            let row = rows?[place] ?? place
            switch format {
            case .csv: appendRecord(row, columns, elements, rawRows?[row], to: &output)
            case .ndjson: appendObject(row, columns, elements, rawRows?[row], to: &output)
            }
            output.append(UInt8(ascii: "\n"))
        }
    }

    private func appendRecord(
        _ row: Int, _ columns: [OutputColumn], _ elements: [Column?], _ rawRow: ArraySlice<UInt8>?, to output: inout [UInt8]
    ) {
        if let rawRow { output.append(contentsOf: rawRow) }
        for index in columns.indices {
            if index > 0 || rawRow != nil { output.append(UInt8(ascii: ",")) }
            switch columns[index] {
            case .statuses(let statuses): output.append(contentsOf: statuses[row].description.utf8)
            case .cells(let column): column.appendCSV(row, elements: elements[index], to: &output)
            }
        }
    }

    private func appendObject(
        _ row: Int, _ columns: [OutputColumn], _ elements: [Column?], _ rawRow: ArraySlice<UInt8>?, to output: inout [UInt8]
    ) {
        output.append(UInt8(ascii: "{"))
        if let rawRow { output.append(contentsOf: rawRow) }
        for index in columns.indices {
            if index > 0 || rawRow?.isEmpty == false { output.append(UInt8(ascii: ",")) }
            output.append(contentsOf: memberNames[index])
            switch columns[index] {
            case .statuses(let statuses): JSONText.append(statuses[row].description.utf8, to: &output)
            case .cells(let column): column.appendJSON(row, elements: elements[index], to: &output)
            }
        }
        output.append(UInt8(ascii: "}"))
    }
}

extension OutputColumn {
    /// An array column's elements, made once for all rows.
    fileprivate var elements: Column? {
        if case .cells(let column) = self { column.elementsIfArray } else { nil }
    }
}
