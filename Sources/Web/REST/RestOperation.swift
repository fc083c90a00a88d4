import NIOHTTP1

/// One call by HTTP: its path and method, what it takes and gives. Requests are routed by these, and `/openapi.json` is made of
/// them.
struct RestOperation: Sendable {
    /// A parameter of the query, or a header.
    struct Parameter: Sendable {
        var name: String
        var place = "query"
        var about: String
        var schema: JSONValue
    }

    let method: HTTPMethod
    /// `/v1/projects/{project}/groups/{group}/scan`; a part in braces stands for any text.
    let pattern: String
    /// Its name, for those who make clients of the description.
    let id: String
    let summary: String
    var parameters: [Parameter] = []
    /// Media types of the body, with their schemas; none where there is no body.
    var bodies: [(type: String, schema: JSONValue)] = []
    /// Media types of the answer, with their schemas.
    var answers: [(type: String, schema: JSONValue)] = [("application/json", ["type": "object"])]
    /// Whether `--http-writes` must be given.
    var isWrite = false
    /// The call, of what stands in the place of each part in braces.
    let call: @Sendable ([String]) -> RestRoutes.Call

    /// What the parts in braces stand for; `nil` where the path is another one.
    ///
    /// - Parameter parts: of the pattern.
    static func match(_ path: [String], _ parts: [Substring]) -> [String]? {
        guard parts.count == path.count else { return nil }
        var found: [String] = []
        for (part, text) in zip(parts, path) {
            if part.hasPrefix("{") {
                found.append(text)
            } else if !part.utf8.elementsEqual(text.utf8) {
                return nil
            }
        }
        return found
    }

    /// The names in braces.
    var pathNames: [String] {
        pattern.split(separator: "/").filter { $0.hasPrefix("{") }.map { String($0.dropFirst().dropLast()) }
    }
}

extension RestOperation {
    private static let project = "/v1/projects/{project}"
    private static let group = "/v1/projects/{project}/groups/{group}"
    private static let rows: [(type: String, schema: JSONValue)] = [
        ("application/x-ndjson", ["type": "string", "description": "an object a line, by the names of the columns"]),
        ("text/csv", ["type": "string"]),
        ("application/vnd.apache.arrow.stream", ["type": "string", "format": "binary"]),
    ]
    private static let written: [(type: String, schema: JSONValue)] = [
        ("application/json", RestSchemas.written)
    ]
    private static let key = Parameter(
        name: "Idempotency-Key", place: "header",
        about: "A retry with the same key and body gets the first answer, for as long as the server runs.",
        schema: ["type": "string", "minLength": 1, "maxLength": 255])

    private static func parameter(_ name: String, _ about: String, _ schema: JSONValue) -> Parameter {
        Parameter(name: name, about: about, schema: schema)
    }

    private static let scanned: [Parameter] = [
        parameter("columns", "Features to give, with commas between them; without it all.", ["type": "string"]),
        parameter("as_of", "Reads history as the log was at this position.", RestSchemas.position),
        parameter("deletes", "Whether tombstones are given too, with a column 'deleted'.", ["type": "boolean"]),
        parameter("brief", "Whether beside features only keys and event time are given.", ["type": "boolean"]),
        parameter("min_position", "Waits until the answer shows at least this position.", RestSchemas.position),
    ]
    private static let timeUnit = parameter(
        "time_unit", "What times are that are whole numbers.", ["type": "string", "enum": ["s", "ms", "us", "ns"]])

    static let all: [RestOperation] = [
        RestOperation(method: .GET, pattern: "/v1/projects", id: "listProjects", summary: "Names of all projects") { _ in
            .projects
        },
        RestOperation(method: .GET, pattern: project, id: "listDefinitions", summary: "Everything in a project, in short") {
            .listing(project: $0[0])
        },
        RestOperation(
            method: .GET, pattern: "\(project)/definitions/{name}", id: "describe", summary: "All that goes by a name",
            parameters: [parameter("as_of", "As definitions were at this position.", RestSchemas.position)]
        ) { .describe(project: $0[0], name: $0[1]) },
        RestOperation(
            method: .GET, pattern: "\(project)/search", id: "search", summary: "What has a text in its name or description",
            parameters: [parameter("q", "The text.", ["type": "string", "minLength": 1])]
        ) { .search(project: $0[0]) },
        RestOperation(
            method: .POST, pattern: "\(project)/plan", id: "plan", summary: "What applying definitions would do",
            bodies: [("application/json", RestSchemas.definitions)]
        ) { .plan(project: $0[0]) },
        RestOperation(
            method: .POST, pattern: "\(project)/apply", id: "apply", summary: "Applies definitions",
            bodies: [("application/json", RestSchemas.definitions)], isWrite: true
        ) { .apply(project: $0[0]) },
        RestOperation(
            method: .POST, pattern: "\(project)/online:get", id: "getOnlineFeatures",
            summary: "The latest features of keys: columns in, columns out",
            bodies: [("application/json", RestSchemas.get.json)], answers: [("application/json", RestSchemas.got)]
        ) { .get(project: $0[0]) },
        RestOperation(
            method: .POST, pattern: "\(project)/history", id: "getHistoricalFeatures",
            summary: "Features as they were at the times of a spine, row for row",
            bodies: [("application/json", RestSchemas.history.json)], answers: rows
        ) { .history(project: $0[0]) },
        RestOperation(
            method: .GET, pattern: "\(group)/scan", id: "scan", summary: "All rows of a group, in order",
            parameters: [
                parameter("start", "The least event time: RFC 3339, or whole microseconds.", ["type": "string"]),
                parameter("end", "Event times stop before it.", ["type": "string"]),
            ] + scanned, answers: rows
        ) { .scan(project: $0[0], group: $0[1]) },
        RestOperation(
            method: .GET, pattern: "\(group)/latest", id: "latest", summary: "The latest row of each key",
            parameters: [parameter("at", "Of rows with an event time up to this one.", ["type": "string"])] + scanned,
            answers: rows
        ) { .latest(project: $0[0], group: $0[1]) },
        RestOperation(
            method: .POST, pattern: "\(group)/rows", id: "write",
            summary: "Writes rows: a JSON body is one atomic write, NDJSON goes in batches as it comes",
            parameters: [timeUnit, key], bodies: RestSchemas.rowBodies, answers: written, isWrite: true
        ) { .write(project: $0[0], group: $0[1]) },
        RestOperation(
            method: .POST, pattern: "\(group)/rows:delete", id: "delete", summary: "Deletes keys from a time on",
            parameters: [timeUnit, key], bodies: RestSchemas.rowBodies, answers: written, isWrite: true
        ) { .delete(project: $0[0], group: $0[1]) },
        RestOperation(
            method: .POST, pattern: "/get-online-features", id: "feastGetOnlineFeatures",
            summary: "Feast's call of this name: the same request, the same shape of an answer",
            bodies: [("application/json", RestSchemas.feast.json)], answers: [("application/json", RestSchemas.feastAnswer)]
        ) { _ in .feast },
    ]
    /// Each with the parts of its pattern, for every request.
    static let table = all.map { ($0, $0.pattern.split(separator: "/")) }
}
