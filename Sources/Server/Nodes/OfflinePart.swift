import FeatureModel
import Synchronization
import Wire

/// The offline service of this process, which may come later than the server, go when its history
/// is replaced, and never come at all.
final class OfflinePart: Sendable {
    private struct State {
        var node: OfflineNode?
        var fetch: StatusReport.Bootstrap?
        var failure: HeadwaterError?
    }

    private let state = Mutex(State())
    /// Whether this process is to serve history.
    private let isWanted: Bool

    init(isWanted: Bool) { self.isWanted = isWanted }

    /// The service, once it could be opened.
    var node: OfflineNode? { state.withLock { $0.node } }

    /// The history that is being fetched from another offline service, if one is.
    var fetch: StatusReport.Bootstrap? {
        get { state.withLock { $0.fetch } }
        set { state.withLock { $0.fetch = newValue } }
    }

    /// Why this process serves no history although it should, where the log can never make it whole again.
    var failure: HeadwaterError? { state.withLock { $0.failure } }

    func open(_ node: OfflineNode) { state.withLock { $0.node = node } }

    func fail(_ error: HeadwaterError) { state.withLock { $0.failure = error } }

    /// Takes the service out of use, before its history is replaced.
    func take() -> OfflineNode? { state.withLock { $0.node.take() } }

    /// - Throws: `.unavailable` saying why there is no history here now, or the failure that keeps it away for good.
    func need() throws(HeadwaterError) -> OfflineNode {
        let state = state.withLock { $0 }
        if let node = state.node { return node }
        if let failure = state.failure { throw failure }
        if let fetch = state.fetch {
            throw HeadwaterError(
                .unavailable,
                "the offline service has no history yet: "
                    + (fetch.failure ?? "\(fetch.receivedBytes) of \(fetch.totalBytes) bytes have come from \(fetch.source)"))
        }
        throw HeadwaterError(
            .unavailable,
            isWanted
                ? "the offline service waits for the log that it is to follow: start the online service"
                : "this is the online service: history goes to the offline service, which is elsewhere or down")
    }
}
