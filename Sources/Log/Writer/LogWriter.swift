internal import FeatureModel
internal import StorageIO

/// The one owner of a log on one disk: appends records, commits them in groups, and removes old segments.
///
/// 1. `stage` gives a record its position and gathers its bytes (`StagedGroup`), in a segment that has room for them on the disk
///    (`SegmentAhead`) and behind a reserve of positions that `control` holds.
/// 2. `write` hands the group to the operating system; a run that starts a segment is made durable with all before it.
/// 3. `sync` makes what was written durable, and tells followers by the shared page.
/// 4. `removeSegments` lets go of what neither the caller nor a follower needs (`SegmentList`).
///
/// Belongs to one thread. Of failures only a full disk met while the next segment is prepared is not final: appends that do
/// not fit throw `.resourceExhausted` until there is room. The format is docs/formats/log.md.
final class LogWriter: LogWriting {
    let logID: LogID
    let wasClosed: Bool
    /// The positions that the last recovery skipped, if it did.
    let recoveredGap: ClosedRange<Position>?
    var absentFollowers: Set<ByteString> = []
    private(set) var durablePosition: Position
    var failure: HeadwaterError? { ownFailure ?? ahead.failure }

    private var ownFailure: HeadwaterError?
    private let storage: any Storage
    /// `DIR/log`.
    private let directory: String
    private let options: LogOptions
    private let page: DurablePage
    private let lock: any StorageLock
    private let controlFile: any StorageFile
    private var control: Control
    private var segments: SegmentList
    /// The current segment, and where its last written record ends.
    private var current: (file: any StorageFile, offset: Int)
    /// Whether the next record starts a segment, since the current one is of an older format.
    private var isCurrentOlder: Bool
    private let ahead: SegmentAhead
    private var staged: StagedGroup
    /// The last record written.
    private var written: ChainLink
    private var isClosed = false
    private var reader: LogReader?

    /// Goes on where a recovery ended; `control` is in force already.
    init(
        _ storage: any Storage, _ directory: String, _ options: LogOptions, _ lock: any StorageLock, _ page: DurablePage,
        _ control: Control, in controlFile: any StorageFile, _ recovered: LogRecovery.Outcome, wasClosed: Bool
    ) {
        self.storage = storage
        self.directory = directory
        self.options = options
        self.lock = lock
        self.page = page
        self.control = control
        self.controlFile = controlFile
        self.wasClosed = wasClosed
        logID = control.logID
        recoveredGap = recovered.gap
        segments = SegmentList(recovered.segments)
        current = recovered.current
        isCurrentOlder = recovered.isCurrentOlder
        written = recovered.link
        durablePosition = recovered.link.position
        staged = StagedGroup(after: recovered.link, seed: control.logID.seed)
        ahead = SegmentAhead(storage, directory, options, number: segments.current.number + 1, filled: current.offset)
    }

    var lastPosition: Position { staged.last.position }
    var lastIngestTime: Microseconds? { lastPosition == 0 ? nil : staged.last.ingestTime }
    var writerEpoch: UInt64 { control.writerEpoch }
    var oldestPosition: Position { segments.oldestPosition }

    func read(after position: Position, limitBytes: Int) throws(HeadwaterError) -> [Record] {
        if let reader { return try reader.read(after: position, limitBytes: limitBytes) }
        let opened = try LogReader(storage: storage, directory: directory)
        reader = opened
        return try opened.read(after: position, limitBytes: limitBytes)
    }

    /// Ends the writer and gives up the lock. A clean end commits what is staged; any other is like a crash.
    ///
    /// - Throws: `.unavailable` where the clean end could not be recorded; the lock is given up all the same.
    func close(clean: Bool = true) throws(HeadwaterError) {
        guard !isClosed else { return }
        ahead.end()
        defer {
            isClosed = true
            lock.release()
        }
        guard clean else { return }
        try commit()
        try storeControl {
            $0.reserve = durablePosition
            $0.state = .closed
        }
        do throws(HeadwaterError) { try page.sync() } catch { throw fail(error) }
    }

    // MARK: Appending

    func stage(
        kind: RecordKind, stamp: ProducerStamp, body: ArraySlice<UInt8>, now: Microseconds
    ) throws(HeadwaterError) -> Position {
        try checkUsable()
        precondition(kind != .gap, "gap records are the recovery's")
        guard body.count <= LogFormat.bodyBytesMax else {
            throw HeadwaterError(
                .invalidArgument, "a record of \(body.count) bytes; the limit is \(LogFormat.bodyBytesMax): split the write")
        }
        let bytes = LogFormat.recordBytes(bodyBytes: body.count)
        try makeRoom(bytes)
        // The last position reserved is never handed out: after an unclean end the gap's own record takes it.
        if lastPosition + 1 >= control.reserve { try extendReserve() }
        let record = Record(
            position: lastPosition + 1, ingestTime: max(staged.last.ingestTime, now), stamp: stamp, kind: kind, body: body)
        staged.append(record, durable: durablePosition)
        ahead.noteAppended(bytes)
        return record.position
    }

    func write() throws(HeadwaterError) -> [Record] {
        try checkUsable()
        do throws(HeadwaterError) {
            for run in staged.runs {
                if let next = run.prepared { try roll(to: next, run) } else { try run.write(to: current.file) }
                current.offset = run.end
                written = run.last
            }
        } catch {
            throw fail(error)
        }
        if Sabotage.publishBeforeDurable.isPlanted { page.publish(written.position) }
        return staged.finish()
    }

    func sync() throws(HeadwaterError) -> Position {
        try checkUsable()
        guard durablePosition < written.position else { return durablePosition }
        do throws(HeadwaterError) {
            try current.file.sync()
        } catch {
            guard Sabotage.retriedSync.isPlanted, (try? current.file.sync()) != nil else { throw fail(error) }
        }
        publish(written.position)
        return durablePosition
    }

