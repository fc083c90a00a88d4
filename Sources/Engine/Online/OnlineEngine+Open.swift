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
                let engine = OnlineEngine(
                    storage: storage, directory: dataDirectory, options: options, recordLog: recordLog, log: log,
                    replica: try Replica(store, kept: store.recoveredExtra))
                if let boot { try engine.startClock(wall: now, boot: boot, notice) }
                try engine.replay(progress, notice)
                let known = try? recordLog.follower(localFollowerID)
                if engine.isBeforeFirstRecord, known?.logID != log.logID {
                    // The history begins here: the log keeps everything until the offline service has taken it, or is let go.
                    // One that starts beside this may have registered itself already.
                    try recordLog.register(
                        FollowerCheckpoint(
                            logID: log.logID, id: localFollowerID, name: localFollowerName, position: 0, writerEpoch: 0),
                        byOwner: true)
                }
                engine.retention = try log.retention()
                engine.publish()
                return engine
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

    /// Whether no record was ever taken: neither in this log's life so far, nor in those that crashes cut off at its start.
    private var isBeforeFirstRecord: Bool {
        var next: Position = 1
        for gap in replica.state.gaps where gap.lowerBound == next { next = gap.upperBound + 1 }
        return next > log.lastPosition && store.snapshotPosition == 0
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

    /// Applies what the log holds behind the snapshot.
    private func replay(
        _ progress: (Position, Position) -> Void, _ notice: (String) -> Void
    ) throws(HeadwaterError) {
        guard store.appliedPosition <= log.durablePosition else {
            throw HeadwaterError(
                .dataLoss,
                "the online snapshot is at position \(store.appliedPosition), the log ends at \(log.durablePosition): the log lost its end",
                at: recordLog.place)
        }
        let end = log.durablePosition
        guard store.appliedPosition < end else { return }
        progress(store.appliedPosition, end)
        while store.appliedPosition < end {
            for record in try log.read(after: store.appliedPosition, limitBytes: 16 << 20) {
                try replica.apply(record) { notice($0.description) }
                bytesSinceSnapshot += record.body.count
            }
            progress(store.appliedPosition, end)
        }
    }
}
