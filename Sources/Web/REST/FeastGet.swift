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
        try body.check(only: RestSchemas.names(RestSchemas.feast))
        let project = try body.text("project")
        let client =
            if let project { try await routes.client(project) } else { try await routes.clients.client(routes.server) }
        let selection: FeatureSelection
        switch (try body.text("feature_service"), try body.texts("features")) {
        case (let service?, nil): selection = .service(service)
        case (nil, let features?) where !features.isEmpty: selection = .features(features)
        default: throw HeadwaterError(.invalidArgument, "name either a 'feature_service' or 'features'")
        }
        let fullNames = try body.bool("full_feature_names") ?? false
        let prepared = try await routes.clients.prepared(selection, fullNames: fullNames, client)
        let keys: Batch
        do { keys = try RestGet.keys(try body.object("entities"), prepared.keys, unit: nil) } catch {
            routes.clients.forget(selection, fullNames: fullNames, client)
            throw error
        }
        let got = try await client.get(prepared, keys: keys, eventTimes: true)
        // Feast gives the keys first, each present since 1970.
        var json = Array("{\"metadata\":{\"feature_names\":[".utf8)
        for (index, name) in (prepared.keys.map(\.name) + got.outputs.map(\.name)).enumerated() {
            if index > 0 { json.append(UInt8(ascii: ",")) }
            JSONString.append(name, to: &json)
        }
        json.append(contentsOf: "]},\"results\":[".utf8)
        for index in prepared.keys.indices {
            append(keys.columns[index], statuses: nil, times: nil, isFirst: index == 0, to: &json)
        }
        for index in got.outputs.indices {
            append(
                got.cells.columns[index], statuses: got.cells.statuses[index], times: got.cells.eventTimes[index],
                isFirst: index == 0 && prepared.keys.isEmpty, to: &json)
        }
        json.append(contentsOf: "]}\n".utf8)
        return .json(json, headers: ["headwater-position": "\(got.position)"])
    }

    private func append(
        _ column: Column, statuses: StatusColumn?, times: [Microseconds]?, isFirst: Bool, to json: inout [UInt8]
    ) {
        json.append(contentsOf: (isFirst ? "{\"values\":" : ",{\"values\":").utf8)
        OutputColumn.cells(column).appendJSONList(to: &json)
        json.append(contentsOf: ",\"statuses\":".utf8)
        OutputColumn.statuses(statuses ?? StatusColumn(.present, count: column.count)).appendJSONList(to: &json)
        json.append(contentsOf: ",\"event_timestamps\":[".utf8)
        for row in 0..<column.count {
            if row > 0 { json.append(UInt8(ascii: ",")) }
            let time = times.map { $0[row] == EventTime.always ? 0 : $0[row] } ?? 0
            json.append(contentsOf: "\"\(TimeText.format(time))\"".utf8)
        }
        json.append(contentsOf: "]}".utf8)
    }
}
