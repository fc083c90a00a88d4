import Engine
import FeatureModel
import Log
import Logging
import NIOCore
import OnlineStore
import StorageIO
import Synchronization
import Transport
import Wire

/// What the handlers work with: the services of this process, and threads for long reads.
final class Services: Sendable {
    let configuration: ServerConfiguration
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
    /// What the connections take, once there are any.
    let network = Mutexed<(@Sendable () -> StatusReport.Network)?>(nil)
    /// Asks the owner of the log where it ends, for all reads that wait.
    let ownersEnd = SharedQuestion<OwnersEnd?>()
    /// Followers of this online service.
    let followers = FollowerRegistry()
    /// The history that is being fetched from another offline service, if one is.
    let bootstrap = Mutexed<StatusReport.Bootstrap?>(nil)
    /// Why this process serves no history although it should, where the log can never make it whole again.
    let historyFailure = Mutexed<HeadwaterError?>(nil)
    /// Where this process listens, once it does.
    let listening = Mutexed<[Endpoint]>([])
    /// When this process opened its directory.
    let startedAt: Microseconds
    /// Memory of reads, for each event loop.
    private let scratches = Mutex<[ObjectIdentifier: NIOLoopBound<PreparedGetHandler.Scratch>]>([:])
    private let scrubberBox = Mutex<Scrubber?>(nil)
    private let offlineNode = Mutex<OfflineNode?>(nil)

    init(
        configuration: ServerConfiguration, storage: any Storage, online: OnlineNode?, clock: any WallClock, logger: Logger,
        ticker: Ticker = Ticker()
    ) {
        self.ticker = ticker
        self.configuration = configuration
        self.storage = storage
        self.online = online
        self.clock = clock
        self.logger = logger
        online?.isAbsent.value = { [followers] in followers.isAbsent($0) }
        workers = Workers(besideGets: online != nil)
        historyMemory = MemoryBudget(bytesMax: configuration.historyBytesMax)
        startedAt = clock.now()
    }

    /// Called on the event loop.
    func scratch(of eventLoop: any EventLoop, _ store: OnlineStore) -> PreparedGetHandler.Scratch {
        scratches.withLock { all in
            let id = ObjectIdentifier(eventLoop)
            if let known = all[id] { return known }
            let fresh = NIOLoopBound(PreparedGetHandler.Scratch(store), eventLoop: eventLoop)
            all[id] = fresh
            return fresh
        }.value
    }

    /// The offline service, once it could be opened.
    var offline: OfflineNode? { offlineNode.withLock { $0 } }

    func setOffline(_ node: OfflineNode) { offlineNode.withLock { $0 = node } }

    /// Takes the offline service out of use, before its history is replaced.
    func takeOffline() -> OfflineNode? {
        offlineNode.withLock { node in
            defer { node = nil }
            return node
        }
    }

    /// Reads cold files in the background; `nil` before the server serves.
    var scrubber: Scrubber? {
        get { scrubberBox.withLock { $0 } }
        set { scrubberBox.withLock { $0 = newValue } }
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

    func needOffline() throws(HeadwaterError) -> OfflineNode {
        if let offline { return offline }
        if let failure = historyFailure.value { throw failure }
        if let bootstrap = bootstrap.value {
            throw HeadwaterError(
                .unavailable,
                "the offline service has no history yet: "
                    + (bootstrap.failure
                        ?? "\(bootstrap.receivedBytes) of \(bootstrap.totalBytes) bytes have come from \(bootstrap.source)"))
        }
        throw HeadwaterError(
            .unavailable,
            configuration.runsOffline
                ? "the offline service waits for the log that it is to follow: start the online service"
                : "this is the online service: history goes to the offline service, which is elsewhere or down")
    }
}

/// Any error as one that the wire carries.
func asHeadwaterError(_ error: any Error) -> HeadwaterError {
    if let error = error as? HeadwaterError { return error }
    if error is CancellationError { return HeadwaterError(.cancelled, "the request was cancelled") }
    return HeadwaterError(.internal, "\(error)")
}
