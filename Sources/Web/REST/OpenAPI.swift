import FeatureModel
import NIOHTTP1

/// The description of all calls (OpenAPI 3.1), made of the operations by which requests are routed.
enum OpenAPI {
    static let document = value.bytes + [UInt8(ascii: "\n")]

    private static var value: JSONValue {
        var paths: [(name: String, value: JSONValue)] = []
        for operation in RestOperation.all + health + [metrics] {
            let method = operation.method.rawValue.lowercased()
            if let index = paths.firstIndex(where: { $0.name == operation.pattern }),
                case .object(let methods) = paths[index].value
            {
                paths[index].value = .object(methods + [(method, describe(operation))])
            } else {
                paths.append((operation.pattern, .object([(method, describe(operation))])))
            }
        }
        return [
            "openapi": "3.1.0",
            "info": [
                "title": "Headwater", "version": .text(HeadwaterVersion.current),
                "description": "A feature store: the store's calls as JSON. Errors are problems (RFC 9457).",
                "license": ["name": "Apache-2.0", "identifier": "Apache-2.0"],
            ],
            "paths": .object(paths),
            "components": ["schemas": ["Problem": RestSchemas.problem]],
        ]
    }

    private static func describe(_ operation: RestOperation) -> JSONValue {
        var members: [(name: String, value: JSONValue)] = [
            ("operationId", .text(operation.id)), ("summary", .text(operation.summary)),
        ]
        if operation.isWrite { members.append(("description", "Needs a server that was started with --http-writes.")) }
        let path = operation.pathNames.map { name -> JSONValue in
            ["name": .text(name), "in": "path", "required": true, "schema": ["type": "string", "minLength": 1]]
        }
        let others = operation.parameters.map { parameter -> JSONValue in
            [
                "name": .text(parameter.name), "in": .text(parameter.place), "description": .text(parameter.about),
                "required": .bool(parameter.name == "q"), "schema": parameter.schema,
            ]
        }
        if !path.isEmpty || !others.isEmpty { members.append(("parameters", .list(path + others))) }
        if !operation.bodies.isEmpty {
            members.append(("requestBody", ["required": true, "content": content(operation.bodies)]))
        }
        let problem: JSONValue = [
            "description": "A problem",
            "content": ["application/problem+json": ["schema": ["$ref": "#/components/schemas/Problem"]]],
        ]
        members.append(
            (
                "responses",
                ["200": ["description": "Done", "content": content(operation.answers)], "4XX": problem, "5XX": problem]
            ))
        return .object(members)
    }

    private static func content(_ types: [(type: String, schema: JSONValue)]) -> JSONValue {
        .object(types.map { ($0.type, ["schema": $0.schema]) })
    }

    /// What `Routes` answers by itself.
    private static let health: [RestOperation] = [
        ("/healthz", "health", "Whether the process answers"),
        ("/readyz", "readiness", "Whether it should get requests, and why not"),
        ("/v1/status", "status", "Where the server and its stores stand"),
        ("/v1/clients", "clients", "Who is connected"), ("/v1/slow", "slow", "The slowest requests of the last hour"),
        ("/openapi.json", "description", "This description"),
    ].map { pattern, id, summary in
        RestOperation(method: .GET, pattern: pattern, id: id, summary: summary) { _ in .projects }
    }

    /// The one of them that is not JSON.
    private static let metrics = RestOperation(
        method: .GET, pattern: "/metrics", id: "metrics", summary: "Metrics, for Prometheus",
        answers: [("text/plain", ["type": "string"]), ("application/openmetrics-text", ["type": "string"])]
    ) { _ in .projects }
}
