internal import FeatureModel
internal import StorageIO

/// Makes a scanned log fit for appending: durable tail, no torn bytes, no position that could be used twice.
struct LogRecovery {
    struct Outcome {
        var segments: [SegmentInfo]
        var current: (file: any StorageFile, offset: Int)
        /// Whether the current segment takes no further record, as readers of an older format may be reading it.
        var isCurrentOlder: Bool
        /// The last record; it and all before it are durable.
        var link: ChainLink
        var gap: ClosedRange<Position>?
    }

    private let storage: any Storage
    private let directory: String
    private let options: LogOptions
    private let control: Control
    private let now: Microseconds

    init(
        _ storage: any Storage, _ directory: String, _ options: LogOptions, _ control: Control, _ now: Microseconds
    ) {
        self.storage = storage
        self.directory = directory
        self.options = options
        self.control = control
        self.now = now
    }

    func run(_ scan: LogScan) throws(HeadwaterError) -> Outcome {
        var gap: StagedRun?
        if scan.link.position < control.reserve, !Sabotage.reusedPositions.isPlanted {
            let record = Record.gap(after: scan.link, through: control.reserve, now: now)
            var run = StagedRun(prepared: nil, predecessor: scan.link, start: scan.endOffset, capacity: scan.last.size)
            run.append(record, durable: scan.marker, seed: control.logID.seed)
            gap = run
        }
        let isTailEmpty = scan.markerOffset == scan.endOffset
        let hasRoom = gap.map { $0.end <= $0.capacity } ?? true
        var outcome =
            isTailEmpty && scan.rest == .zeros && hasRoom ? try goOn(scan, &gap) : try copyTail(scan, gap?.last)
        if gap != nil { outcome.gap = scan.link.position + 1...control.reserve }
        return outcome
    }

    /// Everything is durable and zeros follow: the log goes on where it ends.
    private func goOn(_ scan: LogScan, _ gap: inout StagedRun?) throws(HeadwaterError) -> Outcome {
        let file = try storage.open(scan.last.path, .readWrite)
        try gap?.write(to: file)
        if gap != nil { try file.sync() }
        return Outcome(
            segments: scan.segments, current: (file, gap?.end ?? scan.endOffset),
            isCurrentOlder: scan.last.header.version < LogFormat.version, link: gap?.last ?? scan.link, gap: nil)
    }

    /// The page cache may hold what the disk does not: what is not known
    /// to be durable moves to a new segment, synced before it is named.
    private func copyTail(_ scan: LogScan, _ gapLink: ChainLink?) throws(HeadwaterError) -> Outcome {
        let tail = scan.markerOffset..<scan.endOffset
        let gapStart = LogFormat.segmentHeaderBytes + tail.count
        var gap: StagedRun?
        if gapLink != nil {
            var run = StagedRun(prepared: nil, predecessor: scan.link, start: gapStart, capacity: .max)
            run.append(
                Record.gap(after: scan.link, through: control.reserve, now: now), durable: scan.marker, seed: control.logID.seed)
            gap = run
        }
        let end = gap?.end ?? gapStart
        let link = gap?.last ?? scan.link
        let next = try prepare(number: scan.last.header.number + 1, bytes: end)
        try scan.last.copy(tail, to: next.file, at: LogFormat.segmentHeaderBytes)
        try gap?.write(to: next.file)
        let header = SegmentHeader(
            logID: control.logID, number: next.number, predecessor: scan.markerLink, syncedThrough: link.position)
        try next.file.write(header.encode()[...], at: 0)
        try next.publish()
        var segments = scan.segments
        segments[segments.count - 1].bytes = scan.markerOffset
        segments.append(SegmentInfo(number: next.number, predecessor: scan.markerLink.position, bytes: next.bytes))
        // The new segment's header already ends the old one; this gives its space back.
        let old = try storage.open(scan.last.path, .readWrite)
        defer { old.close() }
        try old.truncate(to: scan.markerOffset)
        try old.sync()
        return Outcome(segments: segments, current: (next.file, end), isCurrentOlder: false, link: link, gap: nil)
    }

    /// A whole segment of zeros, or on a full disk just the bytes that the recovery needs: a full log must open again.
    private func prepare(number: UInt64, bytes: Int) throws(HeadwaterError) -> PreparedSegment {
        do throws(HeadwaterError) {
            return try prepare(number: number, filled: max(options.segmentBytes(number: number), bytes))
        } catch {
            guard error.code == .resourceExhausted else { throw error }
            return try prepare(number: number, filled: bytes)
        }
    }

    private func prepare(number: UInt64, filled bytes: Int) throws(HeadwaterError) -> PreparedSegment {
        var next = try PreparedSegment(storage, directory, number: number)
        do throws(HeadwaterError) {
            try next.fill(to: bytes)
            return next
        } catch {
            next.discard()
            throw error
        }
    }
}
