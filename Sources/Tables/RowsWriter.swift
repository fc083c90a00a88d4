public import FeatureModel

/// The form of a table that is written: what is read, and Arrow streams.
public enum OutputFormat: Equatable, Sendable {
    case text(TableFormat)
    case arrowStream

    /// The form that a file's name tells.
    ///
    /// - Throws: `.invalidArgument` for a name that tells none.
    public init(path: String) throws(HeadwaterError) {
        let name = path.lowercased()
        if name.hasSuffix(".arrows") {
            self = .arrowStream
        } else if [".arrow", ".feather", ".ipc"].contains(where: { name.hasSuffix($0) }) {
            throw HeadwaterError(
                .invalidArgument,
                "names a file of Arrow's file format, which is not written: end the name in .arrows, for a stream",
                at: path)
        } else {
            self = .text(try TableFormat(path: path))
        }
    }

    public var text: TableFormat? { if case .text(let format) = self { format } else { nil } }
}

/// Turns columns into the bytes of a table, as text or as an Arrow stream.
public enum RowsWriter: Sendable {
    case text(TableWriter)
    case arrow(ArrowStreamWriter)

    /// A writer of columns alone.
    public init(_ format: OutputFormat, names: [String], types: [OutputType]) {
        switch format {
        case .text(let format): self = .text(TableWriter(format, names: names))
        case .arrowStream: self = .arrow(ArrowStreamWriter(names: names, types: types))
        }
    }

    public func appendHeader(to output: inout [UInt8]) {
        switch self {
        case .text(let writer): writer.appendHeader(to: &output)
        case .arrow(let writer): writer.appendHeader(to: &output)
        }
    }

    /// Refuses columns that are not those which the stream began with: definitions may change between two requests.
    ///
    /// - Throws: `.aborted`.
    public func check(_ columns: [OutputColumn]) throws(HeadwaterError) {
        guard case .arrow(let writer) = self, columns.map(\.type) != writer.types else { return }
        throw HeadwaterError(.aborted, "the definitions changed while rows were read: try again")
    }

    /// Appends rows of columns of equal length.
    ///
    /// - Parameters:
    ///   - rawRows: in text, what each stands behind.
    ///   - rows: which of them; `nil` for all.
    public func append(
        _ columns: [OutputColumn], behind rawRows: RawRows? = nil, only rows: [Int]? = nil, to output: inout [UInt8]
    ) {
        switch self {
        case .text(let writer): writer.append(columns, behind: rawRows, only: rows, to: &output)
        case .arrow(let writer):
            let chosen = rows.map { rows in columns.map { $0.gather(rows) } } ?? columns
            guard let rowCount = chosen.first?.count, rowCount > 0 else { return }
            writer.append(chosen, rowCount: rowCount, to: &output)
        }
    }

    /// Appends what stands behind the last row.
    public func appendEnd(to output: inout [UInt8]) {
        if case .arrow(let writer) = self { writer.appendEnd(to: &output) }
    }
}

extension OutputColumn {
    /// The cells at `rows`, in that order.
    fileprivate func gather(_ rows: [Int]) -> OutputColumn {
        switch self {
        case .cells(let column): return .cells(column.gather(rows))
        case .statuses(let statuses):
            var chosen = StatusColumn()
            for row in rows { chosen.append(statuses[row]) }
            return .statuses(chosen)
        }
    }
}
