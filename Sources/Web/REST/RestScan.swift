import Client
import FeatureModel
import NIOHTTP1
import Tables
import Wire

/// Rows of a group: all of them, or the latest of each key.
struct RestScan {
    let routes: RestRoutes

    func scan(_ request: WebRequest, _ project: String, _ group: String) async throws -> WebResponse {
        let parameters = try Query(request, ["columns", "start", "end", "as_of", "deletes", "brief", "min_position"])
        var query = RowsQuery(group: group)
        (query.start, query.end) = (try parameters.time("start"), try parameters.time("end"))
        return try await answer(request, project, query, parameters)
    }

    func latest(_ request: WebRequest, _ project: String, _ group: String) async throws -> WebResponse {
        let parameters = try Query(request, ["columns", "at", "as_of", "deletes", "brief", "min_position"])
        var query = RowsQuery(group: group)
        (query.isLatest, query.at) = (true, try parameters.time("at"))
        return try await answer(request, project, query, parameters)
    }

    private func answer(
        _ request: WebRequest, _ project: String, _ query: RowsQuery, _ parameters: Query
    ) async throws -> WebResponse {
        let format = try AnswerFormat(request)
        var query = query
        query.columns = parameters.list("columns")
        query.asOf = try parameters.position("as_of")
        (query.deletes, query.brief) = (try parameters.bool("deletes"), try parameters.bool("brief"))
        let minPosition = try parameters.position("min_position") ?? 0
        let streaming = try await routes.clients.streaming(of: project, routes.server)
        let rows = try await streaming.client.scan(query, minPosition: minPosition)
        // The first part is waited for, so that a refusal is an answer and no broken stream.
        let first = try await rows.next()
        let outputs = first?.outputs ?? []
        let writer = format.writer(names: outputs.map(\.name), types: outputs.map { .cells($0.type) })
        return format.response(writer) { write in
            var item = first
            while let part = item {
                try await write(part.rows.columns.map { OutputColumn.cells($0) })
                item = try await rows.next()
            }
            return withExtendedLifetime(streaming) { rows.summary?.position }
        }
    }
}
