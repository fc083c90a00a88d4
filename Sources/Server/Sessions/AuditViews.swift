import FeatureModel
import OnlineStore
import Synchronization

/// The cuts of the online store that audits under way compare against.
///
/// A cut holds the maps of its moment, each of which a snapshot may have replaced since, and in them one version of each key
/// that was overwritten since: no more memory than twice those maps, however much is written meanwhile.
final class AuditViews: Sendable {
    /// Whose cut it is.
    enum Owner: Hashable, Sendable {
        /// An audit in this process.
        case audit(UInt64)
        /// An audit in another one: its cut goes with its connection.
        case connection(UInt64)
    }

    /// How long a cut is kept that nobody asks about any more.
    static let lifetime: Microseconds = 1_800_000_000
    static let viewsMax = 4

    /// Times are as `Monotonic` counts.
    private let views = Mutex<[(owner: Owner, view: OnlineReadView, expires: Microseconds)]>([])

    /// Keeps a cut in place of the owner's one before.
    ///
    /// - Throws: `.resourceExhausted` while others keep as many as there may be.
    func keep(_ view: OnlineReadView, owner: Owner, now: Microseconds) throws(HeadwaterError) {
        drop(owner)
        let isKept = views.withLock { views in
            guard views.count < Self.viewsMax else { return false }
            views.append((owner, view, now + Self.lifetime))
            return true
        }
        guard isKept else {
            throw HeadwaterError(.resourceExhausted, "\(Self.viewsMax) audits are under way already: try again when one is done")
        }
    }

    /// The owner's cut, kept for its lifetime anew.
    func view(at position: Position, owner: Owner, now: Microseconds) throws(HeadwaterError) -> OnlineReadView {
        let view: OnlineReadView? = views.withLock { views in
            guard let index = views.firstIndex(where: { $0.owner == owner && $0.view.position == position }) else { return nil }
            views[index].expires = now + Self.lifetime
            return views[index].view
        }
        guard let view else {
            throw HeadwaterError(.failedPrecondition, "the cut at position \(position) is no longer kept: audit again")
        }
        return view
    }

    func drop(_ owner: Owner) { remove { candidate, _ in candidate == owner } }

    func expire(now: Microseconds) { remove { _, expires in expires <= now } }

    private func remove(_ isGone: (Owner, Microseconds) -> Bool) {
        // What goes is let go outside of the lock: it may free much.
        let gone = views.withLock { views in
            let before = views
            views.removeAll { isGone($0.owner, $0.expires) }
            return before
        }
        _ = gone
    }
}
