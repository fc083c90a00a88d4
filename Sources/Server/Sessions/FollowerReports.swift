import Engine
import FeatureModel
import Transport
import Wire

/// What status says of each follower: the log's figures, and what this process has heard.
struct FollowerReports {
    /// How long a status waits for the follower of its own directory.
    private static let localPatience = Duration.milliseconds(500)

    let services: Services

    func reports(_ followers: [FollowerFigures], durable: Position) async -> [StatusReport.Follower] {
        var reports: [StatusReport.Follower] = []
        for follower in followers {
            let name = follower.name.description
            if follower.name == OnlineEngine.localFollowerName, await isLocalAnswering() {
                services.followers.heard(name, now: services.clock.now())
                reports.append(report(follower, durable: durable, isConnected: true))
            } else {
                reports.append(report(follower, durable: durable, isConnected: services.followers[name]?.isConnected ?? false))
            }
        }
        return reports
    }

    private func report(_ follower: FollowerFigures, durable: Position, isConnected: Bool) -> StatusReport.Follower {
        let name = follower.name.description
        let isIdle = isConnected && follower.name != OnlineEngine.localFollowerName
        return StatusReport.Follower(
            name: name, position: follower.position, behind: durable - min(durable, follower.position),
            heldBytes: follower.heldBytes, connected: isConnected,
            // A connection that stands is heard of: a broken one ends.
            lastHeard: isIdle ? services.clock.now() : services.followers[name]?.lastHeard)
    }

    /// The local follower reads files: that it lives shows where it says that it serves.
    private func isLocalAnswering() async -> Bool {
        if services.offline != nil { return true }
        guard let address = PeerFiles(services).localAddress("offline"), let endpoint = try? Endpoint(address) else {
            return false
        }
        var options = ClientOptions()
        options.connectTimeout = Self.localPatience
        guard let transport = try? await ClientTransport.connect(to: endpoint, options: options) else { return false }
        defer { Task { await transport.close() } }
        return transport.hello.logID == services.logID
    }
}
