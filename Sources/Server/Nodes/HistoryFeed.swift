import Catalog
import Engine
import FeatureModel
import Log
import Logging
import OfflineStore
import OnlineStore
import ServiceLifecycle
import StorageIO
import Transport

/// Opens the offline service when its log can be known, and feeds it: from the log's files, or from another server.
struct HistoryFeed: Service {
    /// How often a process apart looks whether the log's files have grown: their owner cannot tell it.
    static let pollInterval = Duration.milliseconds(5)
    static let pollIntervalMax = Duration.milliseconds(100)
    /// How often it looks whether there is a log.
    private static let logInterval = Duration.milliseconds(200)

    let services: Services
    /// Feeds the service, where it is to follow another server.
    private let remote: RemoteFollower?

    init(services: Services) {
        self.services = services
        remote = services.configuration.follow.map {
            RemoteFollower(services: services, endpoint: $0, name: Self.followerName(services))
        }
    }

    private var configuration: ServerConfiguration { services.configuration }

    /// Opens the store where that needs nobody else: the log is this process's own, or a history is there already.
    ///
    /// - Throws: `.failedPrecondition` where another process owns the store, `.dataLoss` for damage.
    func openNow() throws(HeadwaterError) {
        guard configuration.runsOffline else { return }
        if let online = services.online {
            try open(logID: online.logID.bytes)
        } else if OfflineStore.exists(in: configuration.dataDirectory, storage: services.storage) {
            try open(logID: nil)
        }
    }

    /// Feeds the service until the server is told to stop, or the task is cancelled.
    ///
    /// - Throws: what keeps the store from opening when its log is known at last.
    func run() async throws {
        do { try await cancelWhenGracefulShutdown { try await feed() } } catch {
            // What breaks while the server stops is no reason for anything any more.
            if !(error is CancellationError || services.isStopping) { throw error }
        }
        // Nothing to feed: a part of the server ends when it is told to.
        try? await gracefulShutdown()
    }

    private func feed() async throws {
        guard configuration.runsOffline else { return }
        if let remote {
            try await remote.run { try open(logID: $0) }
        } else if let node = try await localNode() {
            await pull(into: node)
        }
    }

    private func open(logID: [UInt8]?) throws(HeadwaterError) {
        var options = OfflineEngineOptions()
        configuration.setLimits(of: &options)
        let engine = try OfflineEngine(
            storage: services.storage, dataDirectory: configuration.dataDirectory, logID: logID, options: options)
        let checkpoint = LocalCheckpoint(services: services, logID: engine.store.logID)
        if remote == nil {
            do throws(HeadwaterError) { try checkpoint.enter(engine.store.durablePosition) } catch {
                engine.close()
                guard error.code == .dataLoss, services.online != nil else { throw error }
                // Gets and writes do not go down with the history.
                services.logger.critical("there is no history: only gets and writes are served", metadata: ["error": "\(error)"])
                services.history.fail(error)
                return
            }
        }
        let node = OfflineNode(
            engine, executor: services.workers.fileHelpers.executor, logger: services.logger, ticker: services.ticker,
            readFloor: readFloor(engine.store)
        ) { [remote] position in
            if let remote { remote.acknowledge(position, logID: checkpoint.logID) } else { checkpoint.save(position) }
        }
        services.history.open(node)
        // Others may hold since the store began to open.
        node.setLimits(of: configuration)
        // Asked once it can be seen: either this closes its gate, or the stop does.
        if services.isStopping { node.gate.close() }
        do throws(HeadwaterError) { try services.listening.announceOpened(PeerFiles(services)) } catch {
            services.logger.error(
                "others do not find this service: its address cannot be written", metadata: ["error": "\(error)"])
        }
    }

    /// Where every retention cutoff that the online service of this process has in force is
    /// in the history too: those of this start, and those of before that the history has
    /// not come to. Older rows are not read once more because the history is fed only now.
    private func readFloor(_ history: OfflineStore) -> Position {
        guard let online = services.online else { return 0 }
        let state = online.state.current
        let isBehind = state.catalog.allGroups.contains { group in
            guard let cutoff = online.store.cutoff(of: group.id) else { return false }
            return history.cutoff(of: group.id, asOf: history.appliedPosition) ?? .min < cutoff
        }
        return isBehind ? state.durablePosition : 0
    }

    // MARK: The log of the same directory

    /// The service, once there is a log that it can follow; `nil` where it can never be whole.
    private func localNode() async throws -> OfflineNode? {
        var hasWaited = false
        while services.offline == nil, services.history.failure == nil {
            if let logID = try localLogID() {
                try open(logID: logID)
                if hasWaited { services.logger.info("the online service's log is there: following it") }
            } else {
                if !hasWaited {
                    services.logger.info(
                        "waiting for the online service's log", metadata: ["directory": "\(services.log.place)"])
                }
                hasWaited = true
                try await Task.sleep(for: Self.logInterval)
            }
        }
        return services.offline
    }

    /// The id of the log in the data directory; `nil` where there is none yet.
    private func localLogID() throws(HeadwaterError) -> [UInt8]? {
        do {
            return try services.log.openReader().logID.bytes
        } catch {
            if error.code == .notFound { return nil }
            throw error
        }
    }

    /// Follows the log's files until the task is cancelled.
    private func pull(into node: OfflineNode) async {
        let source = Confined(LogRecordSource(services.log, logID: node.logID), to: node.engine.worker)
        if let online = services.online {
            // The log's owner in this process tells when it has grown.
            let listener = online.logGrew.listen { node.pull(from: source) }
            defer { online.logGrew.end(listener) }
            node.pull(from: source)
            try? await gracefulShutdown()
            return
        }
        var interval = Self.pollInterval
        while !Task.isCancelled {
            let before = node.store.appliedPosition
            node.pull(from: source)
            try? await Task.sleep(for: interval)
            let isBusy = node.store.appliedPosition > before || node.gate.hasWaiters
            interval = isBusy ? Self.pollInterval : min(interval * 2, Self.pollIntervalMax)
        }
    }

    /// A name of this follower's own, kept in its directory, so that it is the same one after a restart.
    private static func followerName(_ services: Services) -> String {
        let path = StoragePath.join(services.configuration.dataDirectory, "follower-name")
        if let bytes = try? services.storage.readAll(path), !bytes.isEmpty { return String(decoding: bytes, as: UTF8.self) }
        let name = "offline-" + String(UInt32.random(in: .min ... .max), radix: 16)
        do throws(HeadwaterError) { try services.storage.replaceAtomically(path, Array(name.utf8)) } catch {
            services.logger.warning("the follower's name could not be kept", metadata: ["error": "\(error)"])
        }
        return name
    }
}
