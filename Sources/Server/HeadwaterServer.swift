import Engine
import FeatureModel
import Foundation
import Log
public import Logging
import NIOCore
import NIOPosix
import OfflineStore
import OnlineStore
public import ServiceLifecycle
import StorageIO
import Transport
import Wire

/// A Headwater server: opens its part of the data directory, serves until it is told to stop, drains, and closes cleanly.
public final class HeadwaterServer: Service {
    /// How long a server that stops when it is idle waits for its first client, at least.
    private static let firstClientLimit = Duration.seconds(10)

    private let configuration: ServerConfiguration
    private let logger: Logger
    private let clock: any WallClock = SystemClock()

    public init(configuration: ServerConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
    }

    /// Serves until graceful shutdown or cancellation.
    ///
    /// - Throws: what keeps it from starting: a directory that another process owns, damage, an address in use.
    public func run() async throws {
        let storage = RealStorage(access: try configuration.group.map { try FileAccess.group($0) } ?? .owner)
        let started = ContinuousClock.now
        try storage.createDirectory(configuration.dataDirectory)
        let trigger = Mutexed<(@Sendable () -> Void)?>(nil)
        let ticker = Ticker()
        defer { ticker.stop() }
        let online: OnlineNode?
        do throws(HeadwaterError) {
            online = try configuration.runsOnline ? openOnline(storage, ticker) { trigger.value?() } : nil
        } catch { throw PeerFiles.naming(holderOf: configuration.dataDirectory, in: error, storage) }
        let services = Services(
            configuration: configuration, storage: storage, online: online, clock: online?.clock ?? clock, logger: logger,
            ticker: ticker)
        let starter = OfflineStarter(services: services, trigger: trigger)
        let transport: ServerTransport
        do {
            do throws(HeadwaterError) { try starter.openNow() } catch {
                throw PeerFiles.naming(holderOf: configuration.dataDirectory, in: error, storage)
            }
            try StoreFiles.settle(configuration, storage)
            transport = try await listen(services, storage)
        } catch {
            // At once: what keeps a start from serving is said before
            // anything is written that would only make the next one faster.
            await close(services, within: .zero)
            throw error
        }
        let failure = await serve(services, starter, transport, recovery: ContinuousClock.now - started)
        await close(services, within: configuration.stopWithin)
        if let failure { throw failure }
        logger.info("stopped")
    }

    private func listen(_ services: Services, _ storage: RealStorage) async throws -> ServerTransport {
        var options = ServerOptions()
        options.allowInsecure = configuration.allowInsecure
        options.networkBytesMax = configuration.networkBytesMax ?? NetworkMemory.bytesMax
        let transport = try await ServerTransport.start(
            endpoints: configuration.endpoints, handler: Router(services: services), options: options)
        do {
            for case .unix(let path) in transport.endpoints { try storage.settle(socket: path) }
        } catch {
            await transport.shutdownGracefully(within: .zero)
            throw error
        }
        services.listening.value = transport.endpoints
        if transport.connectionsMax < options.connectionsMax {
            logger.warning(
                "the limit of open files allows fewer connections than usual: raise it",
                metadata: ["connections": "\(transport.connectionsMax)", "usual": "\(options.connectionsMax)"])
        }
        return transport
    }

    /// Serves until the process is told to stop, and drains.
    ///
    /// - Returns: what stopped it, where nobody told it to.
    private func serve(
        _ services: Services, _ starter: OfflineStarter, _ transport: ServerTransport, recovery: Duration
    ) async -> (any Error)? {
        services.network.value = {
            StatusReport.Network(
                connections: transport.connectionCount, connectionsMax: transport.connectionsMax, bytes: transport.networkBytes,
                bytesMax: transport.networkBytesMax, longestTurnMicroseconds: Int(transport.longestTurn.microseconds),
                longestTurnByClockMicroseconds: Int(transport.longestTurnByClock.microseconds))
        }
        defer { services.network.value = nil }
        let timer = startTimer(services, transport)
        let scrubber = Scrubber(services: services)
        services.scrubber = scrubber
        let scrubbing = Task { await scrubber.run() }
        logger.info("ready", metadata: startMetadata(services, transport.endpoints, recovery: recovery))
        let failure = await runUntilStopped(services, starter, transport)
        scrubbing.cancel()
        logger.info("stopping: no new requests, running ones finish")
        PeerFiles(services).withdraw()
        services.online?.gate.close()
        services.offline?.gate.close()
        await transport.shutdownGracefully(within: configuration.drainLimit)
        timer.cancel()
        // It may have waited behind an audit that somebody asked for, which has ended by now.
        await scrubbing.value
        await scrubber.close()
        return failure
    }

    /// All that a reader of the log wants to know of a start.
    private func startMetadata(_ services: Services, _ endpoints: [Endpoint], recovery: Duration) -> Logger.Metadata {
        var metadata: Logger.Metadata = [
            "role": "\(configuration.role.rawValue)", "version": "\(HeadwaterVersion.current)",
            "pid": "\(ProcessInfo.processInfo.processIdentifier)", "directory": "\(configuration.dataDirectory)",
            "listen": "\(endpoints.map(\.description).joined(separator: ", "))",
            "recovery_ms": "\(Int(recovery / .milliseconds(1)))",
        ]
        if let online = services.online {
            metadata["durability"] = "\(online.options.durability.text)"
            metadata["rows"] = "\(online.store.statisticsAtMost.values.reduce(0) { $0 + $1.rows })"
            metadata["last_end"] = online.endedCleanly.map { $0 ? "clean" : "unclean" } ?? "none: a new store"
        }
        if let offline = services.offline {
            metadata["history_rows"] = "\(offline.store.status().groups.reduce(0) { $0 + $1.rowCount })"
        }
        return metadata
    }

