import FeatureModel
import NIOHTTP1
import Server
import Transport
import Wire

/// Takes requests to what answers them.
struct Routes: Sendable {
    /// The server, once its stores are open.
    let view: @Sendable () -> ServerView?
    let figures: WebFigures
    let clients: StoreClients
    let keys: IdempotencyKeys
    let bodies: LargeBodies
    /// What requests are answered on.
    let threads: WebThreads
    /// Whether writes are taken.
    let allowsWrites: Bool
    /// Sends spans to a collector, where one is told of.
    var spans: SpanExporter?

    func answer(_ request: WebRequest) async -> WebResponse {
        let began = ContinuousClock.now
        let (route, response) = await find(request)
        let elapsed = ContinuousClock.now - began
        figures.answered(route, response.status, elapsed: elapsed)
        view()?.ended(ended(request, route, response, elapsed), nanoseconds: Int64(elapsed / .nanoseconds(1)))
        return response
    }

    /// What is kept of a request that was slow, or is traced: the time until its answer was made, or began to be sent.
    private func ended(
        _ request: WebRequest, _ route: String, _ response: WebResponse, _ elapsed: Duration
    ) -> EndedRequest {
        var waits = SlowReport.Waits()
        waits.work = Int64(elapsed / .microseconds(1))
        var sentBytes = 0
        if case .bytes(let bytes) = response.body { sentBytes = bytes.count }
        var report = SlowReport.Request(
            method: "\(request.method) \(route)", status: "\(response.status.code)", endedAt: SystemClock().now(),
            microseconds: waits.work, waits: waits,
            receivedBytes: request.headers.first(name: "content-length").flatMap { Int($0) } ?? 0, sentBytes: sentBytes)
        report.clientAddress = request.client
        report.clientName = request.headers.first(name: "user-agent")?.keptPart
        let failure = response.status == .internalServerError ? "\(response.status)" : nil
        return EndedRequest(report, trace: request.trace, failure: failure)
    }

    private func find(_ request: WebRequest) async -> (route: String, WebResponse) {
        switch request.path {
        case ["healthz"]: return ("/healthz", await getting(request) { healthz() })
        case ["readyz"]: return ("/readyz", await getting(request) { readyz() })
        case ["metrics"]: return ("/metrics", await getting(request) { await metrics(request) })
        case ["v1", "clients"]:
            return ("/v1/clients", await getting(request) { .json(report: try opened().clients()) })
        case ["v1", "slow"]:
            return ("/v1/slow", await getting(request) { .json(report: try opened().slowRequests()) })
        case ["v1", "status"]: return ("/v1/status", await getting(request) { try await status() })
        case ["openapi.json"]: return ("/openapi.json", await getting(request) { .json(OpenAPI.document) })
        default:
            if let match = RestRoutes.match(request.path) { return (match.pattern, await rest(request, match.calls)) }
            let error = HeadwaterError(.notFound, "nothing is at this path: /openapi.json lists those that there are")
            return ("other", Problem(error).response)
        }
    }

    /// Answers GET and HEAD only.
    private func getting(_ request: WebRequest, _ answer: () async throws -> WebResponse) async -> WebResponse {
        do {
            guard request.method == .GET || request.method == .HEAD else { throw Refusal.methodNotAllowed([.GET, .HEAD]) }
            return try await answer()
        } catch { return Refusal.response(to: error) }
    }

    private func rest(
        _ request: WebRequest, _ calls: [(method: HTTPMethod, call: RestRoutes.Call)]
    ) async -> WebResponse {
        let method = request.method == .HEAD ? .GET : request.method
        do {
            guard let call = calls.first(where: { $0.method == method })?.call else {
                throw Refusal.methodNotAllowed(calls.map(\.method))
            }
            let routes = RestRoutes(
                server: try opened(), clients: clients, keys: keys, bodies: bodies, threads: threads,
                allowsWrites: allowsWrites)
            return try await routes.answer(request, call)
        } catch { return Refusal.response(to: error) }
    }

    // MARK: Health

    /// The process lives, and answers.
    private func healthz() -> WebResponse { .json(Array("{\"status\":\"ok\"}\n".utf8)) }

    private struct Readiness: Encodable {
        var ready: Bool
        var roles: [String]
        var reasons: [NotReady]
    }

    private func readyz() -> WebResponse {
        let server = view()
        let reasons = server?.reasonsNotReady() ?? [NotReady(role: nil, reason: "the stores are being opened")]
        let readiness = Readiness(ready: reasons.isEmpty, roles: server?.roles ?? [], reasons: reasons)
        return .json(report: readiness, reasons.isEmpty ? .ok : .serviceUnavailable)
    }

    private func opened() throws(HeadwaterError) -> ServerView {
        guard let server = view() else {
            throw HeadwaterError(.unavailable, "the stores are being opened: ask again later")
        }
        return server
    }

    private func status() async throws -> WebResponse { .json(report: try await opened().status()) }

    private func metrics(_ request: WebRequest) async -> WebResponse {
        let server = view()
        let families =
            await ServerMetrics(server, figures.otherGroups).families() + ProcessMetrics.families() + figures.families()
            + (spans?.families() ?? [])
        let format = ExpositionFormat(accept: request.headers[canonicalForm: "accept"].map(String.init))
        return WebResponse(.ok, contentType: format.contentType, body: .bytes(format.encode(families)))
    }
}
