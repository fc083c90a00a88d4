import Client
import TestSupport

/// A snapshot, a compaction or neither, by chance, beside everything else; the kill may hit it.
struct Maintenance: Sendable {
    private let kind: Int
    private let online: String
    private let offline: String

    init(_ site: Site, _ random: inout SplitMix64) {
        kind = random.int(0...3)
        online = site.address(site.servers[.serve] == nil ? .online : .serve)
        offline = site.offlineAddress
    }

    func start() -> Task<Void, Never> {
        Task {
            guard kind < 2,
                let client = try? await HeadwaterClient.connect(kind == 0 ? online : offline, project: Groups.project)
            else { return }
            if kind == 0 { _ = try? await client.snapshot() } else { _ = try? await client.compact() }
            await client.close()
        }
    }
}
