import Catalog
import Engine
import FeatureModel
import Log
import OfflineStore
import OnlineStore
import StorageIO
import TestDisks

/// A directory opened as a server does, used, closed, and opened again.
extension DamageSweep {
    func asOwner(_ image: DirectoryImage, _ damage: DamageCase) -> Finding {
        do throws(HeadwaterError) {
            let storage = try image.storage()
            var client = base.client
            let node = try Node(storage, now: truth.now)
            try node.follow()
            let seen = try picture(node)
            let hasTail = seen.difference(from: truth.withTail) == nil
            if !hasTail, let difference = seen.difference(from: truth.acknowledged) { return .wrong(difference) }
            if let wrong = try use(node, &client, hasTail: hasTail) { return .wrong(wrong) }
            let isRepaired = try hasTail ? isMended(storage, image, damage) : nil
            return afterUse(node, client, storage, isRepaired: isRepaired)
        } catch { return .refused(error) }
    }

    /// What was taken is there, now and behind a clean stop: whoever took new writes does not refuse later.
    ///
    /// - Parameter isRepaired: whether the damage is gone from the disk; `nil` where only a prefix was there.
    private func afterUse(_ node: Node, _ client: Client, _ storage: MemoryStorage, isRepaired: Bool?) -> Finding {
        do throws(HeadwaterError) {
            let expected = Picture(
                writes: client.acknowledgedWrites, cutoffs: client.cutoffs.map(\.cutoff), catalog: node.catalog)
            if let difference = try picture(node).difference(from: expected) { return .wrong("after writes: \(difference)") }
            try node.stop()
            let again = try Node(storage, now: node.now)
            if let difference = try picture(again).difference(from: expected) { return .wrong("after a restart: \(difference)") }
            return isRepaired.map { .right(isRepaired: $0) } ?? .prefix
        } catch { return .refusedAfterUse(error) }
    }

    /// Everything as both stores show it, once they have checked each other's catalogs.
    private func picture(_ node: Node) throws(HeadwaterError) -> Picture {
        guard node.catalog.allGroups == truth.catalog.allGroups, node.offline.state.catalog.allGroups == truth.catalog.allGroups
        else { return Picture() }
        return try Picture(online: node.online.store, offline: node.offline.store, catalog: node.catalog)
    }

    /// Retries what was answered, sends again what was not, and writes something new; returns what went wrong.
    private func use(_ node: Node, _ client: inout Client, hasTail: Bool) throws(HeadwaterError) -> String? {
        for attempt in client.attempts.suffix(3) {
            if let wrong = client.repeated(attempt, node) { return wrong }
        }
        client.write([(["orders"], .write, 1)], node)
        let last = client.attempts[client.attempts.count - 1]
        guard case .acknowledged(let answer) = last.outcome else {
            throw node.online.state.current.failure ?? HeadwaterError(.internal, "a write after the damage was refused")
        }
        guard last.write.body == base.unsynced.body else { return "the tail's write is not made again as it was" }
        // The same session, sequence and content as the unsynced tail: one application, whether the tail survived or not.
        if hasTail && answer.position != truth.tail.position { return "the tail was applied twice: \(answer.position)" }
        client.write([(["kinds", "orders"], .write, 1)], node)
        try node.flush()
        try node.snapshot()
        return nil
    }

    /// Whether the damage is gone from the disk.
    private func isMended(
        _ storage: any Storage, _ image: DirectoryImage, _ damage: DamageCase
    ) throws(HeadwaterError) -> Bool {
        guard image[damage.path] != base.image[damage.path] else { return false }
        return try DirectoryImage(storage)[damage.path] != image[damage.path]
    }
}
