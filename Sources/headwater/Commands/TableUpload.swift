import Catalog
import Client
import FeatureModel
import Tables
import Transport
import Wire

/// Writes a table into a group: checks all of it, then sends it in batches within one producer session.
struct TableUpload {
    private static let batchRowsMax = 16_384
    private static let batchBytesMax = 8 << 20
    /// The bytes of one request: the frame limit that servers announce, less room for its head.
    private static let requestBytesMax = (64 << 20) - (1 << 20)

    let client: HeadwaterClient
    let group: GroupDescription
    private let table: InputTable
    private let columns: [TableColumn]
    let input: InputOptions
    let operation: Operation
    private let schema: GroupSchema

    /// - Parameter path: the table's file, or `-` for standard input.
    /// - Throws: as `InputTable`.
    init(
        client: HeadwaterClient, group: GroupDescription, path: String, input: InputOptions, operation: Operation
    ) throws(HeadwaterError) {
        self.client = client
        self.group = group
        self.input = input
        self.operation = operation
        schema = group.schema
        columns = TableColumn.columns(
            of: group.schema, operation, removed: group.removedNames, oldNames: group.oldNames)
        table = try input.open(path, WantedColumns(columns))
    }

    /// - Throws: `.invalidArgument` with rows and reasons: nothing was written; what a batch was refused with, and how many rows
    ///   had been written before it.
    mutating func run() async throws -> UploadResult {
        let clock = ContinuousClock()
        let started = clock.now
        let rowCount = try check()
        var result =
            rowCount == 0
            ? UploadResult(standingAt: try await client.status().value.online?.lastPosition ?? 0) : try await send(rowCount)
        result.elapsed = clock.now - started
        return result
    }

    private func decoder(taken: ByteCount) throws(HeadwaterError) -> TableDecoder {
        try TableDecoder(
            table.format, name: table.name, columns: columns,
            options: input.options(of: table, rowsMax: Self.batchRowsMax, bytesMax: Self.batchBytesMax),
            source: table.source { taken.set($0) })
    }

    /// Reads the whole table and checks what the server will check.
    ///
    /// - Returns: the number of rows.
    private func check() throws -> Int {
        let taken = ByteCount()
        var progress = Progress("checking \(table.name)")
        defer { progress.finish() }
        let check = try RowCheck(group)
        let now = SystemClock().now() + client.serverClockAhead
        var rowCount = 0
        do {
            var decoder = try decoder(taken: taken)
            while let rows = try decoder.next() {
                try Interrupts.check()
                do {
                    try check.check(rows.batch, firstRow: rows.firstRow, operation: operation, now: now, file: table.name)
                } catch {
                    // The check says of times in another unit that they lie
                    // in the future; the unit that they most likely have says more.
                    try decoder.refuseDoubtfulTimes()
                    throw error
                }
                guard rows.batch.bytes.count + 2 * RecordBody.entryHeaderBytes <= Self.requestBytesMax else {
                    throw HeadwaterError(
                        .invalidArgument,
                        "\(rows.batch.bytes.count) bytes in one row; the limit of a write is \(Self.requestBytesMax)",
                        at: "\(table.name): row \(rows.firstRow)")
                }
                rowCount += rows.batch.rowCount
                progress.update(rows: rowCount, fraction: fraction(taken))
            }
            try decoder.checkTimes()
        } catch let error as HeadwaterError where error.code == .cancelled {
            progress.finish()
            Console.errorLines("nothing was written")
            throw error
        } catch let error as HeadwaterError where error.code == .invalidArgument {
            let place = error.location.map { "\($0): " } ?? ""
            throw HeadwaterError(.invalidArgument, "\(place)\(error.message)\nnothing was written")
        }
        return rowCount
    }

    private func send(_ rowCount: Int) async throws -> UploadResult {
        let taken = ByteCount()
        var progress = Progress("writing \(table.name)")
        defer { progress.finish() }
        var result = UploadResult()
        var decoder = try decoder(taken: taken)
        do {
            while let rows = try decoder.next() {
                try Interrupts.check()
                let entry = RecordEntry(
                    groupID: schema.groupID, schemaVersion: schema.schemaVersion, operation: operation, batch: rows.batch)
                let written = try await client.write([entry])
                result.add(
                    written, rows: rows.batch.rowCount,
                    keys: written.rowsWithNewerRows.isEmpty ? nil : RowKeys(rows.batch, schema.keys))
                progress.update(rows: result.rows, fraction: rowCount == 0 ? nil : Double(result.rows) / Double(rowCount))
            }
        } catch {
            progress.finish()
            guard result.rows > 0 else { throw error }
            Console.errorLines(
                "rows 1 to \(result.rows) of \(rowCount) were written, up to position \(result.position); "
                    + "writing them again adds the same rows a second time")
            throw error
        }
        guard result.rows == rowCount else {
            throw HeadwaterError(
                .aborted, "the file changed while it was read: \(rowCount) rows were checked, \(result.rows) written",
                at: table.name)
        }
        return result
    }

    private func fraction(_ taken: ByteCount) -> Double? {
        table.byteCount == 0 ? nil : Double(taken.value) / Double(table.byteCount)
    }
}

/// The server's own checks, on this side: over a catalog that knows one group.
struct RowCheck {
    private let catalog: Catalog
    private let groupID: GroupID

    init(_ group: GroupDescription) throws(HeadwaterError) {
        groupID = group.id
        catalog = try Catalog(checking: group)
    }

    /// - Throws: `.invalidArgument` with row numbers of the file and reasons.
    ///
    /// - Parameter firstRow: the number of the batch's first row in the file.
    func check(
        _ batch: Batch, firstRow: Int, operation: Operation, now: Microseconds, file: String
    ) throws(HeadwaterError) {
        // The catalog made for the check numbers its only schema 1.
        let entry = RecordEntry(groupID: groupID, schemaVersion: 1, operation: operation, batch: batch)
        do { _ = try catalog.checkWrite([entry], now: now, rowsBefore: firstRow) } catch {
            let lines = error.message.split(separator: "\n").map(String.init)
            // The first line counts; ours says itself that nothing was written.
            let list = lines.count > 1 ? Array(lines.dropFirst()) : [error.message]
            throw HeadwaterError(error.code, list.map { "\(file): \($0)" }.joined(separator: "\n"))
        }
    }
}