    /// Feeds the offline service and waits until the process is told to stop.
    ///
    /// - Returns: what stopped it, where nobody told it to.
    private func runUntilStopped(
        _ services: Services, _ starter: OfflineStarter, _ transport: ServerTransport
    ) async -> (any Error)? {
        await withTaskGroup(of: (any Error)?.self) { group in
            group.addTask {
                do { try await starter.run() } catch {
                    if !(error is CancellationError) { return error }
                }
                // Nothing to feed, or cancelled: the other task decides when it is over.
                try? await Task.sleep(for: .seconds(1 << 30))
                return nil
            }
            group.addTask {
                // Cancelled instead of told: stop the same way.
                try? await gracefulShutdown()
                return nil
            }
            group.addTask { await self.announceWhenOpen(services, transport) }
            if let limit = configuration.stopWhenIdle {
                group.addTask { await self.waitUntilIdle(transport, for: limit) }
            }
            var failure: (any Error)?
            // The first to end is the failure, or the stop.
            if let first = await group.next() { failure = first }
            group.cancelAll()
            return failure
        }
    }

    /// Waits until no client has been connected for `limit`; the first one has longer to come.
    private func waitUntilIdle(_ transport: ServerTransport, for limit: Duration) async -> (any Error)? {
        var lastSeen = ContinuousClock.now + Self.firstClientLimit
        var seenCount: UInt64 = 0
        var looks = 0
        // A process that was stopped for a while looks again before it believes that nobody is there.
        while !Task.isCancelled, looks < 2 || ContinuousClock.now - lastSeen < limit {
            try? await Task.sleep(for: max(.milliseconds(50), min(limit / 4, .milliseconds(500))))
            looks += 1
            // Also those that came and went between two looks.
            if transport.connectionCount > 0 || transport.everConnectedCount > seenCount { (lastSeen, looks) = (.now, 0) }
            seenCount = transport.everConnectedCount
        }
        if !Task.isCancelled { logger.info("no client is connected any more") }
        return nil
    }

    /// Says where each role is served, once its store is open.
    private func announceWhenOpen(_ services: Services, _ transport: ServerTransport) async -> (any Error)? {
        do {
            try PeerFiles(services).announce(transport.endpoints)
            guard configuration.runsOffline, services.offline == nil else {
                try await Task.sleep(for: .seconds(1 << 30))
                return nil
            }
            while services.offline == nil { try await Task.sleep(for: .milliseconds(50)) }
            try PeerFiles(services).announce(transport.endpoints)
            try await Task.sleep(for: .seconds(1 << 30))
        } catch is CancellationError {
        } catch { return error }
        return nil
    }

    /// What offline has not taken in stays in the log: the next start goes on from there.
    ///
    /// - Parameter limit: how long writing what makes the next start fast may take.
    private func close(_ services: Services, within limit: Duration) async {
        // A task of its own, so that a cancelled caller does not cut the waits short.
        await Task {
            async let online: Void? = services.online?.close(within: limit)
            async let offline: Void? = services.offline?.close(within: limit)
            _ = await (online, offline)
            await services.close()
        }.value
    }

    private func openOnline(
        _ storage: RealStorage, _ ticker: Ticker, onDurable: @escaping @Sendable () -> Void
    ) throws(HeadwaterError) -> OnlineNode {
        var options = OnlineOptions()
        options.durability = configuration.durability
        options.logBytesMax = configuration.logBytesMax
        options.snapshotMemoryBytes = configuration.snapshotMemoryBytes
        options.memoryBytesMax = configuration.memoryBytesMax
        options.log = LogOptions(segmentBytes: configuration.segmentBytes)
        var random = SystemRandomNumberGenerator()
        let newLogID = LogID((0..<LogID.byteCount).map { _ in UInt8.random(in: .min ... .max, using: &random) })
        var replay = ReplayWatch(logger)
        let engine = try OnlineEngine.open(
            storage: storage, dataDirectory: configuration.dataDirectory, options: options, newLogID: newLogID,
            seed: random.next(), now: clock.now(), boot: clock.bootTime(),
            progress: { replay.note($0, of: $1) }, notice: { self.logger.warning("\($0)") })
        replay.tell(endedCleanly: engine.endedCleanly)
        // Before anybody reads: a store that is never open for long keeps its retention too.
        let now = engine.clockAtOpen?.last ?? clock.now()
        for error in engine.cutOffDue(now: now, ageTime: engine.clockAtOpen?.ageTime ?? now) {
            logger.warning("a retention cutoff was not taken", metadata: ["error": "\(error)"])
        }
        let node = OnlineNode(
            engine, clock: clock, logger: logger, ticker: ticker, replayed: replay.elapsed.microseconds, onDurable: onDurable)
        node.housekeep()
        return node
    }

    private func startTimer(_ services: Services, _ transport: ServerTransport) -> RepeatedTask {
        let freed = FreedMemory(services.workers)
        return NIOSingletons.posixEventLoopGroup.next().scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { _ in
            services.online?.housekeep()
            services.offline?.housekeep()
            services.auditViews.expire(now: Monotonic.now())
            freed.look(transport)
        }
    }
}
