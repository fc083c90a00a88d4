public import FeatureModel

/// The seam behind which the log stands: here files on one disk, later a log that several machines share.
///
/// An append is staged under a position, which is its token: it is complete when `durablePosition` has reached it. All methods belong to one
/// thread, the writer's.
public protocol LogBackend: AnyObject {
    var logID: LogID { get }
    /// Everything up to here is durable.
    var durablePosition: Position { get }
    /// The last position that was staged.
    var lastPosition: Position { get }

    /// Takes a record into the next write and gives it its position and its ingest time: `now`, or the last one's where that is later.
    ///
    /// - Throws: `.resourceExhausted` where the disk has no room (nothing was taken, later appends may succeed),
    ///   `.invalidArgument` for a body that is too long, `.unavailable` after a failure.
    func stage(
        kind: RecordKind, stamp: ProducerStamp, body: ArraySlice<UInt8>, now: Microseconds
    ) throws(HeadwaterError) -> Position

    /// Writes everything staged, without waiting for the disk, and returns it.
    ///
    /// - Throws: `.unavailable`: none of it may be acknowledged, and the backend takes nothing more.
    func write() throws(HeadwaterError) -> [Record]

    /// Makes everything written durable, publishes that, and returns the durable position.
    ///
    /// - Throws: `.unavailable`, as `write`.
    func sync() throws(HeadwaterError) -> Position

    /// Records behind `position`, up to the durable one: as many whole ones as `limitBytes` of bodies take, but at least one.
    func read(after position: Position, limitBytes: Int) throws(HeadwaterError) -> [Record]

    /// Does ahead of need what would delay an append: call it when nobody waits.
    func prepareAhead() throws(HeadwaterError)

    /// Lets go of history that no follower needs and that ends before `position`; returns how many bytes were freed.
    func removeSegments(keepingFrom position: Position) throws(HeadwaterError) -> Int

    /// Ends the writer; a clean end needs no recovery.
    func close(clean: Bool) throws(HeadwaterError)
}

extension LogBackend {
    /// Writes and syncs everything staged; throws as those do.
    @discardableResult
    public func commit() throws(HeadwaterError) -> LogCommit {
        let records = try write()
        return LogCommit(durablePosition: try sync(), records: records)
    }
}
