internal import FeatureModel
internal import StorageIO

/// One whole record that the scan has read.
struct ScannedRecord {
    let record: Record
    let segment: UInt64
    let path: String
    let offset: Int
}

/// One segment as a scan or the writer knows it.
struct SegmentInfo {
    let number: UInt64
    /// The last position before it.
    let predecessor: Position
    var bytes: Int
}

/// A walk over all segments that checks every record and changes nothing: what recovery, verify and dump share.
struct LogScan {
    /// How far the last segment is read.
    enum Extent {
        /// The scan ends at the marker: a reader of a live log may see no more.
        case durable
        /// The scan ends at the last record that holds, and then judges what follows it.
        case everything
    }

    /// Whether the records of all segments but the last are read.
    enum Sealed {
        case checked
        /// Sealed segments are not read after a clean end: they were durable
        /// before their successor had a name. Readers and the scrub check them.
        case trusted
    }

    /// The content behind the last record; `nil` where the scan did not look at it.
    private(set) var rest: SegmentCursor.Rest?
    private(set) var segments: [SegmentInfo] = []
    /// The greatest position known to be durable.
    private(set) var marker: Position
    /// Which file says so.
    private var markerPlace: String
    /// The last record up to the marker, and where it ends in the last segment.
    private(set) var markerLink = ChainLink.start
    private(set) var markerOffset = LogFormat.segmentHeaderBytes
    /// The last record, and where it ends.
    private(set) var link = ChainLink.start
    private(set) var endOffset = LogFormat.segmentHeaderBytes
    /// The last segment, for copying from it.
    private(set) var last: SegmentCursor

    /// - Parameter durable: the greatest durable position that control slot and page know of, and which of them does.
    /// - Throws: `.dataLoss` at `file:offset` for the first damage,
    ///   `.failedPrecondition` for a newer format, and what `visit` throws.
    init(
        _ storage: any Storage, _ directory: String, control: Control, durable: (position: Position, place: String),
        extent: Extent, sealed: Sealed = .checked,
        visit: (ScannedRecord) throws(HeadwaterError) -> Void
    ) throws(HeadwaterError) {
        let numbers = try SegmentNames.listWhole(storage, directory, from: control.firstSegment)
        last = try SegmentCursor(storage, directory, number: numbers[0], logID: control.logID)
        (marker, markerPlace) = durable
        link = last.header.predecessor
        for (index, number) in numbers.enumerated() {
            var cursor = last
            if index > 0 { try link.check(cursor.header, path: cursor.path) }
            segments.append(SegmentInfo(number: number, predecessor: link.position, bytes: cursor.size))
            if index + 1 < numbers.count {
                last = try SegmentCursor(storage, directory, number: numbers[index + 1], logID: control.logID)
                if sealed == .checked {
                    try readSealed(&cursor, to: last.header.predecessor.position, visit)
                } else {
                    try trustSealed()
                }
            }
        }
        if last.header.syncedThrough > marker { (marker, markerPlace) = (last.header.syncedThrough, "\(last.path):72") }
        try readLast(extent, visit)
        if control.state == .closed, extent == .everything, link.position != control.reserve {
            throw HeadwaterError(
                .dataLoss,
                "the log was closed at position \(control.reserve), but ends at \(link.position): restore it from a copy",
                at: "\(last.path):\(endOffset)")
        }
    }

    /// Reads all records up to the one that the successor names.
    private mutating func readSealed(
        _ cursor: inout SegmentCursor, to end: Position, _ visit: (ScannedRecord) throws(HeadwaterError) -> Void
    ) throws(HeadwaterError) {
        while link.position < end {
            let reason: String
            switch try step(&cursor, visit) {
            case .record: continue
            case .end: reason = "the segment ends"
            case .damaged(let why): reason = why
            }
            throw HeadwaterError(
                .dataLoss, "\(reason) after position \(link.position), but goes on to \(end): restore it from a copy",
                at: cursor.place)
        }
    }

    /// Takes the successor's word for where a segment ends.
    private mutating func trustSealed() throws(HeadwaterError) {
        let end = last.header.predecessor
        guard end.position >= link.position, end.ingestTime >= link.ingestTime else {
            throw HeadwaterError(
                .dataLoss, "the segment ends at position \(end.position), but the one before it at \(link.position)",
                at: "\(last.path):48")
        }
        link = end
    }

    private mutating func readLast(
        _ extent: Extent, _ visit: (ScannedRecord) throws(HeadwaterError) -> Void
    ) throws(HeadwaterError) {
        var cursor = last
        defer {
            last = cursor
            endOffset = cursor.offset
        }
        markerLink = link
        reading: while extent == .everything || link.position < marker {
            switch try step(&cursor, visit) {
            case .record:
                if link.position <= marker {
                    markerLink = link
                    markerOffset = cursor.offset
                }
            case .end, .damaged:
                guard link.position >= marker else {
                    throw HeadwaterError(
                        .dataLoss,
                        "the log ends after position \(link.position), but \(marker) had been durable, says \(markerPlace): restore it from a copy",
                        at: cursor.place)
                }
                rest = try cursor.rest(after: link.position)
                break reading
            }
        }
    }

    private mutating func step(
        _ cursor: inout SegmentCursor, _ visit: (ScannedRecord) throws(HeadwaterError) -> Void
    ) throws(HeadwaterError) -> SegmentCursor.Step {
        let offset = cursor.offset
        let step = try cursor.next()
        if case .record(let header, let body) = step {
            let record = try link.follow(header, body, at: "\(cursor.path):\(offset)")
            link = ChainLink(header)
            try visit(ScannedRecord(record: record, segment: cursor.header.number, path: cursor.path, offset: offset))
        }
        return step
    }
}
