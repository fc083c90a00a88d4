import Catalog
import Client
import FeatureModel
import Server
import Synchronization
import Transport

/// Clients of this very server: requests by HTTP take the same way as those of any other client, with its checks and limits.
final class StoreClients: Sendable {
    /// Projects whose clients are kept.
    static let projectsMax = 32
    /// Scans and histories that are sent at once.
    static let streamsMax = 64
    /// Feature lists that are kept prepared.
    private static let listsMax = 1_024

    private struct ListKey: Hashable {
        let project: String
        let selection: FeatureSelection
        let fullNames: Bool
    }

    private struct State {
        var clients: [String: HeadwaterClient] = [:]
        var lists: [ListKey: PreparedFeatures] = [:]
        var isClosed = false
    }

    private let state = Mutex(State())
    private let streams = Atomic<Int>(0)

    /// A client for a project.
    func client(of project: String, _ server: ServerView) async throws(HeadwaterError) -> HeadwaterClient {
        if let problem = Names.problem(with: project) {
            throw HeadwaterError(.invalidArgument, "project '\(project)': \(problem)")
        }
        if let client = state.withLock({ $0.clients[project] }) { return client }
        let fresh = try await connect(project, server)
        let (kept, dropped) = state.withLock { state -> (HeadwaterClient?, [HeadwaterClient]) in
            guard !state.isClosed else { return (nil, []) }
            // Another request may have come before.
            if let client = state.clients[project] { return (client, [fresh]) }
            var dropped: [HeadwaterClient] = []
            if state.clients.count >= Self.projectsMax, let other = state.clients.keys.first {
                state.lists = state.lists.filter { $0.key.project != other }
                dropped = [state.clients.removeValue(forKey: other)!]
            }
            state.clients[project] = fresh
            return (fresh, dropped)
        }
        // Calls that one of them still answers end by themselves: it is let go, not closed.
        withExtendedLifetime(dropped) {}
        guard let kept else {
            await fresh.close()
            throw Self.closed
        }
        return kept
    }

    /// A client of the store's only project, or of `default` where it has none or several.
    func client(_ server: ServerView) async throws(HeadwaterError) -> HeadwaterClient {
        let projects = try server.projects()
        return try await client(of: projects.count == 1 ? projects[0] : HeadwaterClient.defaultProject, server)
    }

    /// A client for one stream of rows, whose reader may be slow: on a connection of its own, so that others do not wait for it.
    /// It ends when it is let go.
    ///
    /// - Throws: `.unavailable` where there are too many streams.
    func streaming(of project: String, _ server: ServerView) async throws(HeadwaterError) -> StreamClient {
        if let problem = Names.problem(with: project) {
            throw HeadwaterError(.invalidArgument, "project '\(project)': \(problem)")
        }
        guard streams.add(1, ordering: .relaxed).newValue <= Self.streamsMax else {
            streams.subtract(1, ordering: .relaxed)
            throw HeadwaterError(
                .unavailable, "\(Self.streamsMax) scans and histories are sent by HTTP already: try again when some are done")
        }
        do throws(HeadwaterError) { return StreamClient(try await connect(project, server), self) } catch {
            streams.subtract(1, ordering: .relaxed)
            throw error
        }
    }

    fileprivate func ended() { streams.subtract(1, ordering: .relaxed) }

    /// A feature list, resolved by the server; remembered, so that a get asks once.
    func prepared(
        _ selection: FeatureSelection, fullNames: Bool, _ client: HeadwaterClient
    ) async throws(HeadwaterError) -> PreparedFeatures {
        let key = ListKey(project: client.project, selection: selection, fullNames: fullNames)
        if let list = state.withLock({ $0.lists[key] }) { return list }
        let list = try await client.prepare(selection, fullFeatureNames: fullNames)
        state.withLock { state in
            if state.lists.count >= Self.listsMax, let other = state.lists.keys.first { state.lists[other] = nil }
            state.lists[key] = list
        }
        return list
    }

    /// What a list takes may have changed: the next request asks the server.
    func forget(_ selection: FeatureSelection, fullNames: Bool, _ client: HeadwaterClient) {
        state.withLock { $0.lists[ListKey(project: client.project, selection: selection, fullNames: fullNames)] = nil }
    }

    /// Closes the clients; no more are made.
    func close() async {
        let clients = state.withLock { state in
            defer { state = State(isClosed: true) }
            return Array(state.clients.values)
        }
        for client in clients { await client.close() }
    }

    private static let closed = HeadwaterError(.unavailable, "the server is stopping: go on at another one, or later")

    private func connect(_ project: String, _ server: ServerView) async throws(HeadwaterError) -> HeadwaterClient {
        guard !state.withLock({ $0.isClosed }) else { throw Self.closed }
        guard let address = server.ownAddress else {
            throw HeadwaterError(.unavailable, "the server does not listen yet: try again")
        }
        var configuration = ClientConfiguration()
        configuration.name = "headwater http"
        return try await HeadwaterClient.connect(address, project: project, configuration: configuration)
    }
}

/// A client for one stream of rows.
final class StreamClient: Sendable {
    let client: HeadwaterClient
    private let clients: StoreClients

    fileprivate init(_ client: HeadwaterClient, _ clients: StoreClients) { (self.client, self.clients) = (client, clients) }

    deinit {
        clients.ended()
        Task { [client] in await client.close() }
    }
}
