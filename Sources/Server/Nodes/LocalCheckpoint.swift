import Engine
import FeatureModel
import Log
import Logging
import OfflineStore
import StorageIO

/// The checkpoint of the follower in the log's own directory: while it stands, the log keeps what chunks do not hold yet.
struct LocalCheckpoint: Sendable {
    let services: Services
    let logID: [UInt8]

    /// Registers the follower at what its chunks hold, where it is not registered or stands
    /// further: an older copy may have been restored.
    ///
    /// - Throws: `.dataLoss` where the log does not hold what follows: the history here can never be whole again.
    func enter(_ position: Position) throws(HeadwaterError) {
        guard let reader = try openLog() else { return }
        // First registered, then looked up: from then on the log's owner removes nothing behind it.
        let known = try services.log.follower(OnlineEngine.localFollowerID)
        let isBehind = known.map { $0.position > position } ?? true
        if isBehind { try write(position, reader) }
        guard try reader.lookup(position + 1) == .removed else { return }
        if let known, isBehind { try services.log.register(known) }
        if known == nil {
            try services.log.forget(follower: OnlineEngine.localFollowerID)
        }
        throw HeadwaterError(
            .dataLoss,
            "the history here ends at position \(position), and the log no longer holds what follows: restore a later copy of this "
                + "directory, or run 'headwater offline --follow ADDRESS', which fetches the history of another offline service",
            at: StoragePath.join(services.configuration.dataDirectory, OfflineStore.folderName))
    }

    /// Moves the follower on. One that was forgotten is registered again, if the log still holds what follows.
    func save(_ position: Position) {
        do throws(HeadwaterError) {
            if try services.log.follower(OnlineEngine.localFollowerID) == nil { return try enter(position) }
            if let reader = try openLog() { try write(position, reader) }
        } catch {
            services.logger.error("the follower's checkpoint could not be saved", metadata: ["error": "\(error)"])
        }
    }

    /// - Returns: `nil` where there is no log yet.
    private func openLog() throws(HeadwaterError) -> (any LogReading)? {
        let reader: any LogReading
        do throws(HeadwaterError) { reader = try services.log.openReader() } catch  where error.code == .notFound { return nil }
        guard reader.logID.bytes == logID else {
            throw HeadwaterError(.failedPrecondition, "another log stands there now", at: services.log.place)
        }
        return reader
    }

    private func write(_ position: Position, _ reader: any LogReading) throws(HeadwaterError) {
        try services.log.register(
            FollowerCheckpoint(
                logID: LogID(logID), id: OnlineEngine.localFollowerID, name: OnlineEngine.localFollowerName,
                position: position, writerEpoch: reader.writerEpoch))
    }
}
