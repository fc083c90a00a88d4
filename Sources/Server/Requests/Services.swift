import Engine
package import FeatureModel
import Log
import Logging
import StorageIO
import Synchronization
import Transport
import Wire

/// What the handlers work with: the services of this process, and threads for long reads.
final class Services: Sendable {
    private let currentConfiguration: Mutexed<ServerConfiguration>
    let storage: any Storage
    let online: OnlineNode?
    let clock: any WallClock
    let logger: Logger
    let workers: Workers
    /// Memory of all history requests together.
    let historyMemory: MemoryBudget
    /// Feature lists resolved by `prepare`.
    let handles = HandleTable()
    let auditViews = AuditViews()
    let writeOrder = WriteOrder()
    /// Tells the time to what waits for it.
    let ticker: Ticker
    let listening: Listening
    /// Set when the server begins to stop: work that nobody waits for gives up.
    private let stopping = Atomic<Bool>(false)
    /// Asks the owner of the log where it ends, for all reads that wait.
    let ownersEnd = SharedQuestion<OwnersEnd?>()
    /// Followers of this online service.
    let followers = FollowerRegistry()
    /// The offline service, as it comes and goes.
    let history: OfflinePart
    /// What scrubs have found.
    let scrubs: ScrubRecord
    /// What audits and the scrubs' comparisons came to.
    let audits = AuditRecord()
    /// When this process opened its directory.
    let startedAt: Microseconds
    /// Hears of requests that have ended.
    let requestLog: RequestLog
    /// Nulls that expressions made, in gets and histories.
    let expressionNulls = ExpressionNulls()
    /// Memory of gets, for each event loop.
    let scratches = PreparedGetHandler.Scratches()

    init(
        configuration: ServerConfiguration, storage: any Storage, online: OnlineNode?, clock: any WallClock, logger: Logger,
        ticker: Ticker = Ticker(), listening: Listening = Listening(), spans: (any SpanSink)? = nil
    ) {
        self.listening = listening
        self.ticker = ticker
        currentConfiguration = Mutexed(configuration)
        self.storage = storage
        self.online = online
        self.clock = clock
        self.logger = logger
        online?.isAbsent.value = { [followers] in followers.isAbsent($0) }
        workers = Workers(besideGets: online != nil)
        historyMemory = MemoryBudget(bytesMax: configuration.historyBytesMax)
        history = OfflinePart(isWanted: configuration.runsOffline)
        scrubs = ScrubRecord(configuration, storage, clock, logger)
        startedAt = clock.now()
        requestLog = RequestLog(slow: configuration.slowRequest, logger: logger, spans: spans)
    }

    /// As it is now: some of it may change while the server runs.
    var configuration: ServerConfiguration { currentConfiguration.value }

    /// Lets every part know what has changed.
    func change(to configuration: ServerConfiguration) {
        currentConfiguration.value = configuration
        online?.setLimits(of: configuration)
        // A history that opens now, and a listener that begins now, look once they are seen here.
        offline?.setLimits(of: configuration)
        listening.transport?.networkBytesMax = configuration.networkBytes
        historyMemory.bytesMax = configuration.historyBytesMax
        scrubs.setInterval(configuration.scrubInterval)
    }

    var offline: OfflineNode? { history.node }

    var isStopping: Bool { stopping.load(ordering: .sequentiallyConsistent) }

    /// The server begins to stop: reads that wait for a position are answered.
    func beginStop() {
        stopping.store(true, ordering: .sequentiallyConsistent)
        online?.gate.close()
        offline?.gate.close()
    }

    /// Ends the worker threads.
    func close() async { await workers.shutdown() }

    /// The log of the data directory.
    var log: any RecordLog { FileLog(in: configuration.dataDirectory, storage) }
    var logID: [UInt8] { online?.logID.bytes ?? offline?.logID ?? [] }

    /// - Throws: `.unavailable` saying which service is missing here.
    func needOnline() throws(HeadwaterError) -> OnlineNode {
        guard let online else {
            throw HeadwaterError(
                .unavailable, "this is the offline service: writes and gets go to the online service, which is elsewhere or down")
        }
        return online
    }

    func needOffline() throws(HeadwaterError) -> OfflineNode { try history.need() }
}

/// Any error as one that the wire carries.
package func asHeadwaterError(_ error: any Error) -> HeadwaterError {
    if let error = error as? HeadwaterError { return error }
    if error is CancellationError { return HeadwaterError(.cancelled, "the request was cancelled") }
    return HeadwaterError(.internal, "\(error)")
}
