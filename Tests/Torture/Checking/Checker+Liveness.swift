import Client
import FeatureModel

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
