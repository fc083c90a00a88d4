import Catalog
import Client
import FeatureModel
import Foundation
import Tables

/// A training set being written: the rows of a spine, as they stand,
/// each with its features behind it; in one file or, split, in several.
struct JoinedTable {
    /// The counts of what was written.
    struct Result {
        let rows: Int
        let position: Position
        let bytes: Int
        let elapsed: Duration
        /// The features with their statuses, where they were hashed.
        let features: DatasetDefinition.Table?
        let parts: [TableSummary.Part]?
    }

    private let table: InputTable
    let columns: JoinedColumns
    private let form: RawTable.Form
    private let known: [Field]
    private let typed: [Field]
    private let destinations: [OutputTable]
    private let paths: [String]
    private let split: RowSplit?

    /// Makes the files, so that what keeps them from being written is known before the work.
    ///
    /// - Parameters:
    ///   - columns: what is appended to each row.
    ///   - known: the types of the spine's keys and time.
    ///   - typed: further columns of the spine that are given a type.
    init(
        _ table: InputTable, out: String, split: RowSplit?, columns: JoinedColumns, known: [Field], typed: [Field],
        options: TableOptions
    ) throws(HeadwaterError) {
        self.table = table
        self.split = split
        self.columns = columns
        (self.known, self.typed) = (known, typed)
        paths = split?.shares.map { Self.path(of: $0.name, out) } ?? [out]
        destinations = try paths.map { (path) throws(HeadwaterError) in
            try OutputTable(path: path, format: path == "-" ? .text(table.format) : nil)
        }
        // Rows that go on as columns are read as the table has them.
        let output = destinations[0].format.text ?? table.format
        // Keys and times that are kept as they stand need no type; in another
        // format, and in a file that has types, they are written as values.
        let areKept = output == table.format && !destinations[0].hasTypes
        form = RawTable.Form(typed: areKept ? typed : typed + known, output: output, options: options)
        // Says what keeps the rows from being continued so.
        let header = try RawTable(table, form, taken: ByteCount()).header
        // Further columns of a CSV spine are text; those of a Parquet spine keep their types.
        let texts = header.filter { name in !(known + typed).contains { $0.name.utf8.elementsEqual(name.utf8) } }
        let fields = known + typed + texts.map { Field($0, .string) } + columns.fields
        for destination in destinations { destination.declare(fields, like: table.parquetPath) }
    }

    var isStandardOutput: Bool { destinations[0].isStandardOutput }

    /// `training.csv.gz`, part `train`: `training.train.csv.gz`.
    private static func path(of part: String, _ path: String) -> String {
        var url = URL(fileURLWithPath: path)
        var ending = url.pathExtension
        if ["gz", "zst"].contains(ending.lowercased()) {
            url.deletePathExtension()
            ending = "\(url.pathExtension).\(ending)"
        }
        return String(path.dropLast(ending.count)) + "\(part).\(ending)"
    }

