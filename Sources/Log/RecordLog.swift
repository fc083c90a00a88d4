public import FeatureModel

/// A log, wherever it is stored: the seam behind which the files of one disk
/// (`FileLog`) can be replaced, such as by a log that several machines share.
///
/// One process writes it; any may follow it, have it keep records for them, and verify it.
public protocol RecordLog: Sendable {
    /// The log's place, for messages.
    var place: String { get }

    /// Whether a log was begun here, or parts of one are left: the stores beside it may then be folds of it.
    func exists() throws(HeadwaterError) -> Bool

    // MARK: Writing

    /// Opens the log as its one writer, and creates it where there is none.
    ///
    /// - Parameters:
    ///   - newLogID: the id of a log that is created; an existing one keeps its own.
    ///   - now: the ingest time of a gap record that is the log's first.
    /// - Throws: `.failedPrecondition` where another writer holds it or its format is newer, `.dataLoss` at its place for damage,
    ///   `.resourceExhausted` where a recovery needs room that is not there, `.unavailable` for a failing disk.
    func openWriter(_ options: LogOptions, newLogID: LogID, now: Microseconds) throws(HeadwaterError) -> any LogWriting

    /// The time that the log's last writer trusted.
    ///
    /// - Returns: `nil` where there is nothing, or it is of another log.
    /// - Throws: `.dataLoss` where it is damaged, which may be taken as none; `.failedPrecondition` for a newer format.
    func clockMark(of logID: LogID) throws(HeadwaterError) -> ClockMark?

    /// Stores the time that the writer trusts, in one durable step.
    func keep(_ mark: ClockMark, of logID: LogID) throws(HeadwaterError)

    // MARK: Following

    /// Opens the log to follow it. Needs no lock and changes nothing; each for one thread.
    ///
    /// - Throws: `.notFound` where there is no log, `.dataLoss` for damage, `.failedPrecondition` for a newer format.
    func openReader() throws(HeadwaterError) -> any LogReading

    /// How far the log goes.
    ///
    /// - Throws: as `openReader`.
    func bounds() throws(HeadwaterError) -> LogBounds

    // MARK: Holding

    /// All registered followers, by id: the log keeps what lies behind them.
    func followers() throws(HeadwaterError) -> [FollowerCheckpoint]

    /// - Returns: `nil` where no such follower is registered.
    func follower(_ id: UInt64) throws(HeadwaterError) -> FollowerCheckpoint?

    /// Registers a follower, or moves it, in one durable step.
    ///
    /// - Parameter byOwner: sets the log's owner apart from a follower that registers itself at the same time.
    func register(_ follower: FollowerCheckpoint, byOwner: Bool) throws(HeadwaterError)

    /// Lets a follower go.
    ///
    /// - Throws: `.notFound` where no such follower is registered.
    func forget(follower id: UInt64) throws(HeadwaterError)

    // MARK: Verifying

    /// Checks every durable record; a writer may be at work.
    ///
    /// - Throws: `.notFound`, `.failedPrecondition`, `.unavailable`; damage is not thrown, but reported.
    func verify(_ visit: ScrubVisit) throws(HeadwaterError) -> LogReport

    /// Calls `visit` with each durable record in order, each checked before.
    ///
    /// - Throws: `.dataLoss` at its place at the first damage, after the records before it; what `visit` throws.
    func forEachEntry(_ visit: (LogEntry) throws(HeadwaterError) -> Void) throws(HeadwaterError)

    /// Bytes that it takes.
    func byteCount() throws(HeadwaterError) -> Int
}

extension RecordLog {
    public func register(_ follower: FollowerCheckpoint) throws(HeadwaterError) { try register(follower, byOwner: false) }

    public func verify() throws(HeadwaterError) -> LogReport { try verify { _ in } }
}

/// A log as its one writer has it. All methods belong to one thread.
///
/// An append is staged under a position, which is its token: it is complete when `durablePosition`
/// has reached it. A failed write or sync is final: what was not acknowledged before it never is,
/// and everything after it throws `.unavailable` that names the first failure.
public protocol LogWriting: AnyObject {
    var logID: LogID { get }
    /// Everything up to here is durable.
    var durablePosition: Position { get }
    /// The last position that was staged.
    var lastPosition: Position { get }
    /// The oldest position that can be read.
    var oldestPosition: Position { get }
    /// The ingest time of the last record; `nil` before the first.
    var lastIngestTime: Microseconds? { get }
    /// How often the log was opened for writing, this time included.
    var writerEpoch: UInt64 { get }
    /// Whether the writer before this one ended cleanly.
    var wasClosed: Bool { get }
    /// The first failure.
    var failure: HeadwaterError? { get }
    /// Followers that the log does not wait for.
    var absentFollowers: Set<ByteString> { get set }

