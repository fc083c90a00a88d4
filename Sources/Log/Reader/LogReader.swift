internal import FeatureModel
internal import StorageIO

/// The state of a position.
public enum PositionState: Hashable, Sendable {
    /// A record stands there, durable. Position 0 counts as one.
    case durable
    /// A recovery skipped it: whatever it was handed out for is lost.
    case gap
    /// The position lies behind the durable end.
    case beyondEnd
    /// The position lies before the oldest segment.
    case removed
}

/// Follows a log from any process, up to the durable position that its writer publishes. Needs no lock and changes nothing.
///
/// Belongs to one thread; open one for each.
final class LogReader: LogReading {
    let logID: LogID
    private let storage: any Storage
    private let directory: String
    private let page: DurablePage
    private(set) var place: LogPlace?

    /// - Parameter directory: the log's own, `DIR/log`.
    /// - Throws: `.notFound` where there is no log, `.dataLoss` for a damaged page, `.failedPrecondition` for a newer format.
    init(storage: any Storage, directory: String) throws(HeadwaterError) {
        self.storage = storage
        self.directory = directory
        // An interrupted creation is begun again with another page: one that was opened before would never move.
        guard try Control.load(storage, directory).state != .creating else {
            throw HeadwaterError(
                .notFound, "the log's creation was interrupted; opening it for writing completes it", at: directory)
        }
        page = try DurablePage(storage, directory, writable: false)
        logID = page.logID
    }

    /// Everything up to here can be read.
    var durablePosition: Position { page.position }

    /// How often the log was opened for writing. A follower that is ahead of `durablePosition` at an epoch that it knows looks at
    /// a page from before a power cut and waits; at a greater one, the log lost what the follower has.
    var writerEpoch: UInt64 { page.writerEpoch }

    /// The records behind `position`: as many as `limitBytes` of bodies
    /// take, but at least one; none where nothing more is durable.
    ///
    /// - Complexity: O(bytes) where `position` is the last one that this reader read; else records of one segment are passed
    ///   over first, from its place on where that lies before `position`.
    /// - Throws: `.outOfRange` for a position beyond the durable end,
    ///   or before the oldest one kept; `.dataLoss` at `file:offset`.
    func read(after position: Position, limitBytes: Int) throws(HeadwaterError) -> [Record] {
        // The position is read before the epoch: a writer announces itself before it publishes.
        let durable = page.position
        let epoch = page.writerEpoch
        guard position <= durable else {
            throw HeadwaterError(
                .outOfRange, "position \(position) is beyond the log's durable end \(durable) (writer epoch \(epoch))",
                at: directory)
        }
        guard position < durable else { return [] }
        var walk = try walk(after: position, epoch)
        // Read anew from here after an error.
        place = nil
        var records: [Record] = []
        var bytes = 0
        while walk.link.position < durable, records.isEmpty || bytes < limitBytes {
            let record = try walk.next()
            guard record.position > position else { continue }
            bytes += record.body.count
            records.append(record)
        }
        place = LogPlace(logID: logID, walk: walk, epoch: epoch)
        return records
    }

    /// Whether `position` is durable, lies in a gap, was removed, or lies behind the durable end.
    ///
    /// - Complexity: O(bytes of one segment).
    /// - Throws: `.dataLoss` at `file:offset` for damage on the way.
    func lookup(_ position: Position) throws(HeadwaterError) -> PositionState {
        guard position > 0 else { return .durable }
        guard position <= page.position else { return .beyondEnd }
        do throws(HeadwaterError) {
            var walk = try SegmentWalk(storage, directory, logID: logID, after: position - 1)
            while true {
                let record = try walk.next()
                if record.position >= position { return record.kind == .gap ? .gap : .durable }
            }
        } catch  where error.code == .outOfRange {
            return .removed
        }
    }

    /// Bytes of the segments that hold what is durable behind `position`.
    ///
    /// - Complexity: O(segments behind it), of each the header.
    /// - Throws: `.dataLoss` for a damaged header.
    func bytes(behind position: Position) throws(HeadwaterError) -> Int {
        guard position < durablePosition else { return 0 }
        var bytes = 0
        for number in try SegmentNames.list(storage, directory).reversed() {
            let path = StoragePath.join(directory, LogFormat.segmentName(number))
            let file = try storage.open(path, .read)
            defer { file.close() }
            bytes += try file.size()
            let header = try SegmentHeader(decoding: file.read(at: 0, count: LogFormat.segmentHeaderBytes)[...], path: path)
            if header.predecessor.position <= position { break }
        }
        return bytes
    }

    func go(to place: LogPlace) { if place.logID == logID { self.place = place } }

    /// The place where reading goes on: where it stopped or, after a jump or under a new writer, at the start of a segment.
    private func walk(after position: Position, _ epoch: UInt64) throws(HeadwaterError) -> SegmentWalk {
        if let place, place.epoch == epoch, place.walk.leads(to: position) { return place.walk }
        return try SegmentWalk(storage, directory, logID: logID, after: position)
    }
}
