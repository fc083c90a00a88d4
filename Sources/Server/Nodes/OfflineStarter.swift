import Catalog
import Engine
import FeatureModel
import Log
import Logging
import OfflineStore
import OnlineStore
import StorageIO
import Synchronization
import Transport
import Wire

/// A value behind a lock.
final class Mutexed<Value: Sendable>: Sendable {
    private let mutex: Mutex<Value>

    init(_ value: Value) { mutex = Mutex(value) }

    var value: Value {
        get { mutex.withLock { $0 } }
        set { mutex.withLock { $0 = newValue } }
    }
}

/// Opens the offline service when its log can be known, and feeds it: from the log's files, or from another server.
struct OfflineStarter: Sendable {
    /// How often a process apart looks whether the log has grown.
    static let pollInterval = Duration.milliseconds(5)
    static let pollIntervalMax = Duration.milliseconds(100)

    let services: Services
    /// What the online service of this process calls when the log has grown.
    let trigger: Mutexed<(@Sendable () -> Void)?>
    /// Feeds the service, where it is to follow another server.
    private let remote: RemoteFollower?

    init(services: Services, trigger: Mutexed<(@Sendable () -> Void)?>) {
        self.services = services
        self.trigger = trigger
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

    /// Feeds the service until the task is cancelled.
    ///
    /// - Throws: what keeps the store from opening when its log is known at last.
    func run() async throws {
        guard configuration.runsOffline else { return }
        if let remote {
            try await remote.run { try open(logID: $0) }
        } else {
            try await runLocal()
        }
    }

    private func open(logID: [UInt8]?) throws(HeadwaterError) {
        var options = OfflineEngineOptions()
        options.flushMemoryBytes = configuration.flushMemoryBytes
        options.store.mergeBytesMax = configuration.compactionBytesMax
        let engine = try OfflineEngine(
            storage: services.storage, dataDirectory: configuration.dataDirectory, logID: logID, options: options)
        let checkpoint = LocalCheckpoint(services: services, logID: engine.store.logID)
        if remote == nil {
            do throws(HeadwaterError) { try checkpoint.enter(engine.store.durablePosition) } catch {
                engine.close()
                guard error.code == .dataLoss, services.online != nil else { throw error }
                // Gets and writes do not go down with the history.
                services.logger.critical("there is no history: only gets and writes are served", metadata: ["error": "\(error)"])
                services.historyFailure.value = error
                return
            }
        }
        let node = OfflineNode(
            engine, crew: services.workers.fileCrew.crew, logger: services.logger, ticker: services.ticker,
            readFloor: readFloor(engine.store)
        ) { [remote] position in
            if let remote { remote.acknowledge(position, logID: checkpoint.logID) } else { checkpoint.save(position) }
        }
        services.setOffline(node)
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

    private func runLocal() async throws {
        var hasWaited = false
        while services.offline == nil, services.historyFailure.value == nil {
            if let logID = try localLogID() {
                try open(logID: logID)
                if hasWaited { services.logger.info("the online service's log is there: following it") }
            } else {
                if !hasWaited {
                    services.logger.info(
                        "waiting for the online service's log", metadata: ["directory": "\(services.log.place)"])
                }
                hasWaited = true
                try await Task.sleep(for: .milliseconds(200))
            }
        }
        if let node = services.offline { await pull(into: node) }
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
        let source = Confined(
            LocalRecordSource(services.log, logID: node.logID),
            to: node.engine.worker)
        trigger.value = { node.pull(from: source) }
        // With the log's owner in this process `trigger` tells; else it is looked at, less often the longer nothing has come.
        let intervals =
            services.online == nil ? Self.pollInterval...Self.pollIntervalMax : .milliseconds(500) ... .milliseconds(500)
        var interval = intervals.lowerBound
        while !Task.isCancelled {
            let before = node.store.appliedPosition
            node.pull(from: source)
            try? await Task.sleep(for: interval)
            let isBusy = node.store.appliedPosition > before || node.gate.hasWaiters
            interval = isBusy ? intervals.lowerBound : min(interval * 2, intervals.upperBound)
        }
        trigger.value = nil
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

/// The checkpoint of the follower in the log's own directory: while it stands, the log keeps what chunks do not hold yet.
struct LocalCheckpoint: Sendable {
    let services: Services
    let logID: [UInt8]

    /// Registers the follower at what its chunks hold, where it is not
    /// registered or stands further: an older copy may have been restored.
    ///
    /// - Throws: `.dataLoss` where the log does not hold what follows: the history here can never be whole again.
    func enter(_ position: Position) throws(HeadwaterError) {
        guard let reader = try openLog() else { return }
        // First registered, then looked up: from then on the log's owner removes nothing behind it.
        let known = try services.log.follower(OnlineEngine.localFollowerID)
        let isBehind = known.map { $0.position > position } ?? true
        if isBehind { try write(position, reader) }
        guard try reader.lookup(position + 1) == .removed else { return }
        if let known, isBehind { try services.log.register(known) }
        if known == nil {
            try services.log.forget(follower: OnlineEngine.localFollowerID)
        }
        throw HeadwaterError(
            .dataLoss,
            "the history here ends at position \(position), and the log no longer holds what follows: restore a later copy of this "
                + "directory, or run 'headwater offline --follow ADDRESS', which fetches the history of another offline service",
            at: StoragePath.join(services.configuration.dataDirectory, OfflineStore.folderName))
    }

    /// Moves the follower on. One that was forgotten is registered again, if the log still holds what follows.
    func save(_ position: Position) {
        do throws(HeadwaterError) {
            if try services.log.follower(OnlineEngine.localFollowerID) == nil { return try enter(position) }
            if let reader = try openLog() { try write(position, reader) }
        } catch {
            services.logger.error("the follower's checkpoint could not be saved", metadata: ["error": "\(error)"])
        }
    }

    /// - Returns: `nil` where there is no log yet.
    private func openLog() throws(HeadwaterError) -> (any LogReading)? {
        let reader: any LogReading
        do throws(HeadwaterError) { reader = try services.log.openReader() } catch  where error.code == .notFound { return nil }
        guard reader.logID.bytes == logID else {
            throw HeadwaterError(.failedPrecondition, "another log stands there now", at: services.log.place)
        }
        return reader
    }

    private func write(_ position: Position, _ reader: any LogReading) throws(HeadwaterError) {
        try services.log.register(
            FollowerCheckpoint(
                logID: LogID(logID), id: OnlineEngine.localFollowerID, name: OnlineEngine.localFollowerName,
                position: position, writerEpoch: reader.writerEpoch))
    }
}