    /// Writes each answer behind the spine rows it belongs to: those are read a second time, as they stand.
    ///
    /// - Parameter hashing: whether the features are hashed too, for a dataset.
    func write(_ answers: any JoinedRows, hashing: Bool) async throws -> Result {
        let taken = ByteCount()
        var spine = try spineRows(taken)
        var writer: RowsWriter?
        var hash: TableHash?
        var progress = Progress("joining \(table.name)")
        defer { progress.finish() }
        var rowCount = 0
        while let part = try await answers.next() {
            try Interrupts.check()
            guard part.names.allSatisfy({ columns.names.contains($0) }) else {
                throw HeadwaterError(.aborted, "the definitions changed while the history was read: try again")
            }
            let kept = try spine.next(count: part.rowCount)
            if writer == nil {
                let made = self.writer(of: spine)
                for destination in destinations { try destination.write { made.appendHeader(to: &$0) } }
                writer = made
                if hashing { hash = TableHash(part.fields) }
            }
            hash?.append(part.columns, statuses: part.statuses)
            let cells = kept.columns + columns.columns(of: part.columns, part.statuses)
            try writer!.check(cells)
            if let split {
                for (destination, chosen) in zip(destinations, split.take(part.rowCount)) {
                    try destination.write { writer!.append(cells, behind: kept.raw, only: chosen, to: &$0) }
                }
            } else {
                try destinations[0].write { writer!.append(cells, behind: kept.raw, to: &$0) }
            }
            rowCount += part.rowCount
            progress.update(rows: rowCount, fraction: table.byteCount == 0 ? nil : Double(taken.value) / Double(table.byteCount))
        }
        guard try spine.isAtEnd() else {
            throw HeadwaterError(.aborted, "the file changed while it was read: the answer has \(rowCount) rows", at: table.name)
        }
        for destination in destinations {
            try destination.write { writer?.appendEnd(to: &$0) }
            try destination.finish()
        }
        let parts = split?.record.parts.enumerated().map { index, part in
            TableSummary.Part(name: part.name, out: paths[index], rows: part.rows, bytes: destinations[index].byteCount)
        }
        return Result(
            rows: rowCount, position: answers.position, bytes: destinations.reduce(0) { $0 + $1.byteCount },
            elapsed: progress.elapsed, features: hash?.finish(), parts: parts)
    }

    private func spineRows(_ taken: ByteCount) throws(HeadwaterError) -> SpineRows {
        if destinations[0].format == .arrowStream {
            return .typed(try TypedTable(table, known: known, typed: typed, options: form.options, taken: taken))
        }
        return .raw(try RawTable(table, form, taken: taken))
    }

    private func writer(of spine: SpineRows) -> RowsWriter {
        switch spine {
        case .raw(let raw): .text(TableWriter(form.output, names: columns.names, rawHeader: raw.headerRecord))
        case .typed(let typed):
            .arrow(
                ArrowStreamWriter(
                    names: typed.fields.map(\.name) + columns.names, types: typed.fields.map { .cells($0.type) } + columns.types))
        }
    }
}

/// The report of a command that writes a table.
struct TableSummary: Encodable {
    /// One file of a split.
    struct Part: Encodable {
        let name: String
        let out: String
        let rows: Int
        let bytes: Int
    }

    /// A column that was read: of a history, one that it appended.
    struct Column: Encodable {
        let name: String
        let type: String
    }

    let out: String
    let columns: [Column]
    let rows: Int
    let position: UInt64
    let bytes: Int
    let seconds: Double
    let parts: [Part]?
    /// The name that the table was saved under as a training set.
    let dataset: String?

    init(
        out: String, columns: [Field], rows: Int, position: Position, bytes: Int, elapsed: Duration, parts: [Part]? = nil,
        dataset: String? = nil
    ) {
        self.out = out
        self.columns = columns.map { Column(name: $0.name, type: "\($0.type)") }
        self.rows = rows
        self.position = position
        self.bytes = bytes
        seconds = elapsed / .seconds(1)
        self.parts = parts
        self.dataset = dataset
    }

    /// - Parameter isBesideResults: standard output has the table, so that nothing else may stand there.
    func print(json: Bool, isBesideResults: Bool) throws {
        let time = "position \(position), \(NumberFormat.fixed(seconds, 2)) s"
        let saved = dataset.map { "; saved as dataset \($0)" } ?? ""
        guard !isBesideResults else {
            if Console.errorIsTerminal { Console.remark("\(NumberFormat.count(rows, "row")): \(time)\(saved)") }
            return
        }
        if json { return try Console.printJSON(self) }
        if let parts {
            for part in parts {
                try Console.print(
                    "wrote \(NumberFormat.count(part.rows, "row")), \(NumberFormat.bytes(part.bytes)), to \(part.out)")
            }
            try Console.print("\(NumberFormat.count(rows, "row")) together: \(time)\(saved)")
        } else {
            try Console.print(
                "wrote \(NumberFormat.count(rows, "row")), \(NumberFormat.bytes(bytes)), to \(out): \(time)\(saved)")
        }
    }
}
