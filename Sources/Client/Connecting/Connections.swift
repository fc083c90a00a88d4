import FeatureModel
import Transport
import Wire

/// The connections of one client: one to the server it was told of, and one to each peer that a call needed.
///
/// Connects when it must, and again after a connection broke.
actor Connections {
    private typealias Outcome = Result<ClientTransport, HeadwaterError>

    nonisolated let first: Endpoint
    private let hello: HelloRequest
    private let options: ClientOptions
    private var attempts: [Endpoint: Task<Outcome, Never>] = [:]
    /// Where each role was last said to be served.
    private var known: [ServerRole: Endpoint] = [:]
    private var reached: Set<Endpoint> = []
    private var isClosed = false

    init(first: Endpoint, hello: HelloRequest, options: ClientOptions) {
        self.first = first
        self.hello = hello
        self.options = options
    }

    /// A connection to a server with this role; `nil` takes whichever server answers first.
    ///
    /// - Throws: `.unavailable` that says which role is down.
    func connection(to role: ServerRole?) async throws(HeadwaterError) -> ClientTransport {
        let outcome = await reach(first)
        guard let role else { return try outcome.get() }
        switch outcome {
        case .success(let transport):
            if transport.serves(role) { return transport }
        case .failure(let error):
            // The peer may be up while the server we were told of is not.
            if known[role] == nil || known[role] == first { throw error }
        }
        guard let peer = known[role] else {
            throw HeadwaterError(
                .unavailable, "the \(role) service is down: \(first) does not have it and knows of none; \(Self.advice(role))")
        }
        let transport: ClientTransport
        do { transport = try await reach(peer).get() } catch {
            throw HeadwaterError(error.code, "the \(role) service is down: \(error.message); \(Self.advice(role))")
        }
        guard transport.serves(role) else {
            throw HeadwaterError(
                .unavailable, "\(peer) is no \(role) service, though \(first) names it as one; \(Self.advice(role))")
        }
        return transport
    }

    /// Whether a server with this role was ever reached: only then is it worth waiting for it to come back.
    func hasReached(_ role: ServerRole) -> Bool {
        known[role].map { reached.contains($0) } ?? false
    }

    func close() async {
        isClosed = true
        let all = attempts.values
        attempts = [:]
        for attempt in all {
            if case .success(let transport) = await attempt.value { await transport.close() }
        }
    }

    private func reach(_ endpoint: Endpoint) async -> Outcome {
        if isClosed { return .failure(HeadwaterError(.failedPrecondition, "the client is closed: connect again")) }
        if let attempt = attempts[endpoint] {
            let outcome = await attempt.value
            if case .success(let transport) = outcome, transport.isConnected { return outcome }
            // Whoever saw the loss first connects again; the others find the new attempt.
            if attempts[endpoint] == attempt { attempts[endpoint] = nil } else { return await reach(endpoint) }
        }
        let attempt = Task { [hello, options] in
            do throws(HeadwaterError) {
                return Outcome.success(try await ClientTransport.connect(to: endpoint, hello: hello, options: options))
            } catch {
                return Outcome.failure(error)
            }
        }
        attempts[endpoint] = attempt
        let outcome = await attempt.value
        if case .success(let transport) = outcome { learn(transport, at: endpoint) }
        return outcome
    }

    private func learn(_ transport: ClientTransport, at endpoint: Endpoint) {
        reached.insert(endpoint)
        // Of several that serve a role the first one counts: it is of the same directory.
        for peer in transport.hello.peers.reversed() {
            if let role = ServerRole(rawValue: peer.role), let address = try? Endpoint(peer.address) { known[role] = address }
        }
        for role in ServerRole.allCases where transport.serves(role) { known[role] = endpoint }
    }

    private static func advice(_ role: ServerRole) -> String {
        "start it with 'headwater \(role) --data DIR', or both with 'headwater serve --data DIR'"
    }
}

extension ClientTransport {
    func serves(_ role: ServerRole) -> Bool { hello.roles.contains(role.rawValue) }

    /// Whether the server announced that it takes compact bodies of few rows.
    var takesCompactBodies: Bool { hello.capabilities.contains(RecordBody.compactCapability) }
}
