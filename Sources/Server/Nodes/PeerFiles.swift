import Engine
import FeatureModel
import StorageIO
import Transport
import Wire

/// How the services of one data directory find each other: each writes where it listens beside its part (`AddressFile`).
struct PeerFiles {
    private let services: Services
    private var configuration: ServerConfiguration { services.configuration }

    init(_ services: Services) { self.services = services }

    private func path(_ role: String) -> String { AddressFile.path(role, in: configuration.dataDirectory) }

    /// Roles of this process whose store is open: only its owner may say where it is served.
    private var openRoles: [String] {
        (services.online == nil ? [] : ["online"]) + (services.offline == nil ? [] : ["offline"])
    }

    /// - Parameter doors: the addresses of other doors than the server's own protocol, as URLs.
    func announce(_ endpoints: [Endpoint], doors: [String]) throws(HeadwaterError) {
        let text = (endpoints.map { "\($0)" } + doors).map { "\($0)\n" }.joined()
        for role in openRoles { try services.storage.replaceAtomically(path(role), Array(text.utf8)) }
    }

    /// Best effort: an address that stays behind leads to a refused connection, which says enough.
    func withdraw() {
        for role in openRoles { try? services.storage.remove(path(role)) }
    }

    /// Where a role of this directory was last said to be served.
    func localAddress(_ role: String) -> String? {
        AddressFile.address(role, in: configuration.dataDirectory, services.storage)
    }

    /// The error of opening a directory that another process holds, with
    /// the address at which that one serves; any other error as it is.
    static func naming(
        holderOf dataDirectory: String, in error: HeadwaterError, _ storage: any Storage
    ) -> HeadwaterError {
        guard error.isOfHeldLock, let address = AddressFile.firstAddress(in: dataDirectory, storage) else { return error }
        return HeadwaterError(error.code, "\(error.message); it serves at \(address)", at: error.location)
    }

    /// The roles that are served elsewhere, and where: those of this directory first, then the followers of this log.
    func peers() -> [Peer] {
        var peers: [(role: String, address: String)] = []
        for role in ["online", "offline"] where !configuration.roleNames.contains(role) {
            let follow = role == "online" ? configuration.follow.map { "\($0)" } : nil
            if let address = follow ?? localAddress(role) { peers.append((role, address)) }
        }
        peers += services.followers.addresses.map { ("offline", $0) }
        return peers.map { peer in Peer.with { ($0.role, $0.address) = peer } }
    }

    /// Connects to the online service that belongs to this offline one.
    ///
    /// - Throws: `.unavailable` where it is not known or does not answer.
    func connectToOnline() async throws(HeadwaterError) -> ClientTransport {
        guard let peer = peers().first(where: { $0.role == "online" }) else {
            throw HeadwaterError(
                .unavailable, "no online service has announced itself in \(configuration.dataDirectory): start it")
        }
        return try await ClientTransport.connect(
            to: Endpoint(peer.address),
            hello: HelloRequest.with { ($0.clientName, $0.clientVersion) = ("headwater offline", HeadwaterVersion.current) })
    }
}
