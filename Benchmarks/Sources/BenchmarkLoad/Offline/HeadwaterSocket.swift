internal import FeatureModel
internal import Foundation

/// Headwater as a system of the offline benchmark: a server, and a client in this process that asks it through a socket.
///
/// It is filled once, with the first of the tables; `end` leaves it as it is for the next work, `stop` ends it.
public final class HeadwaterSocket: OfflineSystem {
    private let binary: String
    private let place: String
    private var server: HistoryServer?
    private var spines: [String: OfflineStand.Spine] = [:]

    /// - Parameter place: a directory in which a socket has a legal path.
    public init(binary: String, place: String) {
        self.binary = binary
        self.place = place
    }

    deinit { stop() }

    /// Of the server, rows of the online store and pages of mapped files included; not what the client holds.
    public var peakBytes: Int? { server?.process.memory().peak }

    public func end() {}

    public func stop() {
        server?.stop()
        server = nil
    }

    public func ask(_ request: OfflineRequest) throws -> OfflineAnswer {
        var answer = OfflineAnswer()
        switch request.action {
        case .open:
            spines = try request.spines!.reduce(into: [:]) { $0[$1.name] = try OfflineStand.Spine($1) }
            if server == nil { server = try filled(with: request.tables![0]) }
            server?.process.resetPeakMemory()
        case .join:
            let figures = try server!.join(spines[request.spine!]!, request.groups![0], output: request.output)
            (answer.seconds, answer.rows) = (figures.seconds, figures.rows)
        default: throw HeadwaterError(.invalidArgument, "a server is not asked for '\(request.action)' here")
        }
        return answer
    }

    private func filled(with table: OfflineTable) throws -> HistoryServer {
        let directory = "\(place)/server"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let server = try HistoryServer(binary: binary, directory: directory, tables: [table])
        try server.load(table)
        try server.compact()
        return server
    }

    /// Of gets of the first table, while nothing else happens and while a client does a job: p99 in milliseconds, one a round.
    func gets(
        beside job: OfflineJob, _ table: OfflineTable, seconds: Double, rounds: Int
    ) throws -> HistoryServer.GetsBesideJobs {
        let group = OfflineRequest.Group(name: table.name, features: [table.featureNames[0]])
        let work: @Sendable () throws -> Void
        switch job {
        case .join(let spine):
            let join = server!.joining(spines[spine]!, group)
            work = { _ = try join() }
        case .scan: work = server!.scanning(group)
        }
        return try server!.gets(beside: work, table, rate: Self.getsPerSecond, seconds: seconds, rounds: rounds)
    }

    static let getsPerSecond = 10_000.0
}
