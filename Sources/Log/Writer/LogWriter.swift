internal import FeatureModel
internal import StorageIO

/// The one owner of a log on one disk: appends records, commits them in groups, and removes old segments.
///
/// Belongs to one thread. A failed write or sync is final: what was not acknowledged before it never is, and everything after it
/// throws `.unavailable` that names the first failure. Only a full disk met while the next segment is prepared is not: appends
/// that do not fit throw `.resourceExhausted` until there is room. The format is docs/formats/log.md.
final class LogWriter: LogWriting {
    let logID: LogID
    /// `DIR/log`.
    let directory: String
    let options: LogOptions
    /// The positions that the last recovery skipped, if it did.
    var recoveredGap: ClosedRange<Position>?
    /// Whether the writer before this one ended cleanly.
    let wasClosed: Bool

    let storage: any Storage
    let seed: CRC32C
    let page: DurablePage
    let lock: any StorageLock
    let controlFile: any StorageFile
    var control: Control
    /// From the oldest to the current one.
    var segments: [SegmentInfo]
    /// Followers that the log does not wait for.
    var absentFollowers: Set<ByteString> = []
    /// The segment that is appended to, and where its last written record ends.
    var current: (file: any StorageFile, offset: Int)
    /// The next segment, behind the current one and all that `runs` start.
    var prepared: PreparedSegment?
    var runs: [StagedRun] = []
    /// Memory for the next run to gather in.
    var spareBuffer: [UInt8] = []
    /// Bytes of records staged since the next segment was last worked on.
    var appendedSincePrepare = 0
    var stagedRecords: [Record] = []
    /// The last record staged, and the last one written.
    var staged: ChainLink
    var written: ChainLink
    var durablePosition: Position
    /// The first failure.
    var failure: HeadwaterError?
    private var isClosed = false
    private var reader: LogReader?

    init(_ parts: Parts) {
        storage = parts.storage
        directory = parts.directory
        options = parts.options
        logID = parts.control.logID
        seed = parts.control.logID.seed
        page = parts.page
        lock = parts.lock
        controlFile = parts.controlFile
        control = parts.control
        segments = parts.segments
        current = parts.current
        recoveredGap = parts.recoveredGap
        wasClosed = parts.wasClosed
        staged = parts.link
        written = parts.link
        durablePosition = parts.link.position
    }

    var lastPosition: Position { staged.position }

    /// The ingest time of the last record; `nil` before the first.
    var lastIngestTime: Microseconds? { staged.position == 0 ? nil : staged.ingestTime }

    /// How often the log was opened for writing, this time included.
    var writerEpoch: UInt64 { control.writerEpoch }

    func read(after position: Position, limitBytes: Int) throws(HeadwaterError) -> [Record] {
        if let reader { return try reader.read(after: position, limitBytes: limitBytes) }
        let opened = try LogReader(storage: storage, directory: directory)
        reader = opened
        return try opened.read(after: position, limitBytes: limitBytes)
    }

    /// Ends the writer and gives up the lock. A clean end commits what
    /// is staged and needs no recovery; any other is like a crash.
    ///
    /// - Throws: `.unavailable` where the clean end could not be recorded; the lock is given up all the same.
    func close(clean: Bool = true) throws(HeadwaterError) {
        guard !isClosed else { return }
        defer {
            isClosed = true
            lock.release()
        }
        guard clean else { return }
        try commit()
        do throws(HeadwaterError) {
            try control.store(in: controlFile) { control in
                control.reserve = durablePosition
                control.durable = durablePosition
                control.state = .closed
            }
            try page.sync()
        } catch {
            throw fail(error)
        }
    }

    /// Writes and syncs everything staged; throws as those do.
    @discardableResult
    func commit() throws(HeadwaterError) -> LogCommit {
        let records = try write()
        return LogCommit(durablePosition: try sync(), records: records)
    }

    // MARK: Failure

    /// Checks that the log takes anything at all.
    func checkUsable() throws(HeadwaterError) {
        if isClosed { throw HeadwaterError(.failedPrecondition, "the log is closed", at: directory) }
        if let failure { throw refusal(failure) }
    }

    /// Ends the writer for good, and returns what to throw.
    func fail(_ error: HeadwaterError) -> HeadwaterError {
        failure = failure ?? error
        return refusal(error)
    }

    private func refusal(_ first: HeadwaterError) -> HeadwaterError {
        HeadwaterError(
            .unavailable, "the log takes nothing more after a failure of the disk (\(first)): check the disk, then start again",
            at: directory)
    }
}
