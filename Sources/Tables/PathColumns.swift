public import FeatureModel

/// A column that stands in the path of a table's file, as Hive and Spark write it: `region=eu/part.csv`.
public struct PathColumn: Hashable, Sendable {
    public let name: String
    /// Its cell in every row, as a CSV cell has it; `nil` for null.
    public let text: String?

    /// What stands for null in a path.
    private static let null = "__HIVE_DEFAULT_PARTITION__"

    /// The columns of a file's directories, in the order of the path; names and values are percent-decoded.
    ///
    /// - Throws: `.invalidArgument` for a name that comes twice, or text that is not UTF-8.
    public static func columns(ofPath path: String) throws(HeadwaterError) -> [PathColumn] {
        var columns: [PathColumn] = []
        for directory in path.split(separator: "/").dropLast() {
            guard let mark = directory.firstIndex(of: "="), mark != directory.startIndex else { continue }
            let name = try decode(directory[..<mark], path)
            let value = directory[directory.index(after: mark)...]
            guard !columns.contains(where: { ByteString($0.name) == ByteString(name) }) else {
                throw invalid("column '\(escapingControls(name))' comes twice in the path", at: path)
            }
            columns.append(PathColumn(name: name, text: value == null[...] ? nil : try decode(value, path)))
        }
        return columns
    }

    private static func decode(_ text: Substring, _ path: String) throws(HeadwaterError) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2,
                let code = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16), rest.first != UInt8(ascii: "+")
            {
                bytes.append(code)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        guard let decoded = String(validating: bytes, as: UTF8.self) else {
            throw invalid("'\(escapingControls(String(text)))' in the path is not UTF-8", at: path)
        }
        return decoded
    }
}

/// What a path says of the rows of its table.
struct PathCells {
    /// Wanted columns, and their cell.
    private(set) var cells: [(column: Int, text: [UInt8]?)] = []
    /// Names of which every row has to have a column itself, as rows are kept as they stand.
    private(set) var names: [ByteString] = []

    /// - Parameter column: the wanted column of a name.
    /// - Throws: `.invalidArgument` for a column that nobody asked for.
    init(_ options: TableOptions, column: (ByteString) -> Int?) throws(HeadwaterError) {
        for given in options.pathColumns {
            if options.unknownColumns == .keep {
                names.append(ByteString(given.name))
            } else if let column = column(ByteString(given.name)) {
                cells.append((column, given.text.map { Array($0.utf8) }))
            } else {
                throw invalid(
                    "'\(escapingControls(given.name))' in the file's path is no column of it: read the file from another directory"
                )
            }
        }
    }

    /// - Throws: `.invalidArgument` for a column that stands in the path alone, where rows are kept.
    func check(has isThere: (ByteString) -> Bool) throws(HeadwaterError) {
        guard let name = names.first(where: { !isThere($0) }) else { return }
        throw invalid(
            "column '\(escapingControls(name.description))' stands in the file's path alone, and rows are kept as they stand: "
                + "give the file the column, or read it from Python")
    }
}

extension Batch {
    /// Refuses rows that say other than the path of their table.
    ///
    /// - Returns: the row, and what is wrong.
    func other(than cell: Column, ordinal: Int) -> (row: Int, reason: String)? {
        guard let column = column(ordinal: ordinal) else { return nil }
        let expected = cell.value(0)
        let text = cell.isNull(0) ? nil : Self.bytes(cell, 0)
        // By what is written of them, in which a NaN is a NaN.
        let isOther = { (row: Int) in column.value(row) != expected && (column.isNull(row) || Self.bytes(column, row) != text) }
        guard let row = (0..<rowCount).first(where: isOther) else { return nil }
        return (row, "is \(Self.text(column, row)), and \(Self.text(cell, 0)) in the file's path: leave one out")
    }

    private static func text(_ column: Column, _ row: Int) -> String {
        column.isNull(row) ? "null" : excerpt(bytes(column, row)[...])
    }

    private static func bytes(_ column: Column, _ row: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        column.appendCSV(row, elements: column.elementsIfArray, to: &bytes)
        return bytes
    }
}
