import Catalog
import Client
import FeatureModel
import NIOCore
import NIOHTTP1
import Server
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
        let unit = try routes.unit(try Query(request, ["time_unit"]).text("time_unit"))
        let takes = ["application/json", "application/x-ndjson"]
        guard let type = request.contentType, takes.contains(type) else { throw Refusal.unsupportedMediaType(takes: takes) }
        let client = try await routes.client(project)
        let description = try await client.group(group)
        let target = Target(client: client, group: description, operation: operation)
        let isJSON = type == "application/json"
        let given = request.headers["idempotency-key"]
        guard given.count < 2 else { throw HeadwaterError(.invalidArgument, "a request has one Idempotency-Key") }
        guard let key = given.first else {
            guard isJSON else { return try await stream(request, target, unit) }
            return try await write(try await batch(try await routes.body(request), isJSON: true, target, unit), target)
        }
        // One request is one write then, so that a retry finds all of it or nothing.
        guard !key.isEmpty, key.utf8.count <= IdempotencyKeys.keyBytesMax else {
            throw HeadwaterError(.invalidArgument, "an Idempotency-Key has 1 to \(IdempotencyKeys.keyBytesMax) bytes")
        }
        let body = try await routes.body(request)
        let name = IdempotencyKeys.Key(group: description.schema.groupID, key: Array(key.utf8))
        let hash = try await body.work { (bytes) throws(HeadwaterError) in
            var hasher = Hasher()
            hasher.combine(type)
            hasher.combine(operation == .delete)
            hasher.combine(unit)
            hasher.combine(bytes)
            return UInt64(bitPattern: Int64(hasher.finalize()))
        }
        if case .again(let first) = try routes.keys.begin(name, body: hash) {
            var response = first
            response.headers.replaceOrAdd(name: "idempotency-replayed", value: "true")
            return response
        }
        // A task of its own: a client that goes away now comes back with its key, and asks what became of the write.
        return try await Task(executorPreference: routes.threads) {
            let batch: Batch
            do { batch = try await self.batch(body, isJSON: isJSON, target, unit) } catch {
                routes.keys.fail(name)
                throw error
            }
            var wasSent = false
            do {
                let response = try await write(batch, target) { wasSent = true }
                routes.keys.end(name, body: hash, response)
                return response
            } catch {
                switch asHeadwaterError(error).code {
                case .unavailable, .deadlineExceeded, .cancelled, .internal, .unknown, .dataLoss:
                    if wasSent { routes.keys.lose(name, body: hash) } else { routes.keys.fail(name) }
                default: routes.keys.fail(name)
                }
                throw error
            }
        }.value
    }

    private struct Target: Sendable {
        let client: HeadwaterClient
        let group: GroupDescription
        let operation: Operation

        var columns: [TableColumn] {
            TableColumn.columns(of: group.schema, operation, removed: group.removedNames, oldNames: group.oldNames)
        }
    }

    // MARK: One write

    /// All rows of a body.
    private func batch(_ body: CollectedBody, isJSON: Bool, _ target: Target, _ unit: TimeUnit?) async throws -> Batch {
        try await body.work { (bytes) throws(HeadwaterError) in
            guard isJSON else { return try Self.ndjson(bytes, target, unit) }
            let object = try routes.parsed(bytes)
            try object.check(only: RestSchemas.rows.names)
            return try object.batch(
                target.columns, unit: try routes.unit(try object.text("time_unit")) ?? unit, bytesMax: Self.requestBytesMax)
        }
    }

    /// - Parameter willSend: called before it is sent.
    private func write(_ batch: Batch, _ target: Target, willSend: () -> Void = {}) async throws -> WebResponse {
        guard batch.rowCount > 0 else { throw HeadwaterError(.invalidArgument, "there are no rows to write") }
        // Sent, it would be refused as well; but then nobody could tell that it had not been taken.
        if let refusal = routes.server.writeRefusal { throw refusal }
        var totals = Totals()
        try await send(batch, target, &totals, willSend: willSend)
        return totals.response(target.group)
    }

    private func send(
        _ batch: Batch, _ target: Target, _ totals: inout Totals, willSend: () -> Void = {}
    ) async throws {
        guard batch.bytes.count + 2 * RecordBody.entryHeaderBytes <= Self.requestBytesMax else {
            throw HeadwaterError(
                .outOfRange, "rows of \(batch.bytes.count) bytes; the limit of one write is \(Self.requestBytesMax)")
        }
        let schema = target.group.schema
        let entry = RecordEntry(
            groupID: schema.groupID, schemaVersion: schema.schemaVersion, operation: target.operation, batch: batch)
        let server = routes.server
        let written = try await target.client.write([entry], willSend: willSend) { server.writeRefusal == nil }
        totals.add(written, rows: batch.rowCount)
    }

    /// A decoder of NDJSON at hand.
    private static func decoder(
        _ lines: [UInt8], _ target: Target, _ options: TableOptions
    ) throws(HeadwaterError) -> TableDecoder {
        var rest: ArraySlice<UInt8>? = lines[...]
        var options = options
        options.takesTextIntegers = true
        return try TableDecoder(.ndjson, name: "body", columns: target.columns, options: options) {
            defer { rest = nil }
            return rest
        }
    }

    private static func ndjson(_ body: [UInt8], _ target: Target, _ unit: TimeUnit?) throws(HeadwaterError) -> Batch {
        let options = TableOptions(batchRowsMax: Limits.batchRowsMax, batchBytesMax: requestBytesMax, timeUnit: unit)
        var decoder = try decoder(body, target, options)
        let rows = try decoder.next()
        guard try decoder.next() == nil else {
            throw HeadwaterError(
                .outOfRange,
                "rows of more than \(requestBytesMax) bytes, or \(Limits.batchRowsMax), are no single write: send less")
        }
        try decoder.checkTimes()
        return rows?.batch ?? Batch(rowCount: 0, columns: [])
    }

    // MARK: A stream

    /// Writes rows as they come: each batch is atomic, in the order of the rows.
    private func stream(_ request: WebRequest, _ target: Target, _ unit: TimeUnit?) async throws -> WebResponse {
        var totals = Totals()
        var pending = PendingLines(routes.bodies)
        var lines = 0
        do {
            while let bytes = try await request.body.next() {
                guard !routes.server.isStopping else {
                    throw HeadwaterError(.unavailable, "the server is stopping: go on at another one, or later")
                }
                do { try pending.append(bytes) } catch {
                    // Others hold the memory: whole lines are written now, before there are many.
                    guard pending.hasWholeLines else { throw error }
                    try await send(pending.takeWholeLines(), target, unit, &totals, &lines)
                    try pending.append(bytes)
                }
                guard pending.count >= Self.batchBytesMax else { continue }
                guard pending.hasWholeLines else {
                    if pending.count < Self.requestBytesMax { continue }
                    throw HeadwaterError(.outOfRange, "a row of more than \(Self.requestBytesMax) bytes")
                }
                try await send(pending.takeWholeLines(), target, unit, &totals, &lines)
            }
            try await send(pending.bytes, target, unit, &totals, &lines)
        } catch {
            guard totals.rows > 0, !request.body.isLost else { throw error }
            throw Refusal.partlyWritten(rows: totals.rows, position: totals.position, asHeadwaterError(error))
        }
        guard totals.rows > 0 else { throw HeadwaterError(.invalidArgument, "there are no rows to write") }
        return totals.response(target.group)
    }

    /// - Parameter lines: those before, and then those of this piece too.
    private func send(
        _ piece: [UInt8], _ target: Target, _ unit: TimeUnit?, _ totals: inout Totals, _ lines: inout Int
    ) async throws {
        var options = TableOptions(
            batchRowsMax: Self.batchRowsMax, batchBytesMax: Self.batchBytesMax, timeUnit: unit)
        (options.rowsBefore, options.linesBefore) = (totals.rows, lines)
        var decoder = try Self.decoder(piece, target, options)
        while let rows = try decoder.next() {
            try decoder.checkTimes()
            try await send(rows.batch, target, &totals)
        }
        lines += piece.count { $0 == UInt8(ascii: "\n") }
    }
}

/// Lines of a stream that wait to be written, and the unfinished one behind them.
private struct PendingLines {
    private(set) var bytes: [UInt8] = []
    /// Behind the last line end.
    private var end = 0
    private let memory: BodyMemory

    init(_ bodies: LargeBodies) { memory = BodyMemory(bodies) }

    var count: Int { bytes.count }
    var hasWholeLines: Bool { end > 0 }

    /// - Throws: `.unavailable` where other bodies hold the memory; nothing is appended then.
    mutating func append(_ more: ByteBuffer) throws(HeadwaterError) {
        try memory.take(more.readableBytes)
        if let last = more.readableBytesView.lastIndex(of: UInt8(ascii: "\n")) {
            end = bytes.count + last - more.readerIndex + 1
        }
        bytes.append(contentsOf: more.readableBytesView)
    }

    mutating func takeWholeLines() -> [UInt8] {
        let lines = Array(bytes[..<end])
        bytes.removeFirst(end)
        memory.giveBack(end)
        end = 0
        return lines
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
        return .json(report: report, headers: ["headwater-position": "\(position)"])
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
