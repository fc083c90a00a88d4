/// What a scrub tells while it reads the cold files of a store.
public enum ScrubStep: Sendable {
    /// So many more bytes were read, damaged ones included, with so many rows in them.
    case checked(bytes: Int, rows: Int)
    /// What does not hold, and where: `file:offset`. The scrub goes on behind it where it can.
    case damaged(HeadwaterError)
}

/// Hears each step; what it throws ends the scrub.
public typealias ScrubVisit = (ScrubStep) throws(HeadwaterError) -> Void
