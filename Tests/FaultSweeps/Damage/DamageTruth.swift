import Catalog
import Engine
import FeatureModel
import OfflineStore
import OnlineStore
import StorageIO

/// What a damaged directory may show: everything that was acknowledged, and the unsynced tail whole or not at all.
struct DamageTruth {
    let catalog: Catalog
    /// Everything acknowledged.
    let acknowledged: Picture
    /// The same and the unsynced tail.
    let withTail: Picture
    let tail: AppliedWrite
    /// The clock of the last life.
    let now: Microseconds
    private let base: DamageBase

    init(_ base: DamageBase) throws(HeadwaterError) {
        self.base = base
        let node = try Node(base.image.storage(), now: SweptTime.start + 1_000_000_000)
        now = node.now
        catalog = node.catalog
        // The undamaged directory tells where the tail came to stand; that it is right is checked against the journal below.
        try node.follow()
        let cutoffs = base.client.cutoffs.map(\.cutoff)
        acknowledged = Picture(writes: base.client.acknowledgedWrites, cutoffs: cutoffs, catalog: catalog)
        let lastKnown = base.client.acknowledgedWrites.map(\.position).max()!
        let seen = try Picture(online: node.online.store, offline: node.offline.store, catalog: catalog)
        let line = seen.groups.values.flatMap(\.history).first { $0.order.position > lastKnown }
        guard let line else { throw HeadwaterError(.internal, "the undamaged directory lost its unsynced tail") }
        tail = AppliedWrite(rows: base.unsynced.rows, position: line.order.position, ingestTime: line.ingestTime!)
        withTail = Picture(writes: base.client.acknowledgedWrites + [tail], cutoffs: cutoffs, catalog: catalog)
        if let difference = seen.difference(from: withTail) {
            throw HeadwaterError(.internal, "the undamaged directory differs from its journal: \(difference)")
        }
    }

    /// What a reader sees that stops at a position.
    func picture(through position: Position, also more: [AppliedWrite] = []) -> Picture {
        let writes = (base.client.acknowledgedWrites + [tail]).filter { $0.position <= position }
        let cutoffs = base.client.cutoffs.filter { $0.position! <= position }.map(\.cutoff)
        return Picture(writes: writes + more, cutoffs: cutoffs, catalog: catalog.asOf(position))
    }
}
