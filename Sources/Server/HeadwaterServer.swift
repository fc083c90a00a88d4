import Engine
import FeatureModel
package import Logging
public import ServiceLifecycle
import StorageIO
import Synchronization
import Transport

/// A Headwater server: opens its part of the data directory, serves until it is told to stop, drains, and closes cleanly.
///
/// What runs all the while is a part of it, a service of its own in one group: housekeeping, scrubber,
/// the feed of the history, the listener, and the watch that ends an idle server. The parts stop in the
/// reverse of their order, each when the one behind it has stopped; the stores close last.
public final class HeadwaterServer: Service {
    private struct State {
        var configuration: ServerConfiguration
        /// While the server runs.
        var services: Services?
    }

    private let state: Mutex<State>
    private let logger: Logger
    private let clock: any WallClock = SystemClock()
    private let doors: [any Door]
    private let spans: (any SpanSink)?

    /// - Parameters:
    ///   - doors: other ways in than the server's own protocol.
    ///   - spans: takes requests whose trace is sampled.
    package init(
        configuration: ServerConfiguration, logger: Logger, doors: [any Door] = [], spans: (any SpanSink)? = nil
    ) {
        state = Mutex(State(configuration: configuration.settled))
        self.logger = logger
        self.doors = doors
        self.spans = spans
    }

    private var configuration: ServerConfiguration { state.withLock { $0.configuration } }

    /// Takes those options of `new` that can change while a server runs (`LiveOption`); all else stays as it is.
    public func change(to new: ServerConfiguration) {
        let new = new.settled
        state.withLock { state in
            for option in LiveOption.all { option.take(&state.configuration, new) }
            state.services?.change(to: state.configuration)
        }
    }

    /// Serves until graceful shutdown or cancellation.
    ///
    /// - Throws: what keeps it from starting: a directory that another process owns, damage, an address in use.
    public func run() async throws {
        let manager = ServiceManager(socket: .taken(), logger: logger)
        do {
            var addresses: [String] = []
            for door in doors { addresses += try await door.open() }
            try await run(doorsAt: addresses, manager)
        } catch {
            // Where one of them did not open, those before it have.
            await closeDoors(within: .zero)
            throw error
        }
    }

    private func closeDoors(within limit: Duration) async { for door in doors { await door.close(within: limit) } }

    private func run(doorsAt addresses: [String], _ manager: ServiceManager) async throws {
        let started = ContinuousClock.now
        let storage = RealStorage(access: try configuration.group.map { try FileAccess.group($0) } ?? .owner)
        try storage.createDirectory(configuration.dataDirectory)
        let ticker = Ticker()
        defer { ticker.stop() }
        let online = try naming(storage) { () throws(HeadwaterError) in
            guard configuration.runsOnline else { return nil as OnlineNode? }
            return try OnlineNode.open(configuration, storage, clock: clock, ticker: ticker, logger: logger, manager: manager)
        }
        let services = Services(
            configuration: configuration, storage: storage, online: online, clock: online?.clock ?? clock, logger: logger,
            ticker: ticker,
            listening: Listening(doors: addresses, descriptorsElsewhere: doors.reduce(0) { $0 + $1.descriptorsMax }),
            spans: spans)
        state.withLock { state in
            state.services = services
            // Some of it may be another one since the stores began to open.
            services.change(to: state.configuration)
        }
        defer { state.withLock { $0.services = nil } }
        let feed = HistoryFeed(services: services)
        let listener: Listener
        do {
            try naming(storage) { () throws(HeadwaterError) in try feed.openNow() }
            try StoreFiles.settle(configuration, storage)
            listener = try await Listener(services, storage, started: started, manager: manager)
        } catch {
            // At once: what keeps a start from serving is said before
            // anything is written that would only make the next one faster.
            await close(services, within: .zero)
            throw error
        }
        var failure: (any Error)?
        do { try await serve(services, feed, listener, Doors(services: services, doors: doors, manager: manager)) } catch {
            failure = error
        }
        // Where a part failed they may be open still.
        await Task { await closeDoors(within: .zero) }.value
        await close(services, within: configuration.stopWithin)
        if let failure { throw failure }
        logger.info("stopped")
    }

    /// Runs the parts until the process is told to stop, or one of them fails.
    private func serve(
        _ services: Services, _ feed: HistoryFeed, _ listener: Listener, _ doors: Doors
    ) async throws {
        var parts: [any Service] = [
            Housekeeping(services: services, transport: listener.transport), Scrubber(services: services), feed, listener, doors,
        ]
        if let limit = configuration.stopWhenIdle {
            parts.append(IdleWatch(transport: listener.transport, limit: limit, logger: logger))
        }
        // Whatever happens to one, the others stop in order: running requests finish.
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: parts.map {
                    .init(
                        service: $0, successTerminationBehavior: .gracefullyShutdownGroup,
                        failureTerminationBehavior: .gracefullyShutdownGroup)
                }, logger: logger))
        try await group.run()
    }

    /// Adds to the error of a directory that another process holds where that one serves.
    private func naming<Value>(_ storage: RealStorage, _ open: () throws(HeadwaterError) -> Value) throws(HeadwaterError) -> Value
    {
        do throws(HeadwaterError) { return try open() } catch {
            throw PeerFiles.naming(holderOf: configuration.dataDirectory, in: error, storage)
        }
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
}
