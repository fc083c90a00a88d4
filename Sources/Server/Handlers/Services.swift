import Engine
import FeatureModel
import Log
import Logging
import NIOPosix
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
    /// Threads for joins, scans and audits; a reader that stops reading holds one until its time is up.
    let workers = NIOThreadPool(numberOfThreads: 8)
    /// Feature lists resolved by `prepare`.
    let handles = HandleTable()
    let auditViews = AuditViews()
    private let offlineNode = Mutex<OfflineNode?>(nil)
    private let listening = Mutex<[Endpoint]>([])

    init(configuration: ServerConfiguration, storage: any Storage, online: OnlineNode?, clock: any WallClock, logger: Logger) {
        self.configuration = configuration
        self.storage = storage
        self.online = online
        self.clock = clock
        self.logger = logger
        workers.start()
    }

    /// The offline service, once it could be opened.
    var offline: OfflineNode? { offlineNode.withLock { $0 } }

    func setOffline(_ node: OfflineNode) { offlineNode.withLock { $0 = node } }

    var endpoints: [Endpoint] { listening.withLock { $0 } }
    func setEndpoints(_ endpoints: [Endpoint]) { listening.withLock { $0 = endpoints } }

    var logDirectory: String { StoragePath.join(configuration.dataDirectory, "log") }
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
        throw HeadwaterError(
            .unavailable,
            configuration.runsOffline
                ? "the offline service waits for the log that it is to follow: start the online service"
                : "this is the online service: history goes to the offline service, which is elsewhere or down")
    }

    /// Runs blocking work on a worker thread, and answers the request with what it throws.
    func onWorker(_ responder: Responder, _ work: @escaping @Sendable () throws -> Void) {
        workers.submit { state in
            guard case .active = state, !responder.isCancelled else {
                return responder.fail(HeadwaterError(.cancelled, "the request was cancelled before its work began"))
            }
            do { try work() } catch { responder.fail(asHeadwaterError(error)) }
        }
    }
}

/// Any error as one that the wire carries.
func asHeadwaterError(_ error: any Error) -> HeadwaterError {
    if let error = error as? HeadwaterError { return error }
    if error is CancellationError { return HeadwaterError(.cancelled, "the request was cancelled") }
    return HeadwaterError(.internal, "\(error)")
}
