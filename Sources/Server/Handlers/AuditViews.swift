import FeatureModel
import OnlineStore
import Synchronization

/// The cuts of the online store that audits under way compare against.
final class AuditViews: Sendable {
    /// How long a cut is kept after its last use, for an audit that asks for rows of it.
    static let lifetime: Microseconds = 120_000_000
    static let viewsMax = 4

    private let views = Mutex<[(view: OnlineSnapshotView, expires: Microseconds)]>([])

    func keep(_ view: OnlineSnapshotView, now: Microseconds) {
        let evicted: OnlineSnapshotView? = views.withLock { views in
            views.append((view, now + Self.lifetime))
            return views.count > Self.viewsMax ? views.removeFirst().view : nil
        }
        // Let go outside of the lock: it may free much.
        _ = evicted
    }

    /// The cut at a position, kept for its lifetime anew.
    func view(at position: Position, now: Microseconds) throws(HeadwaterError) -> OnlineSnapshotView {
        let view: OnlineSnapshotView? = views.withLock { views in
            guard let index = views.lastIndex(where: { $0.view.position == position }) else { return nil }
            views[index].expires = now + Self.lifetime
            return views[index].view
        }
        guard let view else {
            throw HeadwaterError(.failedPrecondition, "the cut at position \(position) is no longer kept: audit again")
        }
        return view
    }

    /// Lets go of one cut at a position: its audit is over.
    func drop(at position: Position) {
        views.withLock { views in
            if let index = views.firstIndex(where: { $0.view.position == position }) { views.remove(at: index) }
        }
    }

    func expire(now: Microseconds) { views.withLock { $0.removeAll { $0.expires <= now } } }
}
