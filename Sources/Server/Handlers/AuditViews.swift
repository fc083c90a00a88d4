import FeatureModel
import OnlineStore
import Synchronization

/// The cuts of the online store that audits under way compare against.
final class AuditViews: Sendable {
    /// How long a cut is kept for an audit that asks for rows of it.
    static let lifetime: Microseconds = 120_000_000
    static let viewsMax = 4

    private let views = Mutex<[(view: OnlineSnapshotView, expires: Microseconds)]>([])

    func keep(_ view: OnlineSnapshotView, now: Microseconds) {
        views.withLock { views in
            views.append((view, now + Self.lifetime))
            if views.count > Self.viewsMax { views.removeFirst() }
        }
    }

    func view(at position: Position) throws(HeadwaterError) -> OnlineSnapshotView {
        guard let view = views.withLock({ $0.last { $0.view.position == position }?.view }) else {
            throw HeadwaterError(.failedPrecondition, "the cut at position \(position) is no longer kept: audit again")
        }
        return view
    }

    func expire(now: Microseconds) { views.withLock { $0.removeAll { $0.expires <= now } } }
}
