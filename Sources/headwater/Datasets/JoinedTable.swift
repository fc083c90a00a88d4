import Catalog
import Client
import FeatureModel
import Foundation
import Tables

/// A training set being written: the rows of a spine, as they stand, each with its features behind it; in one file or, split, in several.
struct JoinedTable {
    /// What was written.
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
    private let destinations: [OutputTable]
    private let paths: [String]
    private let split: RowSplit?
    private let statuses: Bool

    /// Makes the files, so that what keeps them from being written is known before the work.
    init(_ table: InputTable, out: String, split: RowSplit?, statuses: Bool) throws(HeadwaterError) {
        self.table = table
        self.split = split
        self.statuses = statuses
        paths = split?.shares.map { Self.path(of: $0.name, out) } ?? [out]
        destinations = try paths.map { (path) throws(HeadwaterError) in
            let destination = try OutputTable(path: path, format: path == "-" ? table.format : nil)
            guard destination.format == table.format else {
                throw HeadwaterError(
                    .invalidArgument,
                    "the spine is \(table.format), and its rows are kept as they stand: name a file of the same format",
                    at: path)
            }
            return destination
        }
    }

    var isStandardOutput: Bool { destinations[0].isStandardOutput }

    /// `training.csv`, part `train`: `training.train.csv`.
    private static func path(of part: String, _ path: String) -> String {
        let url = URL(fileURLWithPath: path)
        return String(path.dropLast(url.pathExtension.count)) + "\(part).\(url.pathExtension)"
    }

    /// Writes each answer behind the spine rows it belongs to: those are read a second time, as they stand.
    ///
    /// - Parameter hashing: whether the features are hashed too, for a dataset.
    func write(_ answers: any JoinedRows, hashing: Bool) async throws -> Result {
        let taken = ByteCount()
        var raw = try RawTable(table, taken: taken)
        var writer: TableWriter?
        var hash: TableHash?
        var progress = Progress("joining \(table.name)")
        defer { progress.finish() }
        var rowCount = 0
        while let part = try await answers.next() {
            try Interrupts.check()
            let rows = try raw.next(count: part.rowCount)
            if writer == nil {
                let made = try tableWriter(raw, part.names)
                for destination in destinations { try destination.write { made.appendHeader(to: &$0) } }
                writer = made
                if hashing { hash = TableHash(part.fields) }
            }
            hash?.append(part.columns, statuses: part.statuses)
            var columns: [OutputColumn] = []
            for output in part.columns.indices {
                columns.append(.cells(part.columns[output]))
                if statuses { columns.append(.statuses(part.statuses[output])) }
            }
            if let split {
                for (destination, chosen) in zip(destinations, split.take(part.rowCount)) {
                    try destination.write { writer!.append(columns, behind: rows, only: chosen, to: &$0) }
                }
            } else {
                try destinations[0].write { writer!.append(columns, behind: rows, to: &$0) }
            }
            rowCount += part.rowCount
            progress.update(rows: rowCount, fraction: table.byteCount == 0 ? nil : Double(taken.value) / Double(table.byteCount))
        }
        guard try raw.isAtEnd() else {
            throw HeadwaterError(.aborted, "the file changed while it was read: the answer has \(rowCount) rows", at: table.name)
        }
        for destination in destinations { try destination.finish() }
        let parts = split?.record.parts.enumerated().map { index, part in
            TableSummary.Part(name: part.name, out: paths[index], rows: part.rows, bytes: destinations[index].byteCount)
        }
        return Result(
            rows: rowCount, position: answers.position, bytes: destinations.reduce(0) { $0 + $1.byteCount },
            elapsed: progress.elapsed, features: hash?.finish(), parts: parts)
    }

    private func tableWriter(_ raw: RawTable, _ outputs: [String]) throws(HeadwaterError) -> TableWriter {
        let names = outputs.flatMap { statuses ? [$0, "\($0)__status"] : [$0] }
        for name in names where raw.header.contains(where: { $0.utf8.elementsEqual(name.utf8) }) {
            throw HeadwaterError(
                .invalidArgument, "a feature is called '\(name)', as a column of the spine is: use --full-feature-names",
                at: table.name)
        }
        return TableWriter(table.format, names: names, rawHeader: raw.headerRecord)
    }
}

/// What a command that writes a table says at its end.
struct TableSummary: Encodable {
    /// One file of a split.
    struct Part: Encodable {
        let name: String
        let out: String
        let rows: Int
        let bytes: Int
    }

    let out: String
    let rows: Int
    let position: UInt64
    let bytes: Int
    let seconds: Double
    let parts: [Part]?
    /// The name that the table was saved under as a training set.
    let dataset: String?

    init(
        out: String, rows: Int, position: Position, bytes: Int, elapsed: Duration, parts: [Part]? = nil, dataset: String? = nil
    ) {
        self.out = out
        self.rows = rows
        self.position = position
        self.bytes = bytes
        seconds = elapsed / .seconds(1)
        self.parts = parts
        self.dataset = dataset
    }

    /// - Parameter isBesideResults: standard output has the table, so that nothing else may stand there.
    func print(json: Bool, isBesideResults: Bool) throws {
        let time = "position \(position), \(Spelling.fixed(seconds, 2)) s"
        let saved = dataset.map { "; saved as dataset \($0)" } ?? ""
        guard !isBesideResults else {
            if Console.errorIsTerminal { Console.remark("\(Spelling.count(rows, "row")): \(time)\(saved)") }
            return
        }
        if json { return try Console.printJSON(self) }
        if let parts {
            for part in parts {
                try Console.print("wrote \(Spelling.count(part.rows, "row")), \(Spelling.bytes(part.bytes)), to \(part.out)")
            }
            try Console.print("\(Spelling.count(rows, "row")) together: \(time)\(saved)")
        } else {
            try Console.print("wrote \(Spelling.count(rows, "row")), \(Spelling.bytes(bytes)), to \(out): \(time)\(saved)")
        }
    }
}