    /// Writes and syncs everything staged; throws as those do.
    @discardableResult
    func commit() throws(HeadwaterError) -> LogCommit {
        let records = try write()
        return LogCommit(durablePosition: try sync(), records: records)
    }

    /// Starts a new segment with a run: all before it becomes durable first, then the run under the new name.
    private func roll(to next: PreparedSegment, _ run: StagedRun) throws(HeadwaterError) {
        if durablePosition < run.predecessor.position {
            try current.file.sync()
            publish(run.predecessor.position)
        }
        let header = SegmentHeader(
            logID: logID, number: next.number, predecessor: run.predecessor, syncedThrough: run.predecessor.position)
        try next.file.write(header.encode()[...], at: 0)
        try run.write(to: next.file)
        try next.publish()
        current.file.close()
        current = (next.file, run.end)
        isCurrentOlder = false
        segments.append(SegmentInfo(number: next.number, predecessor: run.predecessor.position, bytes: next.bytes))
        publish(run.last.position)
    }

    /// Tells followers that everything up to `position` is on the disk.
    private func publish(_ position: Position) {
        durablePosition = position
        page.publish(position)
    }

    // MARK: Room

    var roomAhead: (any RoomAhead)? { ahead }

    /// - Throws: `.unavailable` for a failure, which is final.
    func reserveAhead() throws(HeadwaterError) {
        try checkUsable()
        if !hasReserve { try extendReserve() }
    }

    /// Whether `prepareAhead` has nothing to do.
    var isPrepared: Bool { hasReserve && ahead.isReady }

    private var hasReserve: Bool { control.reserve - lastPosition >= options.reserveAhead / 2 }

    /// Makes sure that the last run has room for a record of `bytes` bytes, on the disk.
    private func makeRoom(_ bytes: Int) throws(HeadwaterError) {
        let end = staged.runs.last?.end ?? current.offset
        let capacity = staged.runs.last?.capacity ?? segments.current.bytes
        let mustStart = isCurrentOlder && staged.runs.isEmpty
        if end + bytes <= capacity, !mustStart { return staged.begin(at: end, capacity: capacity) }
        do throws(HeadwaterError) {
            staged.begin(try ahead.take(recordBytes: bytes))
        } catch {
            throw failUnlessFull(error)
        }
    }

    /// Writes a new reserve before a position above the old one is handed out.
    private func extendReserve() throws(HeadwaterError) {
        try storeControl { $0.reserve = lastPosition + options.reserveAhead }
    }

    /// Changes the control file, both slots synced.
    private func storeControl(_ change: (inout Control) -> Void) throws(HeadwaterError) {
        do throws(HeadwaterError) {
            try control.store(in: controlFile) {
                $0.durable = durablePosition
                change(&$0)
            }
        } catch {
            throw fail(error)
        }
    }

    // MARK: Retention

    func bytes(behind position: Position) -> Int { position < durablePosition ? segments.bytes(behind: position) : 0 }

    /// - Complexity: reads the followers' files.
    func retention() throws(HeadwaterError) -> LogRetention {
        LogRetention(
            oldestPosition: oldestPosition, retainedBytes: segments.byteCount + ahead.byteCount, segmentCount: segments.count,
            slowestFollower: try followersToWaitFor().min { $0.position < $1.position })
    }

    /// Removes whole segments that end before `position` and that every registered follower has durably passed; returns the
    /// bytes freed.
    ///
    /// - Throws: `.dataLoss` or `.failedPrecondition` for a follower's file that is damaged or of another log (nothing is
    ///   removed), `.unavailable` for a failing disk.
    @discardableResult
    func removeSegments(keepingFrom position: Position) throws(HeadwaterError) -> Int {
        try checkUsable()
        var keep = min(position, durablePosition + 1)
        for follower in try followersToWaitFor() where !Sabotage.earlySegmentDeletion.isPlanted {
            keep = min(keep, min(follower.position, durablePosition) + 1)
        }
        let first = segments.oldestNumber(keeping: keep)
        guard first > control.firstSegment else { return 0 }
        // First the word that they may be missing, then the removal; an open completes it.
        try storeControl { $0.firstSegment = first }
        let bytes = segments.remove(below: first)
        try SegmentNames.remove(storage, directory, below: first)
        return bytes
    }

    /// Registered followers that are not absent, after a check that all follow this log.
    private func followersToWaitFor() throws(HeadwaterError) -> [FollowerCheckpoint] {
        let all = try FollowerCheckpoint.list(storage, directory)
        for follower in all where follower.logID != logID {
            throw HeadwaterError(
                .failedPrecondition, "follower \(follower.name) follows log \(follower.logID), not this one: forget it",
                at: "\(FollowerCheckpoint.path(directory, follower.id)):16")
        }
        return all.filter { !absentFollowers.contains($0.name) }
    }

    // MARK: Failure

    /// Checks that the log takes anything at all.
    private func checkUsable() throws(HeadwaterError) {
        if isClosed { throw HeadwaterError(.failedPrecondition, "the log is closed", at: directory) }
        if let failure { throw refusal(failure) }
    }

    /// Ends the writer for good, and returns what to throw.
    private func fail(_ error: HeadwaterError) -> HeadwaterError {
        ownFailure = ownFailure ?? error
        return refusal(error)
    }

    private func failUnlessFull(_ error: HeadwaterError) -> HeadwaterError {
        error.code == .resourceExhausted ? error : fail(error)
    }

    private func refusal(_ first: HeadwaterError) -> HeadwaterError {
        HeadwaterError(
            .unavailable, "the log takes nothing more after a failure of the disk (\(first)): check the disk, then start again",
            at: directory)
    }
}
