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
        try body.check(only: RestSchemas.names(RestSchemas.history))
        let format = try AnswerFormat(request)
        let streaming = try await routes.clients.streaming(of: project, routes.server)
        let client = streaming.client
        let selection = try routes.selection(body)
        let asOf = try body.position("as_of")
        let time = try body.text("spine_time") ?? "event_time"
        let keys = try await client.requestKeys(of: selection, asOf: asOf)
        guard let spine = try body.object("spine") else {
            throw HeadwaterError(
                .invalidArgument,
                "give 'spine', the keys \((keys.map(\.name) + [time]).joined(separator: ", ")) as 'rows' or 'columns'")
        }
        let fields = keys + [Field(time, .timestamp)]
        // A null key is one that nothing is found for; a spine row without a time has no meaning.
        let wanted = fields.enumerated().map { TableColumn($1.name, $1.type, ordinal: $0, isRequired: $0 == keys.count) }
        let given = try spine.batch(wanted, unit: try routes.unit(body))
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
        var names = fields.map(\.name)
        var types = fields.map { OutputType.cells($0.type) }
        for output in outputs {
            guard !names.contains(where: { $0.utf8.elementsEqual(output.name.utf8) }) else {
                throw HeadwaterError(
                    .invalidArgument, "'\(output.name)' is a column of the spine and a feature: ask with full_feature_names")
            }
            names.append(output.name)
            types.append(.cells(output.type))
            if showsStatuses {
                names.append("\(output.name)__status")
                types.append(.statuses)
            }
        }
        let writer = format.writer(names: names, types: types)
        return format.response(writer) { write in
            var item = first
            var at = 0
            while let part = item {
                let range = at..<(at + part.rows.rowCount)
                var columns = spine.columns.map { OutputColumn.cells($0.gather(range)) }
                for index in part.outputs.indices {
                    columns.append(.cells(part.rows.columns[index]))
                    if showsStatuses { columns.append(.statuses(part.rows.statuses[index])) }
                }
                try await write(columns)
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
