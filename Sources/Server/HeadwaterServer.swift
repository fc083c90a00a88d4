import Engine
import FeatureModel
import Log
public import Logging
import NIOCore
import NIOPosix
public import ServiceLifecycle
import StorageIO
import Transport

/// A Headwater server: opens its part of the data directory, serves until it is told to stop, drains, and closes cleanly.
public final class HeadwaterServer: Service {
    private let configuration: ServerConfiguration
    private let logger: Logger
    private let storage: any Storage = RealStorage()
    private let clock: any WallClock = SystemClock()

    public init(configuration: ServerConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
    }

    /// Serves until graceful shutdown or cancellation.
    ///
    /// - Throws: what keeps it from starting: a directory that another process owns, damage, an address in use.
    public func run() async throws {
        try storage.createDirectory(configuration.dataDirectory)
        let trigger = Mutexed<(@Sendable () -> Void)?>(nil)
        let online = try configuration.runsOnline ? openOnline { trigger.value?() } : nil
        let services = Services(configuration: configuration, storage: storage, online: online, clock: clock, logger: logger)
        let offline = OfflineStarter(services: services, trigger: trigger)
        let transport: ServerTransport
        do {
            var options = ServerOptions()
            options.allowInsecure = configuration.allowInsecure
            if online != nil { try await offline.openNow() }
            transport = try await ServerTransport.start(
                endpoints: configuration.endpoints, handler: Router(services: services), options: options)
        } catch {
            await services.offline?.close()
            await online?.close()
            throw error
        }
        services.setEndpoints(transport.endpoints)
        try PeerFiles(services).announce(transport.endpoints)
        let timers = startTimers(services)
        logger.info(
            "ready", metadata: ["role": "\(configuration.role.rawValue)", "listen": "\(transport.endpoints.map(\.description))"])

        let following = Task { await offline.run() }
        await waitForStop()

        logger.info("stopping: no new requests, running ones finish")
        PeerFiles(services).withdraw()
        online?.gate.close()
        services.offline?.gate.close()
        await transport.shutdownGracefully(within: configuration.drainLimit)
        for timer in timers { timer.cancel() }
        following.cancel()
        await following.value
        // What offline has not taken in stays in the log: the next start goes on from there.
        await online?.close()
        await services.offline?.close()
        try? await services.workers.shutdownGracefully()
        logger.info("stopped")
    }

    private func openOnline(onDurable: @escaping @Sendable () -> Void) throws(HeadwaterError) -> OnlineNode {
        var options = OnlineOptions()
        options.durability = configuration.durability
        options.logBytesMax = configuration.logBytesMax
        options.snapshotMemoryBytes = configuration.snapshotMemoryBytes
        options.log = LogOptions(segmentBytes: configuration.segmentBytes)
        var random = SystemRandomNumberGenerator()
        let newLogID = LogID((0..<LogID.byteCount).map { _ in UInt8.random(in: .min ... .max, using: &random) })
        let engine = try OnlineEngine.open(
            storage: storage, dataDirectory: configuration.dataDirectory, options: options, newLogID: newLogID,
            seed: random.next(), now: clock.now(),
            progress: { applied, last in
                self.logger.info("replaying the log", metadata: ["position": "\(applied)", "of": "\(last)"])
            })
        return OnlineNode(engine, clock: clock, logger: logger, onDurable: onDurable)
    }

    private func startTimers(_ services: Services) -> [RepeatedTask] {
        let loop = NIOSingletons.posixEventLoopGroup.next()
        return [
            loop.scheduleRepeatedTask(initialDelay: .milliseconds(2), delay: .milliseconds(2)) { _ in
                services.online?.tick()
                services.offline?.tick()
            },
            loop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { _ in
                services.online?.housekeep()
                services.offline?.housekeep()
                services.auditViews.expire(now: services.clock.now())
            },
        ]
    }

    private func waitForStop() async {
        do { try await gracefulShutdown() } catch {
            // Cancelled instead: stop the same way.
        }
    }
}
