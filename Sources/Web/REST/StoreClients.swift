import Catalog
import Client
import FeatureModel
import Server
import Synchronization
import Transport

/// Clients of this very server: requests by HTTP take the same way as those of any other client, with its checks and limits.
final class StoreClients: Sendable {
    /// Projects whose clients are kept.
    private static let projectsMax = 64
    /// Feature lists that are kept prepared.
    private static let listsMax = 1_024

    private struct ListKey: Hashable {
        let project: String
        let selection: FeatureSelection
        let fullNames: Bool
    }

    private struct State {
        var clients: [String: HeadwaterClient] = [:]
        /// Of no project in particular: for what spans all of them.
        var anyProject: HeadwaterClient?
        var lists: [ListKey: PreparedFeatures] = [:]
    }

    private let state = Mutex(State())

    /// A client for a project.
    func client(of project: String, _ server: ServerView) async throws(HeadwaterError) -> HeadwaterClient {
        if let problem = Names.problem(with: project) {
            throw HeadwaterError(.invalidArgument, "project '\(project)': \(problem)")
        }
        if let client = state.withLock({ $0.clients[project] }) { return client }
        let fresh = try await connect(project, server)
        let (kept, dropped) = state.withLock { state -> (HeadwaterClient, [HeadwaterClient]) in
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
        return kept
    }

    /// A client of the store's only project, or of `default` where it has none or several.
    func client(_ server: ServerView) async throws(HeadwaterError) -> HeadwaterClient {
        if let client = state.withLock({ $0.anyProject }) { return client }
        let fresh = try await connect(nil, server)
        return state.withLock { state in
            let client = state.anyProject ?? fresh
            // Projects may come: only a client that knows its one for sure is kept.
            if client.project != HeadwaterClient.defaultProject { state.anyProject = client }
            return client
        }
    }

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

    func close() async {
        let clients = state.withLock { state in
            defer { state = State() }
            return Array(state.clients.values) + [state.anyProject].compactMap { $0 }
        }
        for client in clients { await client.close() }
    }

    private func connect(_ project: String?, _ server: ServerView) async throws(HeadwaterError) -> HeadwaterClient {
        guard let address = server.ownAddress else {
            throw HeadwaterError(.unavailable, "the server does not listen yet: try again")
        }
        var configuration = ClientConfiguration()
        configuration.name = "headwater http"
        return try await HeadwaterClient.connect(address, project: project, configuration: configuration)
    }
}
