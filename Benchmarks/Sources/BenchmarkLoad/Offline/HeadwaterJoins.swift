internal import Client
internal import FeatureModel

/// A client of a server that somebody else has started and filled: it joins, as `HeadwaterSocket` does.
public final class HeadwaterJoins: OfflineSystem {
    private let client: HeadwaterClient
    private var spines: [String: OfflineStand.Spine] = [:]

    /// - Parameter address: `HOST:PORT` or `unix:PATH`.
    public init(address: String, project: String) throws {
        client = try waiting { try await HeadwaterClient.connect(address, project: project) }
    }

    public var peakBytes: Int? { nil }

    public func end() {
        let client = client
        try? waiting { await client.close() }
    }

    public func ask(_ request: OfflineRequest) throws -> OfflineAnswer {
        var answer = OfflineAnswer()
        switch request.action {
        case .open: spines = try request.spines!.reduce(into: [:]) { $0[$1.name] = try OfflineStand.Spine($1) }
        case .join:
            let (spine, group) = (spines[request.spine!]!, request.groups![0])
            let figures = try HistoryServer.join(spine, group, output: request.output, by: client)
            (answer.seconds, answer.rows) = (figures.seconds, figures.rows)
        default: throw HeadwaterError(.invalidArgument, "a client is not asked for '\(request.action)' here")
        }
        return answer
    }
}
