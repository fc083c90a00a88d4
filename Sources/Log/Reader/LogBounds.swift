public import FeatureModel
internal import StorageIO

/// How far a log goes, as its files say to a process that does not own it.
public struct LogBounds: Hashable, Sendable {
    public let logID: LogID
    /// Everything up to here can be read.
    public let durablePosition: Position
    /// No position behind it was ever given out: it is on the disk before
    /// the first one up to it is. At a clean end it is the last one.
    public let reserve: Position

    package init(logID: LogID, durablePosition: Position, reserve: Position) {
        self.logID = logID
        self.durablePosition = durablePosition
        self.reserve = reserve
    }

    /// - Parameter directory: the log's own, `DIR/log`.
    /// - Throws: `.notFound` where there is no log, `.dataLoss` for damage, `.failedPrecondition` for a newer format.
    static func read(_ storage: any Storage, _ directory: String) throws(HeadwaterError) -> LogBounds {
        let page = try DurablePage(storage, directory, writable: false)
        // The durable position is read first: the reserve that is read after it covers every position given out before.
        let durable = page.position
        let control = try Control.load(storage, directory)
        try control.check(page)
        return LogBounds(logID: control.logID, durablePosition: durable, reserve: max(control.reserve, durable))
    }
}
