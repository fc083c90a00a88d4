import FeatureModel
import Synchronization
import Transport

/// What this process listens with, and whether it says so beside its stores. For any thread.
final class Listening: Sendable {
    private let begun = Mutex<ServerTransport?>(nil)
    /// Held while the files are written or removed, so that neither comes in the other's way.
    private let isAnnounced = Mutex(false)
    /// URLs of other doors.
    let doors: [String]

    /// Descriptors that other doors may have open.
    let descriptorsElsewhere: Int

    init(doors: [String] = [], descriptorsElsewhere: Int = 0) {
        (self.doors, self.descriptorsElsewhere) = (doors, descriptorsElsewhere)
    }

    /// `nil` until the server listens.
    var transport: ServerTransport? { begun.withLock { $0 } }

    var endpoints: [Endpoint] { transport?.endpoints ?? [] }

    func begin(_ transport: ServerTransport) { begun.withLock { $0 = transport } }

    /// Says where the roles are served whose stores are open.
    func announce(_ files: PeerFiles) throws(HeadwaterError) {
        isAnnounced.withLock { $0 = true }
        try announceOpened(files)
    }

    /// Says it of a role whose store has opened since; nothing where nothing is said:
    /// before the server serves, and once it stops.
    func announceOpened(_ files: PeerFiles) throws(HeadwaterError) {
        let result = isAnnounced.withLock { isAnnounced in
            Result { () throws(HeadwaterError) in if isAnnounced { try files.announce(endpoints, doors: doors) } }
        }
        try result.get()
    }

    func withdraw(_ files: PeerFiles) {
        isAnnounced.withLock { isAnnounced in
            isAnnounced = false
            files.withdraw()
        }
    }
}
