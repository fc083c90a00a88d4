import Client
import TestSupport

/// Work that somebody asks for, beside everything else; a fault may hit it.
struct Maintenance: Sendable {
    enum Kind: CaseIterable {
        case none
        case snapshot
        case compaction
    }

    private let kind: Kind
    private let address: String

    init(_ site: Site, _ kind: Kind) {
        self.kind = kind
        address = kind == .compaction ? site.offlineAddress : site.onlineAddress
    }

    init(_ site: Site, _ random: inout SplitMix64) { self.init(site, random.pick(Kind.allCases)) }

    /// Nobody minds how it ends.
    func start() -> Task<Void, Never> {
        Task {
            guard kind != .none, let client = try? await HeadwaterClient.connect(address, project: Groups.project) else { return }
            if kind == .snapshot { _ = try? await client.snapshot() } else { _ = try? await client.compact() }
            await client.close()
        }
    }
}
