internal import FeatureModel
internal import StorageIO

/// A place in the log from which records are read on, across segments.
struct SegmentWalk {
    private let storage: any Storage
    private let directory: String
    private let logID: LogID
    private var cursor: SegmentCursor
    /// The segment behind `cursor`'s, where there was one: its header says where `cursor` ends.
    private var following: SegmentCursor?
    /// The record that was read last.
    private(set) var link: ChainLink

    /// Opens the last segment that starts at or before `position + 1`; records up to `position` may still come.
    ///
    /// - Throws: `.outOfRange` where it was removed.
    /// - Complexity: O(segments behind it).
    init(
        _ storage: any Storage, _ directory: String, logID: LogID, after position: Position
    ) throws(HeadwaterError) {
        var found: SegmentCursor?
        var following: SegmentCursor?
        for number in try SegmentNames.list(storage, directory).reversed() {
            do throws(HeadwaterError) {
                let cursor = try SegmentCursor(storage, directory, number: number, logID: logID)
                if cursor.header.predecessor.position <= position {
                    found = cursor
                    break
                }
                following = cursor
            } catch  where error.code == .notFound {
                // Removed meanwhile, and with it all before it.
                break
            }
        }
        guard let found else { throw SegmentWalk.removed(after: position, directory) }
        self.storage = storage
        self.directory = directory
        self.logID = logID
        self.following = following
        cursor = found
        link = found.header.predecessor
    }

    /// Whether `position` is the last one read, or lies behind it in the segment that is read.
    func leads(to position: Position) -> Bool {
        guard link.position < position else { return link.position == position }
        if let following { return following.header.predecessor.position > position }
        // There may be one by now, and a better place in it.
        return !storage.exists(StoragePath.join(directory, LogFormat.segmentName(cursor.header.number + 1)))
    }

    /// The next record, which must exist.
    ///
    /// - Throws: `.dataLoss` at `file:offset` where it does not hold.
    mutating func next() throws(HeadwaterError) -> Record {
        while true {
            if let following, following.header.predecessor.position <= link.position {
                try enter(following)
                continue
            }
            let offset = cursor.offset
            var step = try cursor.next()
            if case .record = step {
            } else {
                // The window may be older than the record.
                cursor.refresh()
                step = try cursor.next()
            }
            let reason: String
            switch step {
            case .record(let header, let body):
                let record = try link.follow(header, body, at: "\(cursor.path):\(offset)")
                link = ChainLink(header)
                return record
            case .end: reason = "the log ends"
            case .damaged(let why): reason = why
            }
            guard following == nil, let next = try open(cursor.header.number + 1) else {
                try checkNotRemoved()
                throw HeadwaterError(
                    .dataLoss, "\(reason) after position \(link.position), but more was durable: restore it from a copy",
                    at: cursor.place)
            }
            following = next
            guard next.header.predecessor.position <= link.position else {
                throw HeadwaterError(
                    .dataLoss, "\(reason) after position \(link.position), but goes on in a next segment", at: cursor.place)
            }
        }
    }

    /// Tells a removal under a reader's feet from damage.
    private func checkNotRemoved() throws(HeadwaterError) {
        let oldest = try SegmentNames.list(storage, directory).first ?? 0
        if oldest > cursor.header.number { throw SegmentWalk.removed(after: link.position, directory) }
    }

    private static func removed(after position: Position, _ directory: String) -> HeadwaterError {
        HeadwaterError(.outOfRange, "the history after position \(position) was removed: start from a snapshot", at: directory)
    }

    private mutating func enter(_ next: SegmentCursor) throws(HeadwaterError) {
        try link.check(next.header, path: next.path)
        cursor = next
        following = try open(next.header.number + 1)
    }

    private func open(_ number: UInt64) throws(HeadwaterError) -> SegmentCursor? {
        guard storage.exists(StoragePath.join(directory, LogFormat.segmentName(number))) else { return nil }
        do throws(HeadwaterError) {
            return try SegmentCursor(storage, directory, number: number, logID: logID)
        } catch  where error.code == .notFound {
            // Removed between the two calls.
            return nil
        }
    }
}
