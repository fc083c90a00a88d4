import Engine
import FeatureModel
import Foundation
import Logging
import OfflineStore
import OnlineStore
import ServiceLifecycle
import StorageIO
import Transport
import Wire

/// The part of a server that answers: announces where it serves, and takes requests until it is
/// told to stop; then running ones finish.
struct Listener: Service {
    let services: Services
    let transport: ServerTransport
    /// When the process began to open its directory.
    let started: ContinuousClock.Instant
    let manager: ServiceManager

    private var configuration: ServerConfiguration { services.configuration }

    /// Listens: requests are answered from here on.
    ///
    /// - Throws: as `ServerTransport.start`.
    init(
        _ services: Services, _ storage: RealStorage, started: ContinuousClock.Instant, manager: ServiceManager
    ) async throws {
        self.services = services
        self.started = started
        self.manager = manager
        var options = ServerOptions()
        options.allowInsecure = services.configuration.allowInsecure
        options.descriptorsElsewhere = services.listening.descriptorsElsewhere
        options.networkBytesMax = services.configuration.networkBytes
        transport = try await ServerTransport.start(
            endpoints: services.configuration.endpoints, handler: Router(services: services), options: options)
        do {
            for case .unix(let path) in transport.endpoints { try storage.settle(socket: path) }
        } catch {
            await transport.shutdownGracefully(within: .zero)
            throw error
        }
        services.listening.begin(transport)
        // Another bound may hold since it began to listen.
        transport.networkBytesMax = services.configuration.networkBytes
        if transport.connectionsMax < options.connectionsMax {
            services.logger.warning(
                "the limit of open files allows fewer connections than usual: raise it",
                metadata: ["connections": "\(transport.connectionsMax)", "usual": "\(options.connectionsMax)"])
        }
    }

    /// - Throws: where the addresses cannot be written beside the stores.
    func run() async throws {
        let announced = Result { try services.listening.announce(PeerFiles(services)) }
        if case .success = announced {
            services.logger.info("ready", metadata: startMetadata)
            manager.ready(at: transport.endpoints)
            // A server whose task is cancelled instead stops the same way.
            try? await gracefulShutdown()
        }
        services.logger.info("stopping: no new requests, running ones finish")
        // Requests here, then those at other doors, then the stores.
        manager.stopping(within: configuration.drainLimit * 2 + configuration.stopWithin)
        services.listening.withdraw(PeerFiles(services))
        services.beginStop()
        // A task of its own, so that a cancelled one does not cut it short.
        await Task { await transport.shutdownGracefully(within: configuration.drainLimit) }.value
        try announced.get()
    }

    /// All that a reader of the log wants to know of a start.
    private var startMetadata: Logger.Metadata {
        var metadata: Logger.Metadata = [
            "role": "\(configuration.role.rawValue)", "version": "\(HeadwaterVersion.current)",
            "pid": "\(ProcessInfo.processInfo.processIdentifier)", "directory": "\(configuration.dataDirectory)",
            "listen": "\((transport.endpoints.map(\.description) + services.listening.doors).joined(separator: ", "))",
            "recovery_ms": "\(Int((ContinuousClock.now - started) / .milliseconds(1)))",
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
}
