import Catalog
import Engine
package import FeatureModel
import OfflineStore
import OnlineStore
import Synchronization
package import Transport
package import Wire

/// What a door can ask of the server behind it.
package struct ServerView: Sendable {
    let services: Services

    package var roles: [String] { services.configuration.roleNames }
    /// Whether the server begins to stop.
    package var isStopping: Bool { services.isStopping }

    /// An address at which this server's own protocol is spoken; `nil` before it listens.
    package var ownAddress: String? {
        let endpoints = services.listening.endpoints
        let unix = endpoints.first { if case .unix = $0 { true } else { false } }
        switch unix ?? endpoints.first {
        case .tcp("*", let port)?: return Endpoint.tcp(host: "127.0.0.1", port: port).description
        case let endpoint?: return endpoint.description
        case nil: return nil
        }
    }

    /// Names of all projects, in order.
    package func projects() throws(HeadwaterError) -> [String] { try services.catalog().projectNames }

    /// Where another role of this directory answers HTTP; `nil` where it has not said so.
    package func httpAddress(of role: String) -> String? {
        AddressFile.httpAddress(role, in: services.configuration.dataDirectory, services.storage)
    }

    /// Where the server and its stores stand, as `headwater status` shows it.
    package func status() async -> StatusReport { await StatusReader(services: services).report() }

    /// The connections of the server that have said hello.
    package func clients() -> ClientsReport { services.clients() }

    /// The slowest requests of the last hour.
    package func slowRequests() -> SlowReport { services.slowRequests() }

    /// A request by HTTP has ended.
    package func ended(_ request: EndedRequest, nanoseconds: Int64) {
        services.requestLog.http.endedByHTTP(request, nanoseconds: nanoseconds)
    }

    /// Why no write would be taken now; `nil` where one may be.
    package var writeRefusal: HeadwaterError? {
        if services.isStopping {
            return HeadwaterError(.unavailable, "the server is stopping: go on at another one, or later")
        }
        return services.online?.state.current.failure.map { failure in
            HeadwaterError(.unavailable, "no write is taken: \(failure); restart the server when the disk is sound")
        }
    }

    /// Why the server should get no requests now; empty where it should.
    package func reasonsNotReady() -> [NotReady] {
        if services.isStopping { return [NotReady(role: nil, reason: "the server is stopping")] }
        var reasons: [NotReady] = []
        if let online = services.online, let failure = online.state.current.failure {
            reasons.append(NotReady(role: "online", reason: "no write is taken: \(failure)"))
        }
        if services.configuration.runsOffline {
            do throws(HeadwaterError) {
                let offline = try services.needOffline()
                let failure =
                    offline.state.failure ?? offline.store.status().failure ?? offline.writingFailure.withLock { $0 }
                    ?? offline.sourceFailure.withLock { $0 }
                if let failure { reasons.append(NotReady(role: "offline", reason: "history cannot go on: \(failure)")) }
            } catch { reasons.append(NotReady(role: "offline", reason: error.message)) }
        }
        return reasons
    }

    /// What the server has counted since its start, and what it holds.
    package func figures() -> ServerFigures {
        var figures = ServerFigures()
        if let transport = services.listening.transport {
            figures.requests = transport.requestCounts
            figures.connectionsEver = transport.everConnectedCount
            figures.memory.append(("network", transport.networkBytes))
        }
        if let online = services.online {
            figures.writer = online.figures.counts
            figures.logFailed = online.state.current.failure != nil
            figures.memory.append(("online_rows", online.store.memoryBytes))
            figures.memory.append(("online_snapshot", online.store.snapshotBytes))
        }
        if let offline = services.offline {
            (figures.flushes, figures.compactions) = (offline.flushCounts, offline.compactionCounts)
            figures.memory.append(("offline_rows", offline.store.memoryBytes))
            figures.memory.append(("histories", services.historyMemory.takenBytes))
        }
        figures.audits = services.audits.counts
        figures.expressionNulls = services.expressionNulls.current
        figures.waiting = services.workers.waitingCounts
        return figures
    }
}

/// Why a role, or where it is `nil` the whole server, should get no requests.
package struct NotReady: Codable, Hashable, Sendable {
    package var role: String?
    package var reason: String

    package init(role: String?, reason: String) { (self.role, self.reason) = (role, reason) }
}

/// What a server has counted since its start, beside its status.
package struct ServerFigures: Sendable {
    package var requests = RequestFigures.Counts()
    package var connectionsEver: UInt64 = 0
    /// Whether the log takes no more writes; `nil` without the online role.
    package var logFailed: Bool?
    /// `nil` without the online role.
    package var writer: WriterFigures.Counts?
    /// `nil` without the offline role, or before its store is open.
    package var flushes: FileJobFigures.Counts?
    package var compactions: FileJobFigures.Counts?
    package var audits = AuditRecord.Counts()
    /// Nulls that expressions made where none came in, by reason.
    package var expressionNulls: [(reason: String, count: Int)] = []
    /// Requests that wait for a thread, by the threads that they wait for.
    package var waiting: [(pool: String, count: Int)] = []
    /// Bytes of memory by what holds them.
    package var memory: [(owner: String, bytes: Int)] = []
}
