internal import FeatureModel

/// The records that the next write takes, gathered in runs: one for the current segment, and one for each that they start.
struct StagedGroup {
    /// The last record that was staged, in this group or before it.
    private(set) var last: ChainLink
    private(set) var runs: [StagedRun] = []
    private var records: [Record] = []
    /// Memory for the next run to gather in.
    private var spareBuffer: [UInt8] = []
    private let seed: CRC32C

    /// - Parameter last: the log's last record.
    init(after last: ChainLink, seed: CRC32C) {
        self.last = last
        self.seed = seed
    }

    /// Goes on in the current segment, at `offset`, where nothing is staged yet.
    mutating func begin(at offset: Int, capacity: Int) {
        guard runs.isEmpty else { return }
        runs.append(StagedRun(prepared: nil, predecessor: last, start: offset, capacity: capacity, buffer: spareBuffer))
        spareBuffer = []
    }

    /// Goes on in a new segment.
    mutating func begin(_ segment: PreparedSegment) {
        runs.append(
            StagedRun(prepared: segment, predecessor: last, start: LogFormat.segmentHeaderBytes, capacity: segment.bytes))
    }

    /// Appends a record to the last run, which has room for it.
    mutating func append(_ record: Record, durable: Position) {
        runs[runs.count - 1].append(record, durable: durable, seed: seed)
        last = runs[runs.count - 1].last
        records.append(record)
    }

    /// Empties the group once its runs are written, and returns its records.
    mutating func finish() -> [Record] {
        if let last = runs.popLast() { spareBuffer = last.takeBuffer() }
        runs = []
        defer { records = [] }
        return records
    }
}
