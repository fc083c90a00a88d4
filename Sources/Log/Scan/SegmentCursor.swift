internal import FeatureModel
internal import StorageIO

/// Reads the records of one segment in order, through a window that grows while reading goes on.
struct SegmentCursor {
    enum Step {
        case record(RecordHeader, body: ArraySlice<UInt8>)
        /// Zeros follow, or nothing.
        case end
        /// The bytes at `offset` are no record, for this reason.
        case damaged(String)
    }

    private static let windowBytesLeast = 16 << 10
    private static let windowBytesMost = 1 << 20

    let path: String
    let header: SegmentHeader
    /// Bytes of the file when it was opened.
    let size: Int
    /// The offset of the next record.
    private(set) var offset = LogFormat.segmentHeaderBytes
    private let file: any StorageFile
    private let seed: CRC32C
    private var window: ArraySlice<UInt8> = []
    private var windowStart = 0
    private var windowBytes = windowBytesLeast

    /// Opens a segment and checks its header against its name and its log.
    init(_ storage: any Storage, _ directory: String, number: UInt64, logID: LogID) throws(HeadwaterError) {
        path = StoragePath.join(directory, LogFormat.segmentName(number))
        file = try storage.open(path, .read)
        size = try file.size()
        header = try SegmentHeader(decoding: file.read(at: 0, count: LogFormat.segmentHeaderBytes)[...], path: path)
        guard header.logID == logID else {
            throw HeadwaterError(.dataLoss, "the segment belongs to log \(header.logID), not to \(logID)", at: "\(path):16")
        }
        guard header.number == number else {
            throw HeadwaterError(.dataLoss, "the segment's header says that it is segment \(header.number)", at: "\(path):32")
        }
        seed = logID.seed
    }

    var place: String { "\(path):\(offset)" }

    /// Reads the record at `offset` and moves behind it; where none holds, stays.
    mutating func next() throws(HeadwaterError) -> Step {
        guard size - offset >= LogFormat.recordHeaderBytes else { return .end }
        let start = try fetch(at: offset, count: LogFormat.recordHeaderBytes)
        guard start.count == LogFormat.recordHeaderBytes else { return .end }
        guard let header = RecordHeader(start, seed: seed) else {
            return start.isZero ? .end : .damaged("the record's header does not hold")
        }
        let count = header.recordBytes - LogFormat.recordHeaderBytes
        guard header.recordBytes <= size - offset else { return .damaged("the record's body leaves the file") }
        let padded = try fetch(at: offset + LogFormat.recordHeaderBytes, count: count)
        guard padded.count == count else { return .damaged("the record's body is cut off") }
        let body = padded.prefix(header.bodyBytes)
        guard seed.checksum(adding: body) == header.bodyChecksum else { return .damaged("the record's body does not hold") }
        guard padded.dropFirst(header.bodyBytes).isZero else {
            return .damaged("the zeros behind the record's body do not hold")
        }
        offset += header.recordBytes
        return .record(header, body: body)
    }

    /// Forgets what was read ahead: the file may have grown since.
    mutating func refresh() {
        window = []
        windowBytes = SegmentCursor.windowBytesLeast
    }

    /// `count` bytes of the file, fewer at its end. Never more memory than the file has bytes.
    private mutating func fetch(at start: Int, count: Int) throws(HeadwaterError) -> ArraySlice<UInt8> {
        if start >= windowStart, start + count <= windowStart + window.count {
            return window.part(at: start - windowStart, count: count)
        }
        if count > windowBytes { return try file.read(at: start, count: count)[...] }
        window = try file.read(at: start, count: min(windowBytes, size - start))[...]
        windowStart = start
        windowBytes = min(windowBytes * 2, SegmentCursor.windowBytesMost)
        return window.prefix(count)
    }
}

// MARK: What stands behind the last record

extension SegmentCursor {
    enum Rest: Equatable {
        case zeros
        /// Bytes that are no record and need not be one.
        case torn
    }

    /// Classifies what stands from `offset` to the end of the file, after the record at `last` and where `next` found no record.
    ///
    /// Records of one unsynced write reach the disk in any order, so a later whole record proves nothing by itself. But each
    /// header says what was durable when it was staged: if a later one says that a position behind `last` was, then it was lost.
    /// - Complexity: O(bytes): each 64 of them are looked at once, since a header has its own checksum.
    /// - Throws: `.dataLoss` where what is missing had been durable.
    func rest(after last: Position) throws(HeadwaterError) -> Rest {
        var rest = Rest.zeros
        var start = offset
        while start < size {
            let chunk = try file.read(at: start, count: min(SegmentCursor.windowBytesMost, size - start))[...]
            if chunk.isEmpty { break }
            for place in stride(from: 0, to: chunk.count, by: LogFormat.alignment) {
                let piece = chunk.part(at: place, count: min(LogFormat.alignment, chunk.count - place))
                if piece.isZero { continue }
                rest = .torn
                guard piece.count == LogFormat.alignment, let header = RecordHeader(piece, seed: seed) else { continue }
                guard header.position > last, header.durable > last else { continue }
                throw HeadwaterError(
                    .dataLoss,
                    "the record after position \(last) is damaged; it had been durable, says record \(header.position) at offset "
                        + "\(start + place): restore the log from a copy", at: self.place)
            }
            start += chunk.count
        }
        return rest
    }

    /// Copies the bytes of `range` to `offset` of another file.
    func copy(_ range: Range<Int>, to target: any StorageFile, at offset: Int) throws(HeadwaterError) {
        var start = range.lowerBound
        while start < range.upperBound {
            let piece = try file.read(at: start, count: min(SegmentCursor.windowBytesMost, range.upperBound - start))
            guard !piece.isEmpty else { throw HeadwaterError(.dataLoss, "the segment is cut off", at: "\(path):\(start)") }
            try target.write(piece[...], at: offset + start - range.lowerBound)
            start += piece.count
        }
    }
}
