import Catalog
import Engine
import FeatureModel
import Log
import OfflineStore
import OnlineStore
import StorageIO
import TestDisks

/// A directory read without a server, and checked, as `--data` and `log verify` do: nothing may change on the disk.
extension DamageSweep {
    func readOnly(_ image: DirectoryImage, _ damage: DamageCase) -> Finding {
        do throws(HeadwaterError) {
            let storage = try image.storage()
            let finding = checkedRead(storage, damage)
            let after = try DirectoryImage(storage)
            for path in after.paths where after[path] != image[path] && FileKind(path: path) != .lock {
                return .wrong("reading changed \(path)")
            }
            return finding
        } catch { return .refused(error) }
    }

    private func checkedRead(_ storage: MemoryStorage, _ damage: DamageCase) -> Finding {
        do throws(HeadwaterError) {
            // First what a reader is told without any check before, so that damage is met where it is served.
            let reader = try DirectReader(storage)
            let expected = Picture(
                online: truth.picture(through: reader.online.appliedPosition),
                offline: truth.picture(through: reader.offline.appliedPosition))
            let seen = try reader.picture()
            if let difference = seen.difference(from: expected) { return .wrong("read without a server: \(difference)") }
            let durable = base.client.acknowledgedWrites.map(\.position).max()!
            let isBehind = min(reader.online.appliedPosition, reader.offline.appliedPosition) < durable
            // An old page only hides the newest records from readers until the owner opens the log (docs/formats/log.md).
            if isBehind && FileKind(path: damage.path) != .durablePage {
                return .wrong("read without a server up to position \(reader.offline.appliedPosition) of \(durable)")
            }
            if let damage = try FileLog(in: Node.directory, storage).verify().damage { throw damage }
            _ = try reader.offline.verifyAll()
            try reader.online.verifySnapshot()
            return isBehind ? .prefix : .right(isRepaired: false)
        } catch { return .refused(error) }
    }
}

/// Both stores opened for reading, brought to the durable end of the log in memory.
struct DirectReader {
    private let onlineReplica: Replica<OnlineStore>
    private let offlineReplica: Replica<OfflineStore>
    var online: OnlineStore { onlineReplica.store }
    var offline: OfflineStore { offlineReplica.store }

    init(_ storage: any Storage) throws(HeadwaterError) {
        let log = try FileLog(in: Node.directory, storage).openReader()
        let offline = try OfflineStore(
            dataDirectory: Node.directory, logID: log.logID.bytes, storage: storage, readOnly: true)
        let online = try OnlineStore.open(
            storage, directory: "data/online", seed: 0, logID: log.logID.bytes, access: .reader)
        offlineReplica = try Replica(offline, kept: offline.extra)
        onlineReplica = try Replica(online, kept: online.recoveredExtra)
        func read(after position: Position) throws(HeadwaterError) -> [Record] {
            try log.read(after: position, limitBytes: 4 << 10)
        }
        try offlineReplica.catchUp(to: log.durablePosition, read: read)
        try onlineReplica.catchUp(to: log.durablePosition, read: read)
    }

    func picture() throws(HeadwaterError) -> Picture {
        var picture = Picture()
        try picture.read(online, onlineReplica.state.catalog)
        try picture.read(offline, offlineReplica.state.catalog)
        return picture
    }
}
