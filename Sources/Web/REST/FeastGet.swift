import Catalog
import Client
import FeatureModel
import NIOHTTP1
import Tables
import Wire

/// Feast's `/get-online-features`: the same request and the same shape of an answer, so that its callers need not change.
struct FeastGet {
    let routes: RestRoutes

    func get(_ request: WebRequest) async throws -> WebResponse {
        let body = try await routes.object(request)
        try body.check(only: RestSchemas.feast.names)
        let project = try body.text("project")
        let client =
            if let project { try await routes.client(project) } else { try await routes.clients.client(routes.server) }
        var wanted = RestGet.Wanted(
            selection: try routes.selection(body, service: "feature_service"),
            fullNames: try body.bool("full_feature_names") ?? false)
        wanted.eventTimes = true
        wanted.isMixed = true
        let (prepared, keys, got) = try await RestGet(routes: routes).find(
            wanted, of: try body.object("entities"), try body.object("request"), client)
        // Feast gives the keys first, each present since 1970.
        var json = Array("{\"metadata\":{\"feature_names\":".utf8)
        json.reserveCapacity(json.count + got.cells.rowCount * got.outputs.count * 64)
        JSONValue.texts(prepared.keys.map(\.name) + got.outputs.map(\.name)).append(to: &json)
        json.append(contentsOf: "},\"results\":[".utf8)
        var lists = RepeatedLists(always: "\"\(TimeText.format(0))\"")
        let present = StatusColumn(.present, count: keys.rowCount)
        let sinceEver = [Microseconds](repeating: EventTime.always, count: keys.rowCount)
        for column in keys.columns { append(column, present, sinceEver, &lists, to: &json) }
        for index in got.outputs.indices {
            append(got.cells.columns[index], got.cells.statuses[index], got.cells.eventTimes[index], &lists, to: &json)
        }
        // Behind the last of them.
        if json.last == UInt8(ascii: ",") { json.removeLast() }
        json.append(contentsOf: "]}\n".utf8)
        return .json(json, headers: ["headwater-position": "\(got.position)"])
    }

    /// Appends one column and a comma.
    private func append(
        _ column: Column, _ statuses: StatusColumn, _ times: [Microseconds], _ lists: inout RepeatedLists, to json: inout [UInt8]
    ) {
        json.append(contentsOf: "{\"values\":".utf8)
        OutputColumn.cells(column).appendJSONList(to: &json)
        json.append(contentsOf: ",\"statuses\":".utf8)
        lists.append(statuses, to: &json)
        json.append(contentsOf: ",\"event_timestamps\":".utf8)
        lists.append(times, to: &json)
        json.append(contentsOf: "},".utf8)
    }
}
