import Catalog
import Client
import FeatureModel
import NIOHTTP1
import Server
import Tables

/// `/v1/projects/…`: the store's calls as JSON, each by one call of a client.
struct RestRoutes: Sendable {
    /// Bytes of a body that is read whole.
    static let bodyBytesMax = 64 << 20

    let server: ServerView
    let clients: StoreClients
    let keys: IdempotencyKeys
    let bodies: LargeBodies
    let threads: WebThreads
    let allowsWrites: Bool

    /// A call that a path and a method name.
    enum Call {
        case projects
        case listing(project: String)
        case describe(project: String, name: String)
        case search(project: String)
        case plan(project: String)
        case apply(project: String)
        case get(project: String)
        case history(project: String)
        case scan(project: String, group: String)
        case latest(project: String, group: String)
        case write(project: String, group: String)
        case delete(project: String, group: String)
        case feast
    }

    /// The operations at a path, and their pattern; `nil` where there are none.
    static func match(_ path: [String]) -> (pattern: String, calls: [(method: HTTPMethod, call: Call)])? {
        let found = RestOperation.table.compactMap { operation, parts in
            RestOperation.match(path, parts).map { (operation, operation.call($0)) }
        }
        guard let first = found.first else { return nil }
        return (first.0.pattern, found.map { ($0.0.method, $0.1) })
    }

    func answer(_ request: WebRequest, _ call: Call) async throws -> WebResponse {
        try checkRole(call)
        switch request.headers.first(name: "content-encoding")?.lowercased() {
        case nil, "identity": break
        case "gzip", "x-gzip": try request.body.unpackGzip()
        case let other?: throw Refusal.unsupportedEncoding(other)
        }
        switch call {
        case .projects: return try projects()
        case .listing(let project): return .json(try await client(project).list().json)
        case .describe(let project, let name): return try await describe(request, project, name)
        case .search(let project): return try await search(request, project)
        case .plan(let project): return try await plan(request, project, applies: false)
        case .apply(let project): return try await plan(request, project, applies: true)
        case .get(let project): return try await RestGet(routes: self).get(request, project)
        case .feast: return try await FeastGet(routes: self).get(request)
        case .history(let project): return try await RestHistory(routes: self).history(request, project)
        case .scan(let project, let group): return try await RestScan(routes: self).scan(request, project, group)
        case .latest(let project, let group): return try await RestScan(routes: self).latest(request, project, group)
        case .write(let project, let group): return try await RestWrite(routes: self).write(request, project, group, .write)
        case .delete(let project, let group): return try await RestWrite(routes: self).write(request, project, group, .delete)
        }
    }

    func client(_ project: String) async throws(HeadwaterError) -> HeadwaterClient {
        try await clients.client(of: project, server)
    }

    /// Refuses a call that another service of the store takes, and names that one's address.
    private func checkRole(_ call: Call) throws(Refusal) {
        let role: String
        switch call {
        case .projects, .listing, .describe, .search: return
        case .get, .feast, .write, .delete, .plan, .apply: role = "online"
        case .history, .scan, .latest: role = "offline"
        }
        guard !server.roles.contains(role) else { return }
        let address = server.httpAddress(of: role)
        let place = address.map { "it answers at \($0)" } ?? "it has announced no HTTP address here: start it with --http"
        let error = HeadwaterError(.unavailable, "this is not the \(role) service, which takes this call; \(place)")
        throw Refusal(
            error: error, status: .misdirectedRequest,
            headers: address.map { ["headwater-\(role)-address": $0] } ?? [:])
    }

    // MARK: Bodies

    /// The body as a JSON object.
    func object(_ request: WebRequest) async throws -> JSONObject {
        guard request.contentType == "application/json" else { throw Refusal.unsupportedMediaType(takes: ["application/json"]) }
        return try await body(request).work { (bytes) throws(HeadwaterError) in try parsed(bytes) }
    }

    /// A body as a JSON object, which has its part of the memory for bodies for as long as it is there.
    func parsed(_ bytes: [UInt8]) throws(HeadwaterError) -> JSONObject {
        let object = try JSONObject(bytes[...])
        return object.kept(by: try bodies.memory(parsed: object.byteCount))
    }

    func body(_ request: WebRequest) async throws -> CollectedBody {
        try await request.body.collect(upTo: Self.bodyBytesMax, bodies)
    }

    /// - Throws: `.permissionDenied` where the server takes no writes by HTTP.
    func checkWrites() throws(HeadwaterError) {
        guard allowsWrites else {
            throw HeadwaterError(
                .permissionDenied, "this server takes no writes by HTTP: start it with --http-writes, or write by a client")
        }
    }

    /// What a body says of features: a service, or a list.
    ///
    /// - Parameter name: of the member that names a service.
    func selection(_ body: JSONObject, service name: String = "service") throws(HeadwaterError) -> FeatureSelection {
        switch (try body.text(name), try body.texts("features")) {
        case (let service?, nil): return .service(service)
        case (nil, let features?) where !features.isEmpty: return .features(features)
        default: throw HeadwaterError(.invalidArgument, "name either a '\(name)' or 'features', a list of group:feature")
        }
    }

    /// What `time_unit` says of times that are whole numbers.
    func unit(_ text: String?) throws(HeadwaterError) -> TimeUnit? {
        guard let text else { return nil }
        guard let unit = TimeUnit(rawValue: text) else {
            throw HeadwaterError(.invalidArgument, "'\(text)' is no unit of time: s, ms, us or ns", at: "time_unit")
        }
        return unit
    }

    // MARK: Definitions

    private func projects() throws -> WebResponse {
        let value: JSONValue = ["projects": .texts(try server.projects())]
        return .json(value.bytes + [UInt8(ascii: "\n")])
    }

    private func describe(_ request: WebRequest, _ project: String, _ name: String) async throws -> WebResponse {
        let query = try Query(request, ["as_of"])
        let answer = try await client(project).describe(name, asOf: try query.position("as_of"))
        return .json(answer.json, headers: ["headwater-position": "\(answer.position)"])
    }

    private func search(_ request: WebRequest, _ project: String) async throws -> WebResponse {
        let query = try Query(request, ["q"])
        guard let text = query.text("q"), !text.isEmpty else {
            throw HeadwaterError(.invalidArgument, "say what to search for: ?q=TEXT")
        }
        return .json(try await client(project).search(text).encodeJSON())
    }

    private func plan(_ request: WebRequest, _ project: String, applies: Bool) async throws -> WebResponse {
        if applies { try checkWrites() }
        guard request.contentType == "application/json" else { throw Refusal.unsupportedMediaType(takes: ["application/json"]) }
        let definitions = try await body(request).work { (bytes) throws(HeadwaterError) in
            try Definitions.decode(json: bytes[...], project: project)
        }
        let client = try await client(project)
        let result = applies ? try await client.apply(definitions) : try await client.plan(definitions)
        return .json(result.planJSON, headers: ["headwater-position": "\(result.position)"])
    }
}
