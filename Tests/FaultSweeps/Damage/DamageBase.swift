import Engine
import FeatureModel
import Log
import OfflineStore
import OnlineStore
import StorageIO
import TestDisks

/// A small data directory with everything in it that the system writes, what its clients know, and how it looked before.
struct DamageBase {
    let image: DirectoryImage
    /// Earlier moments of the same directory, oldest first.
    let earlier: [DirectoryImage]
    /// The same life in another log.
    let foreign: DirectoryImage
    let client: Client
    /// Of the tail that was written and never synced nor acknowledged.
    let unsynced: SweptWrite

    /// A directory whose process was killed: sealed segments, one in use with an unsynced tail, one prepared; two snapshots;
    /// chunks of several levels; a checkpoint of each follower; sessions, cutoffs, gaps and two schema versions.
    init() throws(HeadwaterError) {
        let own = try Self.live(Node.logID)
        self.init(
            image: own.moments[own.moments.count - 1], earlier: own.moments.dropLast(),
            foreign: try Self.live(LogID((0..<16).map { 0xF0 + $0 })).moments.last!, client: own.client,
            unsynced: own.unsynced)
    }

    private init(
        image: DirectoryImage, earlier: [DirectoryImage], foreign: DirectoryImage, client: Client, unsynced: SweptWrite
    ) {
        self.image = image
        self.earlier = earlier
        self.foreign = foreign
        self.client = client
        self.unsynced = unsynced
    }

    private static func live(
        _ logID: LogID
    ) throws(HeadwaterError) -> (moments: [DirectoryImage], client: Client, unsynced: SweptWrite) {
        var disk = MemoryStorage()
        var client = Client()
        var moments: [DirectoryImage] = []
        var node = try Node(disk, logID: logID, now: SweptTime.start)
        client.define(0, node)
        client.openSession(node)
        client.write([(["orders"], .write, 3), (["kinds", "climate"], .write, 2)], node)
        client.write([(["profile", "orders"], .write, 3)], node)
        moments.append(try DirectoryImage(disk))
        try node.flush()
        try node.snapshot()
        moments.append(try DirectoryImage(disk))
        client.write([(["orders", "kinds"], .write, 2)], node)
        client.write([(["orders"], .delete, 1), (["kinds"], .write, 1)], node)
        try node.checkpoint(9, "copy", node.offline.store.durablePosition)
        try node.flush()
        moments.append(try DirectoryImage(disk))
        client.define(1, node)
        client.write([(["orders", "climate"], .write, 2)], node)
        client.cutOff("orders", before: SweptTime.event + 4_000_000, node)
        try node.compact()
        moments.append(try DirectoryImage(disk))
        // A power cut leaves a gap.
        disk = disk.crash(seed: 1, sectors: .kept)
        node = try Node(disk, logID: logID, now: node.now)
        client.write([(["orders", "kinds", "profile"], .write, 2)], node)
        try node.checkpoint(9, "copy", node.offline.store.durablePosition)
        try node.flush()
        try node.snapshot()
        moments.append(try DirectoryImage(disk))
        client.write([(["kinds"], .write, 2)], node)
        try node.stop()
        moments.append(try DirectoryImage(disk))
        return try killed(disk, logID, node.now, client, moments)
    }

    /// The last life: two snapshots side by side, a prepared segment, a tail without a sync; then a kill.
    private static func killed(
        _ disk: MemoryStorage, _ logID: LogID, _ now: Microseconds, _ known: Client, _ before: [DirectoryImage]
    ) throws(HeadwaterError) -> (moments: [DirectoryImage], client: Client, unsynced: SweptWrite) {
        var client = known
        var moments = before
        let faulty = FaultyStorage(disk)
        let node = try Node(faulty, logID: logID, now: now)
        client.write([(["orders"], .write, 2), (["climate"], .write, 1)], node)
        client.write([(["kinds", "profile"], .write, 3)], node)
        client.write([(["orders"], .delete, 1)], node)
        // Written and verified, but killed before it was put in force: the one before it still stands.
        _ = try node.online.beginSnapshot().run()
        client.write([(["orders", "climate"], .write, 1)], node)
        node.online.prepareAhead()
        moments.append(try DirectoryImage(disk))
        let known = client
        faulty.setPlan(.every(.sync, .error(.unavailable)))
        client.write([(["orders"], .write, 1)], node)
        moments.append(try DirectoryImage(disk))
        return (moments, known, client.attempts[client.attempts.count - 1].write)
    }
}
