public import FeatureModel
public import Log
import Catalog
import OnlineStore
public import StorageIO

extension OnlineEngine {
    /// The id under which the offline service of the same data directory follows the log.
    public static let localFollowerID: UInt64 = 1
    public static let localFollowerName: ByteString = "offline"

    /// Opens log and online store in `dataDirectory`, and brings the store to the log's end.
    ///
    /// - Parameters:
    ///   - log: `nil`: the files of the data directory.
    ///   - newLogID: the id of a log that is created here.
    ///   - seed: the hash seed of a store that starts empty.
    ///   - boot: the boot clock at `now`; `nil`: the wall clock is believed whatever it shows.
    ///   - progress: told the applied position and the log's last one before the
    ///     replay, now and then during it, and at its end; never where there
    ///     is nothing to replay.
    ///   - notice: told what was found damaged and made anew.
    /// - Complexity: O(log), of which only what came after the snapshot is applied.
    /// - Throws: `.failedPrecondition` where another process owns the directory, `.dataLoss` at `file:offset` for damage.
    public static func open(
        storage: any Storage, dataDirectory: String, log recordLog: (any RecordLog)? = nil, options: OnlineOptions,
        newLogID: LogID,
        seed: UInt64, now: Microseconds,
        boot: BootTime? = nil, progress: (Position, Position) -> Void = { _, _ in }, notice: (String) -> Void = { _ in }
    ) throws(HeadwaterError) -> OnlineEngine {
        let recordLog = recordLog ?? FileLog(in: dataDirectory, storage)
        if try !recordLog.exists() { try checkNothingIsLost(storage, dataDirectory, recordLog) }
        let log = try recordLog.openWriter(options.log, newLogID: newLogID, now: now)
        do throws(HeadwaterError) {
            let store = try openStore(storage, dataDirectory, log, options, seed: seed, notice: notice)
            do throws(HeadwaterError) {
                let replica = try Replica(store, kept: store.recoveredExtra)
                var clock = KeptClock(recordLog, of: log.logID)
                let clockAtOpen = try boot.map { boot throws(HeadwaterError) in
                    try clock.start(wall: now, boot: boot, lastIngestTime: log.lastIngestTime, notice)
                }
                let replayedBytes = try replay(log, recordLog.place, into: replica, progress, notice)
                try holdForLocalFollower(recordLog, log, replica)
                return try OnlineEngine(
                    options, recordLog: recordLog, log: log, replica: replica, replayedBytes: replayedBytes, keptClock: clock,
                    clockAtOpen: clockAtOpen)
            } catch {
                store.close()
                throw error
            }
        } catch {
            // The log stays as recovery left it; the first failure is the one to report.
            try? log.close(clean: false)
            throw error
        }
    }

    /// Where the history begins here, the log keeps everything until the offline service has taken it, or is let go. One that
    /// starts beside this may have registered itself already.
    private static func holdForLocalFollower(
        _ recordLog: any RecordLog, _ log: any LogWriting, _ replica: Replica<OnlineStore>
    ) throws(HeadwaterError) {
        let known = try? recordLog.follower(localFollowerID)
        guard isBeforeFirstRecord(log, replica), known?.logID != log.logID else { return }
        let follower = FollowerCheckpoint(
            logID: log.logID, id: localFollowerID, name: localFollowerName, position: 0, writerEpoch: 0)
        try recordLog.register(follower, byOwner: true)
    }

    /// Whether no record was ever taken: neither in this log's life so far, nor in those that crashes cut off at its start.
    private static func isBeforeFirstRecord(_ log: any LogWriting, _ replica: Replica<OnlineStore>) -> Bool {
        var next: Position = 1
        for gap in replica.state.gaps where gap.lowerBound == next { next = gap.upperBound + 1 }
        return next > log.lastPosition && replica.store.snapshotPosition == 0
    }

    /// Refuses to begin a new log beside stores of an old one: they would mix.
    private static func checkNothingIsLost(
        _ storage: any Storage, _ dataDirectory: String, _ log: any RecordLog
    ) throws(HeadwaterError) {
        for part in ["online", "offline"] {
            let directory = StoragePath.join(dataDirectory, part)
            guard storage.exists(directory) else { continue }
            let names = try storage.list(directory)
            if let name = names.first(where: { $0.hasPrefix("snapshot-") || $0.hasPrefix("manifest") }) {
                throw HeadwaterError(
                    .dataLoss,
                    "there is \(part)/\(name), but its log is missing: restore \(log.place), or use an empty directory",
                    at: log.place)
            }
        }
    }

    /// Applies what the log holds behind the snapshot; returns the bytes of its bodies.
    private static func replay(
        _ log: any LogWriting, _ place: String, into replica: Replica<OnlineStore>,
        _ progress: (Position, Position) -> Void, _ notice: (String) -> Void
    ) throws(HeadwaterError) -> Int {
        let end = log.durablePosition
        guard replica.appliedPosition <= end else {
            throw HeadwaterError(
                .dataLoss,
                "the online snapshot is at position \(replica.appliedPosition), the log ends at \(end): the log lost its end",
                at: place)
        }
        guard replica.appliedPosition < end else { return 0 }
        var bytes = 0
        progress(replica.appliedPosition, end)
        while replica.appliedPosition < end {
            for record in try log.read(after: replica.appliedPosition, limitBytes: 16 << 20) {
                try replica.apply(record) { notice($0.description) }
                bytes += record.body.count
            }
            progress(replica.appliedPosition, end)
        }
        return bytes
    }
}
