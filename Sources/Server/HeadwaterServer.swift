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
        let opened: (node: OnlineNode, endedCleanly: Bool?)?
        do throws(HeadwaterError) {
            opened = try configuration.runsOnline ? openOnline(storage, ticker) { trigger.value?() } : nil
        } catch { throw PeerFiles.naming(holderOf: configuration.dataDirectory, in: error, storage) }
        let services = Services(
            configuration: configuration, storage: storage, online: opened?.node, clock: opened?.node.clock ?? clock,
            logger: logger, ticker: ticker)
        let starter = OfflineStarter(services: services, trigger: trigger)
        do {
            do throws(HeadwaterError) { try starter.openNow() } catch {
                throw PeerFiles.naming(holderOf: configuration.dataDirectory, in: error, storage)
            }
            try StoreFiles.settle(configuration, storage)
            try await serve(
                services, starter, storage, recovery: ContinuousClock.now - started, endedCleanly: opened?.endedCleanly)
        } catch {
            await close(services)
            throw error
        }
        await close(services)
        logger.info("stopped")
    }

    private func serve(
        _ services: Services, _ starter: OfflineStarter, _ storage: RealStorage, recovery: Duration, endedCleanly: Bool?
    ) async throws {
        var options = ServerOptions()
        options.allowInsecure = configuration.allowInsecure
        options.networkBytesMax = configuration.networkBytesMax ?? NetworkMemory.bytesMax
        let transport = try await ServerTransport.start(
            endpoints: configuration.endpoints, handler: Router(services: services), options: options)
        services.listening.value = transport.endpoints
        for case .unix(let path) in transport.endpoints { try storage.settle(socket: path) }
        if transport.connectionsMax < options.connectionsMax {
            logger.warning(
                "the limit of open files allows fewer connections than usual: raise it",
                metadata: ["connections": "\(transport.connectionsMax)", "usual": "\(options.connectionsMax)"])
        }
        services.network.value = {
            StatusReport.Network(
                connections: transport.connectionCount, connectionsMax: transport.connectionsMax, bytes: transport.networkBytes,
                bytesMax: transport.networkBytesMax, longestTurnMicroseconds: Int(transport.longestTurn.microseconds))
        }
        defer { services.network.value = nil }
        let timer = startTimer(services, transport)
        let scrubber = Scrubber(services: services)
        services.scrubber = scrubber
        let scrubbing = Task { await scrubber.run() }
        logger.info(
            "ready", metadata: startMetadata(services, transport.endpoints, recovery: recovery, endedCleanly: endedCleanly))
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
        if let failure { throw failure }
    }

    /// All that a reader of the log wants to know of a start.
    private func startMetadata(
        _ services: Services, _ endpoints: [Endpoint], recovery: Duration, endedCleanly: Bool?
    ) -> Logger.Metadata {
        var metadata: Logger.Metadata = [
            "role": "\(configuration.role.rawValue)", "version": "\(HeadwaterVersion.current)",
            "pid": "\(ProcessInfo.processInfo.processIdentifier)", "directory": "\(configuration.dataDirectory)",
            "listen": "\(endpoints.map(\.description).joined(separator: ", "))",
            "recovery_ms": "\(Int(recovery / .milliseconds(1)))",
        ]
        if let online = services.online {
            metadata["durability"] = "\(online.options.durability.text)"
            metadata["rows"] = "\(online.store.statisticsAtMost.values.reduce(0) { $0 + $1.rows })"
            metadata["last_end"] = endedCleanly.map { $0 ? "clean" : "unclean" } ?? "none: a new store"
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
    private func close(_ services: Services) async {
        // A task of its own, so that a cancelled caller does not cut the waits short.
        await Task {
            let limit = configuration.stopWithin
            async let online: Void? = services.online?.close(within: limit)
            async let offline: Void? = services.offline?.close(within: limit)
            _ = await (online, offline)
            await services.close()
        }.value
    }

    private func openOnline(
        _ storage: RealStorage, _ ticker: Ticker, onDurable: @escaping @Sendable () -> Void
    ) throws(HeadwaterError) -> (node: OnlineNode, endedCleanly: Bool?) {
        var options = OnlineOptions()
        options.durability = configuration.durability
        options.logBytesMax = configuration.logBytesMax
        options.snapshotMemoryBytes = configuration.snapshotMemoryBytes
        options.memoryBytesMax = configuration.memoryBytesMax
        options.log = LogOptions(segmentBytes: configuration.segmentBytes)
        var random = SystemRandomNumberGenerator()
        let newLogID = LogID((0..<LogID.byteCount).map { _ in UInt8.random(in: .min ... .max, using: &random) })
        let started = ContinuousClock.now
        var firstReplayed: Position?
        let engine = try OnlineEngine.open(
            storage: storage, dataDirectory: configuration.dataDirectory, options: options, newLogID: newLogID,
            seed: random.next(), now: clock.now(), boot: clock.bootTime(),
            progress: { applied, last in
                firstReplayed = firstReplayed ?? applied
                self.logger.info("replaying the log", metadata: ["position": "\(applied)", "of": "\(last)"])
            }, notice: { self.logger.warning("\($0)") })
        // Before anybody reads: a store that is never open for long keeps its retention too.
        let now = engine.clockAtOpen?.last ?? clock.now()
        for error in engine.cutOffDue(now: now, ageTime: engine.clockAtOpen?.ageTime ?? now) {
            logger.warning("a retention cutoff was not taken", metadata: ["error": "\(error)"])
        }
        let recovered = (ContinuousClock.now - started)
        if firstReplayed != nil { explainReplay(engine, recovered) }
        let endedCleanly = engine.endedCleanly
        let node = OnlineNode(
            engine, clock: clock, logger: logger, ticker: ticker, replayed: firstReplayed == nil ? 0 : recovered.microseconds,
            onDurable: onDurable)
        node.housekeep()
        return (node, endedCleanly)
    }

    /// Says why a start took the time to apply the log anew.
    private func explainReplay(_ engine: OnlineEngine, _ elapsed: Duration) {
        let reason =
            switch (engine.wasClosed, elapsed.microseconds > OnlineNode.replayLeast) {
            case (false, _): "the last end was not clean"
            case (true, true): "the last stop wrote no snapshot: it would have taken longer than --stop-within"
            case (true, false): "the last stop wrote no snapshot for so little"
            }
        logger.info(
            "replayed the log",
            metadata: [
                "from": "\(engine.store.snapshotPosition)", "to": "\(engine.store.appliedPosition)",
                "milliseconds": "\(elapsed.microseconds / 1_000)", "because": "\(reason)",
            ])
    }

    /// Freed memory of connections beyond which it is given back to the system.
    private static let trimmedBytesLeast = 32 << 20

    private func startTimer(_ services: Services, _ transport: ServerTransport) -> RepeatedTask {
        NIOSingletons.posixEventLoopGroup.next().scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { _ in
            services.online?.housekeep()
            services.offline?.housekeep()
            services.auditViews.expire(now: Monotonic.now())
            if transport.takePeak(above: Self.trimmedBytesLeast) {
                services.workers.fileCrew.submit { EventLoops.returnFreedMemory() }
            }
        }
    }
}
