import Catalog
import Client
import FeatureModel
import NIOCore
import NIOHTTP1
import Tables
import Wire

/// Writes and deletes: a JSON body is one atomic write, NDJSON is written in batches as it comes.
struct RestWrite {
    /// The bytes of one request: the frame limit that servers announce, less room for its head.
    private static let requestBytesMax = (64 << 20) - (1 << 20)
    /// NDJSON is written in batches of so many rows, or bytes.
    private static let batchRowsMax = 16_384
    private static let batchBytesMax = 8 << 20

    let routes: RestRoutes

    func write(
        _ request: WebRequest, _ project: String, _ group: String, _ operation: Operation
    ) async throws -> WebResponse {
        try routes.checkWrites()
        let query = try Query(request, ["time_unit"])
        var unit: TimeUnit?
        if let text = query.text("time_unit") {
            guard let known = TimeUnit(rawValue: text) else {
                throw HeadwaterError(.invalidArgument, "'\(text)' is no unit of time: s, ms, us or ns", at: "time_unit")
            }
            unit = known
        }
        let takes = ["application/json", "application/x-ndjson"]
        guard let type = request.contentType, takes.contains(type) else { throw UnsupportedMediaType(takes: takes) }
        let client = try await routes.client(project)
        let description = try await client.group(group)
        let target = Target(client: client, group: description, operation: operation)
        guard let key = request.headers.first(name: "idempotency-key") else {
            if type == "application/json" { return try await json(try await routes.body(request), target, unit) }
            return try await stream(request, target, unit)
        }
        // One request is one write then, so that a retry finds all of it or nothing.
        guard !key.isEmpty, key.utf8.count <= IdempotencyKeys.keyBytesMax else {
            throw HeadwaterError(.invalidArgument, "an Idempotency-Key has 1 to \(IdempotencyKeys.keyBytesMax) bytes")
        }
        let body = try await routes.body(request)
        let name = IdempotencyKeys.Key(project: project, group: group, key: key)
        var hasher = Hasher()
        hasher.combine(type)
        hasher.combine(operation == .delete)
        hasher.combine(body)
        let hash = UInt64(bitPattern: Int64(hasher.finalize()))
        if case .again(let first) = try routes.keys.begin(name, body: hash) {
            var response = first
            response.headers.replaceOrAdd(name: "idempotency-replayed", value: "true")
            return response
        }
        do {
            let response =
                type == "application/json"
                ? try await json(body, target, unit) : try await write(try Self.ndjson(body, target, unit), target)
            routes.keys.end(name, body: hash, response)
            return response
        } catch {
            let known = asProblem(error)
            // Where the write may have been taken the key stays taken: a retry must not write again.
            if known.code != .unavailable && known.code != .deadlineExceeded && known.code != .cancelled {
                routes.keys.fail(name)
            }
            throw error
        }
    }

    private struct Target {
        let client: HeadwaterClient
        let group: GroupDescription
        let operation: Operation

        var columns: [TableColumn] {
            operation == .write ? TableColumn.columns(of: group.schema) : TableColumn.deleteColumns(of: group.schema)
        }
    }

    // MARK: One write

    private func json(_ body: [UInt8], _ target: Target, _ unit: TimeUnit?) async throws -> WebResponse {
        let object = try JSONObject(body[...])
        try object.check(only: RestSchemas.names(RestSchemas.rows))
        return try await write(try object.batch(target.columns, unit: try routes.unit(object) ?? unit), target)
    }

    private func write(_ batch: Batch, _ target: Target) async throws -> WebResponse {
        guard batch.rowCount > 0 else { throw HeadwaterError(.invalidArgument, "there are no rows to write") }
        var totals = Totals()
        try await send(batch, target, &totals)
        return totals.response(target.group)
    }

    private func send(_ batch: Batch, _ target: Target, _ totals: inout Totals) async throws {
        guard batch.bytes.count + 2 * RecordBody.entryHeaderBytes <= Self.requestBytesMax else {
            throw HeadwaterError(
                .resourceExhausted, "rows of \(batch.bytes.count) bytes; the limit of one write is \(Self.requestBytesMax)")
        }
        let schema = target.group.schema
        let entry = RecordEntry(
            groupID: schema.groupID, schemaVersion: schema.schemaVersion, operation: target.operation, batch: batch)
        totals.add(try await target.client.write([entry]), rows: batch.rowCount)
    }

