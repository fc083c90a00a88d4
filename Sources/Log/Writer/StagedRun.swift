internal import FeatureModel
internal import StorageIO

/// Staged records that stand behind one another in one segment.
struct StagedRun {
    /// The segment that this run starts; `nil` where it goes on in the current one.
    let prepared: PreparedSegment?
    /// The last record before the run.
    let predecessor: ChainLink
    /// The run's last record.
    private(set) var last: ChainLink
    let start: Int
    private(set) var end: Int
    /// Bytes of the segment.
    let capacity: Int
    private var pieces: [ArraySlice<UInt8>] = []
    private var buffer: [UInt8]

    /// Bodies from this size on are written from where they are instead of being gathered.
    private static let gatherBytesMax = 256 << 10
    /// Memory that is kept between runs, in bytes.
    private static let keptBytesMax = 1 << 20

    /// - Parameter buffer: empty memory to gather in, from a run that is written.
    init(prepared: PreparedSegment?, predecessor: ChainLink, start: Int, capacity: Int, buffer: [UInt8] = []) {
        self.buffer = buffer
        self.prepared = prepared
        self.predecessor = predecessor
        last = predecessor
        self.start = start
        end = start
        self.capacity = capacity
    }

    mutating func append(_ record: Record, durable: Position, seed: CRC32C) {
        last = RecordHeader.append(record, durable: durable, seed: seed, to: &buffer)
        let bytes = LogFormat.recordBytes(bodyBytes: record.body.count)
        if record.body.count > StagedRun.gatherBytesMax {
            flush()
            pieces.append(record.body)
        } else {
            buffer.append(contentsOf: record.body)
        }
        let padding = bytes - LogFormat.recordHeaderBytes - record.body.count
        if padding > 0 { buffer.append(contentsOf: repeatElement(0, count: padding)) }
        end += bytes
    }

    /// Writes the run into its segment.
    func write(to file: any StorageFile) throws(HeadwaterError) {
        var offset = start
        for piece in pieces {
            try file.write(piece, at: offset)
            offset += piece.count
        }
        if !buffer.isEmpty { try file.write(buffer[...], at: offset) }
    }

    /// Gives the memory of a written run back, for the next one.
    consuming func takeBuffer() -> [UInt8] {
        guard buffer.capacity <= StagedRun.keptBytesMax else { return [] }
        buffer.removeAll(keepingCapacity: true)
        return buffer
    }

    private mutating func flush() {
        if !buffer.isEmpty { pieces.append(buffer[...]) }
        buffer = []
    }
}
