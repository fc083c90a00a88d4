import Catalog
import Engine
import FeatureModel
import Log
import OfflineStore
import OnlineStore
import StorageIO

/// Compares all that both stores show with what one client was told.
struct Inspection {
    private let client: Client
    private(set) var violations: [Violation] = []

    init(_ client: Client) { self.client = client }

    private mutating func found(_ kind: Violation.Kind, _ text: String) { violations.append(Violation(kind: kind, text: text)) }

    /// - Throws: what a read says that fails.
    mutating func inspect(_ node: Node) throws(HeadwaterError) {
        try checkClaims(node)
        let catalog = node.catalog
        guard checkCatalog(catalog) else { return }
        guard node.offline.state.catalog.allGroups == catalog.allGroups else {
            // Definitions of a group whose sync failed may be durable, as its writes may: online knows them after a restart.
            if node.online.state.current.failure == nil { found(.disagreement, "the stores have different definitions") }
            return
        }
        let seen = try Picture(online: node.online.store, offline: node.offline.store, catalog: catalog)
        // Behind a final failure, a durable part of the failed group is in the history, and online only after a restart:
        // until then online is behind, as its position says. Nothing else may leave it behind.
        let position = node.online.store.appliedPosition
        if position < node.offline.store.appliedPosition, node.online.state.current.failure == nil {
            found(.disagreement, "online stands at \(position), history at \(node.offline.store.appliedPosition)")
        }
        if let lost = client.acknowledgedWrites.first(where: { $0.position > position }) {
            found(.lost, "online stands at \(position), the write at \(lost.position) was acknowledged")
        }
        checkPicture(seen, catalog, online: position)
    }

    /// What was answered OK beside writes has had its effect.
    private mutating func checkClaims(_ node: Node) throws(HeadwaterError) {
        if node.online.store.snapshotPosition < client.snapshotClaimed {
            found(
                .wrongOK,
                "the snapshot at \(client.snapshotClaimed) is gone; there is one at \(node.online.store.snapshotPosition)")
        }
        if node.offline.store.durablePosition < client.historyClaimed {
            found(
                .wrongOK, "history was flushed to \(client.historyClaimed), but stands at \(node.offline.store.durablePosition)")
        }
        let checkpoint = try FileLog(in: Node.directory, node.storage).follower(OnlineEngine.localFollowerID)
        let position = checkpoint?.position ?? 0
        if position < client.checkpointClaimed {
            found(.wrongOK, "the checkpoint at \(client.checkpointClaimed) is gone; it says \(position)")
        }
        if position > node.offline.store.durablePosition {
            found(.lost, "the checkpoint says \(position), but history stands at \(node.offline.store.durablePosition)")
        }
    }

    private mutating func checkCatalog(_ catalog: Catalog) -> Bool {
        let versions = catalog.group(project: SweptDefinitions.project, name: "orders")?.schemas.count ?? 0
        guard (client.definitionsAcknowledged...client.definitionsTried).contains(versions) else {
            found(
                .wrongOK,
                "definitions \(versions), but \(client.definitionsAcknowledged) of \(client.definitionsTried) were answered")
            return false
        }
        return true
    }

    /// Every acknowledged write once, every other one whole or not at all, and both stores alike.
    private mutating func checkPicture(_ seen: Picture, _ catalog: Catalog, online: Position) {
        let known = client.cutoffs.filter { $0.position != nil }.map(\.cutoff)
        let all = client.cutoffs.map(\.cutoff)
        var problems: [Violation] = []
        for cutoffs in known.count == all.count ? [known] : [known, all] {
            problems = compare(seen, cutoffs, catalog, online: online)
            if problems.isEmpty { return }
        }
        violations += problems
    }

    private func compare(
        _ seen: Picture, _ cutoffs: [RetentionCutoff], _ catalog: Catalog, online: Position
    ) -> [Violation] {
        var problems: [Violation] = []
        let acknowledged = client.acknowledgedWrites
        var lines: [Position: [GroupID: [Picture.Line]]] = [:]
        for (id, group) in seen.groups {
            for line in group.history { lines[line.order.position, default: [:]][id, default: []].append(line) }
        }
        for write in acknowledged {
            let expected = Picture.lines(write, cutoffs, catalog)
            if lines.removeValue(forKey: write.position) ?? [:] != expected {
                problems.append(
                    Violation(kind: .lost, text: "the acknowledged write at \(write.position) is not whole in history"))
            }
        }
        var applied = acknowledged
        for (position, found) in lines.sorted(by: { $0.key < $1.key }) {
            let ingestTime = found.values.first!.first!.ingestTime!
            let match = client.attempts.first { attempt in
                let write = AppliedWrite(rows: attempt.write.rows, position: position, ingestTime: ingestTime)
                return Picture.lines(write, cutoffs, catalog) == found
            }
            guard let match else {
                problems.append(Violation(kind: .wrongRead, text: "rows at \(position) are no whole write of the client"))
                continue
            }
            let isSecond = match.isAcknowledged || applied.contains { $0.number == match.number }
            if isSecond {
                problems.append(Violation(kind: .doubled, text: "write \(match.number) stands at \(position) again"))
            }
            applied.append(
                AppliedWrite(rows: match.write.rows, position: position, ingestTime: ingestTime, number: match.number))
        }
        guard problems.isEmpty else { return problems }
        let expected = Picture(
            online: Picture(writes: applied.filter { $0.position <= online }, cutoffs: cutoffs, catalog: catalog),
            offline: Picture(writes: applied, cutoffs: cutoffs, catalog: catalog))
        return seen.difference(from: expected).map { [Violation(kind: .disagreement, text: $0)] } ?? []
    }
}

extension Picture {
    /// What one write shows in history, by group.
    static func lines(_ write: AppliedWrite, _ cutoffs: [RetentionCutoff], _ catalog: Catalog) -> [GroupID: [Line]] {
        var lines: [GroupID: [Line]] = [:]
        for group in catalog.allGroups {
            let cutoff = cutoffs.filter { $0.groupID == group.id }.map(\.cutoff).max() ?? .min
            let shown = Self.lines([write], group.newestSchema).filter { $0.order.eventTime >= cutoff }
            if !shown.isEmpty { lines[group.id] = shown }
        }
        return lines
    }
}