    /// All rows of a body as one batch.
    private static func ndjson(_ body: [UInt8], _ target: Target, _ unit: TimeUnit?) throws(HeadwaterError) -> Batch {
        var rest: ArraySlice<UInt8>? = body[...]
        let options = TableOptions(batchRowsMax: Limits.batchRowsMax, batchBytesMax: Limits.batchBytesMax / 2, timeUnit: unit)
        var decoder = try TableDecoder(.ndjson, name: "body", columns: target.columns, options: options) {
            defer { rest = nil }
            return rest
        }
        let rows = try decoder.next()
        try decoder.checkTimes()
        return rows?.batch ?? Batch(rowCount: 0, columns: [])
    }

    // MARK: A stream

    /// Writes rows as they come: each batch is atomic, in the order of the rows.
    private func stream(_ request: WebRequest, _ target: Target, _ unit: TimeUnit?) async throws -> WebResponse {
        var totals = Totals()
        var pending: [UInt8] = []
        do {
            while true {
                let bytes = try await request.body.next()
                if let bytes { pending.append(contentsOf: bytes.readableBytesView) }
                let isEnd = bytes == nil
                guard isEnd || pending.count >= Self.batchBytesMax else { continue }
                // Up to the last whole line.
                let end = isEnd ? pending.count : (pending.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0)
                guard end > 0 || isEnd || pending.count < Self.requestBytesMax else {
                    throw HeadwaterError(.resourceExhausted, "a row of more than \(Self.requestBytesMax) bytes")
                }
                try await send(Array(pending[..<end]), target, unit, &totals)
                pending.removeFirst(end)
                if isEnd { break }
            }
        } catch {
            guard totals.rows > 0 else { throw error }
            throw PartlyWritten(rows: totals.rows, position: totals.position, reason: asProblem(error))
        }
        guard totals.rows > 0 else { throw HeadwaterError(.invalidArgument, "there are no rows to write") }
        return totals.response(target.group)
    }

    private func send(_ lines: [UInt8], _ target: Target, _ unit: TimeUnit?, _ totals: inout Totals) async throws {
        var rest: ArraySlice<UInt8>? = lines[...]
        let options = TableOptions(
            batchRowsMax: Self.batchRowsMax, batchBytesMax: Self.batchBytesMax, timeUnit: unit)
        var decoder = try TableDecoder(.ndjson, name: "body", columns: target.columns, options: options) {
            defer { rest = nil }
            return rest
        }
        while let rows = try decoder.next() {
            try decoder.checkTimes()
            try await send(rows.batch, target, &totals)
        }
    }
}

/// What the writes of one request came to.
private struct Totals {
    private(set) var rows = 0
    private(set) var position: Position = 0
    private var writes = 0
    private var newerRows = 0
    private var belowCutoff = 0
    private var behindTombstone = 0

    mutating func add(_ written: WriteResult, rows: Int) {
        self.rows += rows
        writes += 1
        position = written.position
        newerRows += written.newerRowCount
        belowCutoff += written.rowsBelowCutoff
        behindTombstone += written.rowsBehindTombstone
    }

    func response(_ group: GroupDescription) -> WebResponse {
        let report = Report(
            group: group.definition.reference, rows: rows, writes: writes, position: position, keysWithNewerRows: newerRows,
            rowsBelowCutoff: belowCutoff, rowsBehindTombstone: behindTombstone)
        return .json(JSONText.encode(report: report), headers: ["headwater-position": "\(position)"])
    }

    private struct Report: Encodable {
        var group: String
        var rows: Int
        var writes: Int
        var position: UInt64
        var keysWithNewerRows: Int
        var rowsBelowCutoff: Int
        var rowsBehindTombstone: Int
    }
}

/// A stream of rows broke off after some had been written.
struct PartlyWritten: AnsweredError {
    let rows: Int
    let position: Position
    let reason: HeadwaterError

    var response: WebResponse {
        var error = reason
        error = HeadwaterError(
            error.code, "rows 1 to \(rows) were written, up to position \(position); behind them: \(error.message)",
            at: error.location)
        var response = Problem(error).response
        response.headers.add(name: "headwater-rows-written", value: "\(rows)")
        return response
    }
}