    /// Takes a record into the next write and gives it its position and
    /// its ingest time: `now`, or the last one's where that is later.
    ///
    /// - Throws: `.resourceExhausted` where the disk has no room (nothing was taken, later appends may succeed),
    ///   `.invalidArgument` for a body that is too long, `.unavailable` after a failure.
    func stage(
        kind: RecordKind, stamp: ProducerStamp, body: ArraySlice<UInt8>, now: Microseconds
    ) throws(HeadwaterError) -> Position

    /// Writes everything staged, without waiting for the disk, and returns it.
    ///
    /// - Throws: `.unavailable`: none of it may be acknowledged, and the log takes nothing more.
    func write() throws(HeadwaterError) -> [Record]

    /// Makes everything written durable, publishes that, and returns the durable position.
    ///
    /// - Throws: `.unavailable`, as `write`.
    func sync() throws(HeadwaterError) -> Position

    /// Records behind `position`, up to the durable one: as many whole ones as `limitBytes` of bodies take, but at least one.
    func read(after position: Position, limitBytes: Int) throws(HeadwaterError) -> [Record]

    /// Reserves positions ahead of need, which would delay an append: call it when nobody waits.
    func reserveAhead() throws(HeadwaterError)

    /// Room for records, which is prepared ahead of need; `nil` where the log needs none.
    var roomAhead: (any RoomAhead)? { get }

    /// The bytes that the log keeps, from which position on, and the follower that is furthest behind.
    ///
    /// - Throws: `.dataLoss` for a damaged follower, `.unavailable` for a failing disk.
    func retention() throws(HeadwaterError) -> LogRetention

    /// Bytes that hold positions behind this one.
    func bytes(behind position: Position) -> Int

    /// Lets go of history that no follower needs and that ends before `position`; returns how many bytes were freed.
    @discardableResult
    func removeSegments(keepingFrom position: Position) throws(HeadwaterError) -> Int

    /// Ends the writer; a clean end needs no recovery.
    func close(clean: Bool) throws(HeadwaterError)
}

extension LogWriting {
    /// Does ahead of need what would delay an append, on the thread of the log.
    public func prepareAhead() throws(HeadwaterError) {
        try reserveAhead()
        try roomAhead?.step()
    }
}

/// Room for records that are yet to come: prepared by the log's thread, or by another one beside its appends.
public protocol RoomAhead: Sendable {
    /// Whether so much was appended that a piece of it should be prepared.
    var isDue: Bool { get }

    /// Prepares a piece of it; what still lacks is prepared by the append that needs it.
    ///
    /// - Complexity: at most 4 MiB are written.
    /// - Throws: `.resourceExhausted` where the disk is full: the log stays usable, and it is tried again with the next append
    ///   that needs the room. Any other failure is the log's, which takes nothing more.
    func step() throws(HeadwaterError)
}

/// A log as those follow it who do not own it, up to the durable position that its writer publishes. Belongs to one thread.
public protocol LogReading: AnyObject {
    var logID: LogID { get }
    /// Everything up to here can be read.
    var durablePosition: Position { get }
    /// How often the log was opened for writing. A follower that is ahead of `durablePosition` at an epoch that it knows looks at
    /// a log from before a power cut and waits; at a greater one, the log lost what the follower has.
    var writerEpoch: UInt64 { get }

    /// The records behind `position`: as many as `limitBytes` of bodies
    /// take, but at least one; none where nothing more is durable.
    ///
    /// - Throws: `.outOfRange` for a position beyond the durable end, or before the oldest one kept; `.dataLoss` for damage.
    func read(after position: Position, limitBytes: Int) throws(HeadwaterError) -> [Record]

    /// Whether `position` is durable, lies in a gap, was removed, or lies behind the durable end.
    func lookup(_ position: Position) throws(HeadwaterError) -> PositionState

    /// Bytes that hold what is durable behind `position`.
    func bytes(behind position: Position) throws(HeadwaterError) -> Int

    /// Where the last `read` ended; `nil` where that is not known, or finding a position costs nothing.
    var place: LogPlace? { get }

    /// Has the next `read` begin at a place that another reader gave, where that is of this log and before what is asked for.
    func go(to place: LogPlace)
}

/// A place between two records, from which a reader goes on without looking for it.
public struct LogPlace: Sendable {
    let logID: LogID
    let walk: SegmentWalk
    /// The writer's epoch under which it was found.
    let epoch: UInt64
}
