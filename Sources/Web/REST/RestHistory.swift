import Catalog
import Client
import FeatureModel
import NIOHTTP1
import Tables
import Wire

/// Point-in-time joins: a spine in, the spine and its features out, row for row.
struct RestHistory {
    /// Rows of the spine that are sent at once.
    private static let spineRowsMax = 65_536

    let routes: RestRoutes

    func history(_ request: WebRequest, _ project: String) async throws -> WebResponse {
        let body = try await routes.object(request)
        try body.check(only: RestSchemas.history.names)
        let format = try AnswerFormat(request)
        let streaming = try await routes.clients.streaming(of: project, routes.server)
        let client = streaming.client
        let selection = try routes.selection(body)
        let asOf = try body.position("as_of")
        let time = try body.text("spine_time") ?? "event_time"
        let (keyFields, request) = try await client.requestColumns(of: selection, asOf: asOf)
        let keys = keyFields + request
        guard let spine = try body.object("spine") else {
            throw HeadwaterError(
                .invalidArgument,
                "give 'spine', the keys \((keys.map(\.name) + [time]).joined(separator: ", ")) as 'rows' or 'columns'")
        }
        let fields = keys + [Field(time, .timestamp)]
        // A null key is one that nothing is found for; a spine row without a time has no meaning.
        let wanted = fields.enumerated().map { TableColumn($1.name, $1.type, ordinal: $0, isRequired: $0 == keys.count) }
        let given = try spine.batch(wanted, unit: try routes.unit(try body.text("time_unit")))
        let batch = try Self.whole(given, fields)
        var query = HistoryQuery(selection, spineColumns: fields, spineTime: time)
        query.fullFeatureNames = try body.bool("full_feature_names") ?? false
        query.asOf = asOf
        query.minPosition = try body.position("min_position") ?? 0
        switch try body.text("availability") {
        case nil, "event": break
        case "ingest": query.availabilityIngest = true
        case let other?: throw HeadwaterError(.invalidArgument, "'\(other)' is neither event nor ingest", at: "availability")
        }
        let source = SpineParts(batch, rowsMax: Self.spineRowsMax)
        let rows = try await client.history(query) { () async throws(HeadwaterError) in await source.next() }
        return try await answer(
            rows, of: streaming, batch, fields, format, showsStatuses: try body.bool("statuses") ?? false)
    }

    private func answer(
        _ rows: RowStream<Cells>, of streaming: StreamClient, _ spine: Batch, _ fields: [Field], _ format: AnswerFormat,
        showsStatuses: Bool
    ) async throws -> WebResponse {
        // The first part is waited for, so that a refusal is an answer and no broken stream.
        let first = try await rows.next()
        let outputs = first?.outputs ?? []
        let joined = try JoinedColumns(outputs, statuses: showsStatuses, option: "statuses")
        let clash = joined.names.first { name in fields.contains { $0.name.utf8.elementsEqual(name.utf8) } }
        if let clash {
            throw HeadwaterError(
                .invalidArgument, "'\(clash)' is a column of the spine and a feature: ask with full_feature_names")
        }
        let writer = format.writer(
            names: fields.map(\.name) + joined.names, types: fields.map { .cells($0.type) } + joined.types)
        return format.response(writer) { write in
            var item = first
            var at = 0
            while let part = item {
                let range = at..<(at + part.rows.rowCount)
                let spineCells = spine.columns.map { OutputColumn.cells($0.gather(range)) }
                try await write(spineCells + joined.columns(of: part.rows.columns, part.rows.statuses))
                at = range.upperBound
                item = try await rows.next()
            }
            return withExtendedLifetime(streaming) { rows.summary?.position }
        }
    }

    /// The spine with all its columns, null where the request left one out.
    private static func whole(_ batch: Batch, _ fields: [Field]) throws(HeadwaterError) -> Batch {
        var columns: [(Int, Column)] = []
        for (ordinal, field) in fields.enumerated() {
            guard let column = batch.column(ordinal: ordinal) else {
                throw HeadwaterError(
                    .invalidArgument, "the column '\(field.name)' (\(field.type)) is missing", at: "spine")
            }
            columns.append((ordinal, column))
        }
        return Batch(rowCount: batch.rowCount, columns: columns)
    }
}

/// Gives a spine in parts, as the server takes them.
private actor SpineParts {
    private let batch: Batch
    private let rowsMax: Int
    private var at = 0

    init(_ batch: Batch, rowsMax: Int) { (self.batch, self.rowsMax) = (batch, rowsMax) }

    func next() -> Batch? {
        guard at < batch.rowCount else { return nil }
        let range = at..<min(batch.rowCount, at + rowsMax)
        at = range.upperBound
        return Batch(
            rowCount: range.count, columns: batch.columns.enumerated().map { ($0.offset, $0.element.gather(range)) })
    }
}
