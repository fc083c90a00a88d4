import Catalog
import Client
import FeatureModel
import NIOHTTP1
import Tables
import Wire

/// The latest features of keys: columns in, columns out.
struct RestGet {
    let routes: RestRoutes

    func get(_ request: WebRequest, _ project: String) async throws -> WebResponse {
        let body = try await routes.object(request)
        try body.check(only: RestSchemas.get.names)
        let eventTimes = try body.bool("event_times") ?? false
        let integersAsText = try integersAsText(body)
        var wanted = Wanted(selection: try routes.selection(body), fullNames: try body.bool("full_feature_names") ?? false)
        (wanted.at, wanted.minPosition) = (try body.time("at"), try body.position("min_position") ?? 0)
        (wanted.eventTimes, wanted.unit) = (eventTimes, try routes.unit(try body.text("time_unit")))
        let (prepared, _, got) = try await find(
            wanted, of: try body.object("entities"), try body.object("request"), try await routes.client(project))
        var json = Array("{\"position\":\(got.position),\"rows\":\(got.cells.rowCount),\"features\":{".utf8)
        json.reserveCapacity(json.count + got.cells.rowCount * got.outputs.count * 32)
        var lists = RepeatedLists(always: "null")
        let showsStatuses = try body.bool("statuses") ?? true
        for (index, output) in got.outputs.enumerated() {
            if index > 0 { json.append(UInt8(ascii: ",")) }
            JSONString.append(output.name, to: &json)
            json.append(contentsOf: ":{\"type\":\"\(output.type)\",\"values\":".utf8)
            OutputColumn.cells(got.cells.columns[index]).appendJSONList(integersAsText: integersAsText, to: &json)
            if showsStatuses {
                json.append(contentsOf: ",\"statuses\":".utf8)
                lists.append(got.cells.statuses[index], to: &json)
            }
            if eventTimes {
                json.append(contentsOf: ",\"event_times\":".utf8)
                lists.append(got.cells.eventTimes[index], to: &json)
            }
            json.append(UInt8(ascii: "}"))
        }
        json.append(contentsOf: "}".utf8)
        if !prepared.warnings.isEmpty {
            json.append(contentsOf: ",\"warnings\":".utf8)
            JSONValue.texts(prepared.warnings).append(to: &json)
        }
        json.append(contentsOf: "}\n".utf8)
        return .json(json, headers: ["headwater-position": "\(got.position)"])
    }

    /// What a get asks for, beside keys.
    struct Wanted {
        let selection: FeatureSelection
        let fullNames: Bool
        var at: Microseconds?
        var minPosition: Position = 0
        var eventTimes = false
        var unit: TimeUnit?
        /// Whether columns of the request may stand among the keys.
        var isMixed = false
    }

    /// Reads the keys by what the features take, and the columns of a service's request, and finds the features.
    ///
    /// - Parameters:
    ///   - entities: `nil` only where the features have no keys.
    ///   - request: `nil` only where the features ask for nothing beside keys.
    func find(
        _ wanted: Wanted, of entities: JSONObject?, _ request: JSONObject?, _ client: HeadwaterClient
    ) async throws -> (prepared: PreparedFeatures, keys: Batch, got: GetResult) {
        let prepared = try await routes.clients.prepared(wanted.selection, fullNames: wanted.fullNames, client)
        do {
            // Feast's callers send all columns together.
            let isMixed = wanted.isMixed && request == nil
            let keys = try Self.keys(entities, prepared.keys, besides: isMixed ? prepared.request : [], unit: wanted.unit)
            let others = try Self.others(
                isMixed ? entities : request, prepared.request, besides: isMixed ? prepared.keys : [], unit: wanted.unit)
            let got = try await client.get(
                prepared, keys: keys, request: others, at: wanted.at, minPosition: wanted.minPosition,
                eventTimes: wanted.eventTimes)
            return (prepared, keys, got)
        } catch {
            // What the list takes may have changed: what is remembered of it is not worth keeping.
            routes.clients.forget(wanted.selection, fullNames: wanted.fullNames, client)
            throw error
        }
    }

    private func integersAsText(_ body: JSONObject) throws(HeadwaterError) -> Bool {
        switch try body.text("int64") {
        case nil, "number": return false
        case "string": return true
        case let other?: throw HeadwaterError(.invalidArgument, "'\(other)' is neither number nor string", at: "int64")
        }
    }

    /// The key columns of a get: lists of one length.
    private static func keys(
        _ entities: JSONObject?, _ fields: [Field], besides others: [Field], unit: TimeUnit?
    ) throws(HeadwaterError) -> Batch {
        guard let entities else {
            if fields.isEmpty { return Batch(rowCount: 1, columns: []) }
            throw HeadwaterError(
                .invalidArgument,
                "give 'entities' with a list for each of \(fields.map { "\($0.name) (\($0.type))" }.joined(separator: ", "))")
        }
        return try batch(entities, fields, besides: others, "key", at: "entities", unit: unit)
    }

    /// The columns of a request beside its keys: lists of one length.
    private static func others(
        _ request: JSONObject?, _ fields: [Field], besides others: [Field], unit: TimeUnit?
    ) throws(HeadwaterError) -> Batch? {
        if fields.isEmpty, request == nil || !others.isEmpty { return nil }
        guard let request else {
            throw HeadwaterError(
                .invalidArgument,
                "give 'request' with a list for each of \(fields.map { "\($0.name) (\($0.type))" }.joined(separator: ", "))")
        }
        return try batch(request, fields, besides: others, "column", at: others.isEmpty ? "request" : "entities", unit: unit)
    }

    private static func batch(
        _ object: JSONObject, _ fields: [Field], besides others: [Field], _ what: String, at place: String, unit: TimeUnit?
    ) throws(HeadwaterError) -> Batch {
        try object.check(only: (fields + others).map(\.name))
        var columns: [(Int, Column)] = []
        for (index, field) in fields.enumerated() {
            guard let column = try object.column(field.name, field.type, unit: unit) else {
                throw HeadwaterError(.invalidArgument, "the \(what) '\(field.name)' (\(field.type)) is missing", at: place)
            }
            columns.append((index, column))
            guard column.count == columns[0].1.count else {
                throw HeadwaterError(
                    .invalidArgument,
                    "'\(field.name)' has \(column.count) \(what)s, '\(fields[0].name)' has \(columns[0].1.count)", at: place)
            }
        }
        return Batch(rowCount: columns.first?.1.count ?? 1, columns: columns)
    }
}
