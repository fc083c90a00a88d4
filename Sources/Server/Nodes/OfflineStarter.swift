import Engine
import FeatureModel
import Log
import Logging
import OfflineStore
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

    let services: Services
    /// What the online service of this process calls when the log has grown.
    let trigger: Mutexed<(@Sendable () -> Void)?>

    private var configuration: ServerConfiguration { services.configuration }

    /// Opens at once, where this process runs the online service too and so knows the log.
    func openNow() async throws {
        guard configuration.runsOffline, let online = services.online else { return }
        _ = try open(logID: online.logID.bytes, remote: nil)
    }

    /// Feeds the service until the task is cancelled.
    func run() async {
        guard configuration.runsOffline else { return }
        if let endpoint = configuration.follow {
            await runRemote(endpoint)
        } else {
            await runLocal()
        }
    }

    private func open(logID: [UInt8]?, remote: RemoteFollower?) throws(HeadwaterError) -> OfflineNode {
        var options = OfflineEngineOptions()
        options.flushMemoryBytes = configuration.flushMemoryBytes
        let engine = try OfflineEngine(
            storage: services.storage, dataDirectory: configuration.dataDirectory, logID: logID, options: options)
        let logID = engine.store.logID
        let storage = services.storage
        let logDirectory = services.logDirectory
        let logger = services.logger
        let node = OfflineNode(engine, clock: services.clock, logger: logger) { position in
            if let remote { return remote.acknowledge(position, logID: logID) }
            do throws(HeadwaterError) {
                let epoch = try LogReader(storage: storage, directory: logDirectory).writerEpoch
                try FollowerCheckpoint(
                    logID: LogID(logID), id: OnlineEngine.localFollowerID, name: OnlineEngine.localFollowerName,
                    position: position,
                    writerEpoch: epoch
                ).save(storage, logDirectory)
            } catch { logger.error("the follower's checkpoint could not be saved", metadata: ["error": "\(error)"]) }
        }
        services.setOffline(node)
        return node
    }

    // MARK: The log of the same directory

    private func runLocal() async {
        guard let node = await openLocal() else { return }
        let source = Confined(
            LocalRecordSource(storage: services.storage, logDirectory: services.logDirectory), to: node.engine.worker)
        trigger.value = { node.pull(from: source) }
        while !Task.isCancelled {
            node.pull(from: source)
            try? await Task.sleep(for: services.online == nil ? Self.pollInterval : .milliseconds(100))
        }
        trigger.value = nil
    }

    /// Waits until there is a log or a history to open.
    private func openLocal() async -> OfflineNode? {
        if let node = services.offline { return node }
        var lastReason = ""
        while !Task.isCancelled {
            do throws(HeadwaterError) {
                let hasLog = services.storage.exists(StoragePath.join(services.logDirectory, "control"))
                // Without a log a history can still be read, while the online service is away.
                let logID = hasLog ? try LogReader(storage: services.storage, directory: services.logDirectory).logID.bytes : nil
                return try open(logID: logID, remote: nil)
            } catch {
                if lastReason != error.description {
                    services.logger.warning("waiting for the online service's log", metadata: ["reason": "\(error)"])
                    lastReason = error.description
                }
                try? await Task.sleep(for: .milliseconds(100))
            }
        }
        return nil
    }

    // MARK: Another server's log

    private func runRemote(_ endpoint: Endpoint) async {
        let remote = RemoteFollower(endpoint: endpoint, name: followerName(), logger: services.logger)
        var node: OfflineNode?
        while node == nil, !Task.isCancelled {
            do { node = try open(logID: try await remote.connect().hello.logID, remote: remote) } catch {
                services.logger.warning("cannot follow \(endpoint) yet", metadata: ["error": "\(error)"])
                try? await Task.sleep(for: .milliseconds(500))
            }
        }
        if let node { await remote.run(node) }
    }

    /// A name of this follower's own, kept in its directory, so that it is the same one after a restart.
    private func followerName() -> String {
        let path = StoragePath.join(configuration.dataDirectory, "follower-name")
        if let bytes = try? services.storage.readAll(path), !bytes.isEmpty { return String(decoding: bytes, as: UTF8.self) }
        let name = "offline-" + String(UInt32.random(in: .min ... .max), radix: 16)
        do throws(HeadwaterError) { try services.storage.replaceAtomically(path, Array(name.utf8)) } catch {
            services.logger.warning("the follower's name could not be kept", metadata: ["error": "\(error)"])
        }
        return name
    }
}
