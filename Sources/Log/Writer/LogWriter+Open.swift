import FeatureModel
import StorageIO

extension LogWriter {
    /// Opens the log in `directory` (`DIR/log`) for writing, and creates it where there is none.
    ///
    /// Every record is checked before anything is changed, but for those of sealed segments after a clean end; after an unclean
    /// end the log is then recovered, as docs/formats/log.md says.
    /// - Parameters:
    ///   - newLogID: the id of a log that is created; an existing one keeps its own.
    ///   - now: the ingest time of a gap record that is the log's first.
    /// - Complexity: O(bytes of the last segment + segments) after a clean end, else O(bytes of the log).
    /// - Throws: `.failedPrecondition` where another writer holds the log or its format is newer, `.dataLoss` at `file:offset`
    ///   for damage, `.resourceExhausted` where a recovery needs room that the disk has not, `.unavailable` for a failing disk.
    static func open(
        storage: any Storage, directory: String, options: LogOptions = LogOptions(), newLogID: LogID, now: Microseconds
    ) throws(HeadwaterError) -> LogWriter {
        try storage.createDirectory(directory)
        let lock = try storage.lock(StoragePath.join(directory, LogFormat.lockName), exclusive: true)
        do throws(HeadwaterError) {
            return try openLocked(storage, directory, options, lock, newLogID, now)
        } catch {
            lock.release()
            throw error
        }
    }

    private static func openLocked(
        _ storage: any Storage, _ directory: String, _ options: LogOptions, _ lock: any StorageLock, _ newLogID: LogID,
        _ now: Microseconds
    ) throws(HeadwaterError) -> LogWriter {
        var control = try loadOrStart(storage, directory, newLogID)
        if control.state == .creating { try create(storage, directory, options, control.logID) }
        let page = try DurablePage(storage, directory, writable: true)
        try control.check(page)
        let durable = control.durable(or: page, directory)
        let scan = try LogScan(
            storage, directory, control: control, durable: durable, extent: .everything,
            sealed: control.state == .closed ? .trusted : .checked
        ) { _ in }
        guard scan.link.position <= control.reserve else {
            throw HeadwaterError(
                .dataLoss, "the log goes on to position \(scan.link.position), but only \(control.reserve) were reserved",
                at: "\(StoragePath.join(directory, LogFormat.controlName)):40")
        }
        // Nothing was changed so far.
        try SegmentNames.removePrepared(storage, directory)
        // A writer that was killed may have renamed a file and not lived to sync the directory.
        try storage.syncDirectory(directory)
        try storage.syncDirectory(StoragePath.join(directory, LogFormat.followersName))
        let outcome = try LogRecovery(storage, directory, options, control, now).run(scan)

        let wasClosed = control.state == .closed
        let controlFile = try storage.open(StoragePath.join(directory, LogFormat.controlName), .readWrite)
        try control.store(in: controlFile) { control in
            control.reserve = outcome.link.position + options.reserveAhead
            control.durable = outcome.link.position
            control.writerEpoch += 1
            control.state = .open
        }
        // Only now is it durable that they may be missing.
        try SegmentNames.remove(storage, directory, below: control.firstSegment)
        page.announce(writerEpoch: control.writerEpoch)
        page.publish(outcome.link.position)
        try page.sync()
        return LogWriter(
            storage, directory, options, lock, page, control, in: controlFile, outcome, wasClosed: wasClosed)
    }

    /// Reads the control file; where there is no log, starts one in state creating.
    private static func loadOrStart(
        _ storage: any Storage, _ directory: String, _ newLogID: LogID
    ) throws(HeadwaterError) -> Control {
        let path = StoragePath.join(directory, LogFormat.controlName)
        if storage.exists(path) { return try Control.load(storage, directory) }
        try Control.checkNotLost(storage, directory)
        let control = Control(creating: newLogID)
        try storage.replaceAtomically(path, control.encodeFile())
        return control
    }

    /// Makes page, followers' directory and first segment. May find what an interrupted creation left.
    private static func create(
        _ storage: any Storage, _ directory: String, _ options: LogOptions, _ logID: LogID
    ) throws(HeadwaterError) {
        try storage.createDirectory(StoragePath.join(directory, LogFormat.followersName))
        try storage.replaceAtomically(StoragePath.join(directory, LogFormat.durableName), DurablePage.encode(logID))
        // Every segment here is such a leftover: the first record waits for state open.
        try SegmentNames.removePrepared(storage, directory)
        try SegmentNames.remove(storage, directory, below: .max)
        var first = try PreparedSegment(storage, directory, number: 1)
        defer { first.file.close() }
        do throws(HeadwaterError) {
            try first.fill(to: options.segmentBytes(number: 1))
        } catch {
            first.discard()
            throw error
        }
        let header = SegmentHeader(logID: logID, number: 1, predecessor: .start, syncedThrough: 0)
        try first.file.write(header.encode()[...], at: 0)
        try first.publish()
    }
}
