import Client
import FeatureModel
import Wire

/// A store that breaks no promise, and does no work either, is broken too.
extension Checker {
    /// Long, as the whole machine may be paused for a while.
    private static let patience = Duration.seconds(90)

    /// Clients get so many further writes acknowledged: a server that answers takes writes as well.
    func expectWrites(_ count: Int = 10) async throws {
        try journals.read(site.journals)
        let before = acknowledgedCount
        let deadline = ContinuousClock.now + Self.patience
        while acknowledgedCount < before + count {
            if Interruption.isRequested { return }
            try site.checkClients()
            guard ContinuousClock.now < deadline else {
                let last = journals.entries.values.filter { $0.error != nil }.max { ($0.answered ?? 0) < ($1.answered ?? 0) }
                throw TortureError("the server is up, and writes do not go on: \(last?.error?.message ?? "none is answered")")
            }
            try await Task.sleep(for: .milliseconds(5))
            try journals.read(site.journals)
        }
    }

    private var acknowledgedCount: Int { journals.entries.values.count { $0.position != nil } }

    /// History comes to a position, however far behind it is: it may be slow beside
    /// clients that never rest, and may not stand still.
    func expectHistory(at position: Position, _ offline: Role) async throws {
        try await site.withClient(offline) { client in
            var applied: Position = 0
            var deadline = ContinuousClock.now + Self.patience
            while true {
                let status = try await client.status().value.offline
                guard let now = status?.appliedPosition else { throw TortureError("status without the history's position") }
                if now >= position || Interruption.isRequested { return }
                if now > applied { (applied, deadline) = (now, ContinuousClock.now + Self.patience) }
                guard ContinuousClock.now < deadline else {
                    throw TortureError(
                        "history stands still at \(now), behind \(position): \(status?.failure ?? "no reason is given")")
                }
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    /// With no fault under way a snapshot and a compaction are done when somebody asks for them.
    func expectUpkeep(_ online: Role, _ offline: Role) async throws {
        let deadline = ContinuousClock.now + Self.patience
        while true {
            do {
                _ = try await site.withClient(online) { try await $0.snapshot() }
                break
            } catch let error as HeadwaterError {
                // One of the server's own may be under way.
                guard error.code == .aborted, ContinuousClock.now < deadline else { throw error }
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        _ = try await site.withClient(offline) { try await $0.compact() }
        figures.facts["snapshots and compactions asked for", default: 0] += 1
    }
}
