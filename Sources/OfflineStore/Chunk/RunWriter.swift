internal import FeatureModel
internal import StorageIO
internal import Synchronization

/// The settings and counters that everything which writes chunks shares.
struct ChunkPlace: Sendable {
    let storage: any Storage
    let directory: String
    let logID: [UInt8]
    private let opened: OfflineOptions
    let mergeBytes: MergeBytes
    let numbers: ChunkNumbers

    init(
        storage: any Storage, directory: String, logID: [UInt8], options: OfflineOptions, numbers: ChunkNumbers
    ) {
        (self.storage, self.directory, self.logID, self.numbers) = (storage, directory, logID, numbers)
        opened = options
        mergeBytes = MergeBytes(options.mergeBytesMax)
    }

    /// The settings as they are now.
    var options: OfflineOptions {
        var options = opened
        options.mergeBytesMax = mergeBytes.most
        return options
    }

    func path(_ number: UInt64) -> String { directory + "/" + ChunkFormat.fileName(number) }

    /// Removes chunk files as far as that works: what stays is an orphan that the next open removes.
    func discard(_ numbers: some Sequence<UInt64>) {
        for number in numbers { try? storage.remove(path(number)) }
    }
}

/// What a flush or a compaction may take, which may change while the store is open.
final class MergeBytes: Sendable {
    private let bytes: Atomic<Int>

    init(_ most: Int) { bytes = Atomic(most) }

    var most: Int {
        get { bytes.load(ordering: .relaxed) }
        set { bytes.store(newValue, ordering: .relaxed) }
    }
}

/// Hands out chunk numbers, each once while the store is open.
final class ChunkNumbers: Sendable {
    private let next: Atomic<UInt64>

    init(next: UInt64) { self.next = Atomic(next) }

    /// Greater than every number handed out so far.
    var upcoming: UInt64 { next.load(ordering: .relaxed) }

    func take() -> UInt64 { next.add(1, ordering: .relaxed).oldValue }
}

/// The columns of a merged chunk: those of all its inputs, each of its widest type.
struct ChunkColumns: Sendable {
    let groupID: GroupID
    private(set) var schemaVersion: UInt32 = 0
    private(set) var hasAvailableTime = false
    private var types: [Int: FeatureType] = [:]

    init(groupID: GroupID) { self.groupID = groupID }

    var features: [ChunkFeature] { types.sorted { $0.key < $1.key }.map { ChunkFeature(ordinal: $0.key, type: $0.value) } }

    mutating func formUnion(_ schema: GroupSchema) {
        schemaVersion = max(schemaVersion, schema.schemaVersion)
        hasAvailableTime = hasAvailableTime || schema.availableTimeName != nil
        for (index, feature) in schema.features.enumerated() { widen(schema.featureBase + index, feature.type) }
    }

    mutating func formUnion(_ header: ChunkHeader) {
        schemaVersion = max(schemaVersion, header.schemaVersion)
        hasAvailableTime = hasAvailableTime || header.hasAvailableTime
        for feature in header.features { widen(feature.ordinal, feature.type) }
    }

    private mutating func widen(_ ordinal: Int, _ type: FeatureType) {
        if types[ordinal]?.widens(to: type) ?? true { types[ordinal] = type }
    }
}

/// Writes merged rows as one run: one chunk file, or several that follow each other where a size is given.
///
/// In steps, and within a step side by side: the rows of the next blocks are merged and gathered, those of the last step are
/// encoded, and what that step encoded is written.
struct RunWriter {
    let columns: ChunkColumns
    /// The ingest times of all rows' records.
    let records: RecordTimes
    let level: Int
    /// A new file starts after the block that reaches it; `nil` for one file.
    let splitBytes: Int?
    let place: ChunkPlace
    let memory: MergeMemory
    let executor: ParallelExecutor

    private enum Piece: Sendable {
        case written
        case gathered(GatheredBlocks?)
        case encoded([EncodedPage])
    }

    /// Writes all rows.
    ///
    /// - Returns: no entry where there are no rows.
    /// - Throws: what the disk or a damaged input says, `.cancelled`; files that were begun are removed.
    func write(_ merge: RunMerge, isCancelled: () -> Bool) throws(HeadwaterError) -> [ChunkEntry] {
        let blocksMax = memory.blocksPerStep(runs: merge.runCount)
        // What a step's blocks come from where all rows are visible and
        // the blocks are as long: one more of each run at both ends.
        let inputs = InputBlocks(
            enough: blocksMax + 2 * merge.runCount, most: memory.inputBlocksMax(runs: merge.runCount))
        let gathers = Turned(BlockGathers(merge, limits: place.options.blockLimits))
        let files = Turned(RunFiles(self))
        do {
            try write(gathers, files, blocksMax: blocksMax, inputs, isCancelled)
            return try files.use { (files) throws(HeadwaterError) in try files.finish() }
        } catch {
            place.discard(files.use { $0.numbers })
            throw error
        }
    }

    private func write(
        _ gathers: Turned<BlockGathers>, _ files: Turned<RunFiles>, blocksMax: Int, _ inputs: InputBlocks,
        _ isCancelled: () -> Bool
    ) throws(HeadwaterError) {
        let header = header(number: 0)
        var gathered: GatheredBlocks?
        var blocks: [EncodedBlock] = []
        var isFirst = true
        // The first step is short, so that encoding begins soon.
        var blockCount = min(2, blocksMax)
        var bytesPerRow = 0
        while isFirst || gathered != nil || !blocks.isEmpty {
            if isCancelled() { throw HeadwaterError(.cancelled, "the writing of chunks was cancelled; nothing has changed") }
            let gathersMore = isFirst || gathered != nil
            let pieces = try executor.map(2 + (gathered?.pieceCount ?? 0)) {
                [gathered, blocks, blockCount, bytesPerRow] (number) throws(HeadwaterError) -> Piece in
                switch number {
                case 0:
                    // First: its memory is needed next.
                    try files.use { (files) throws(HeadwaterError) in
                        for block in blocks { try files.append(block) }
                    }
                    return .written
                case 1:
                    if !gathersMore { return .gathered(nil) }
                    let rows = try gathers.use { (gathers) throws(HeadwaterError) in
                        gathers.bytesPerRowLeast = bytesPerRow
                        return try gathers.next(blockCount, inputs)
                    }
                    return .gathered(rows.isEmpty ? nil : GatheredBlocks(rows, header))
                default: return .encoded(try gathered!.encode(piece: number - 2))
                }
            }
            var next: GatheredBlocks?
            var encoded: [[EncodedPage]] = []
            for piece in pieces {
                switch piece {
                case .written: break
                case .gathered(let rows): next = rows
                case .encoded(let pages): encoded.append(pages)
                }
            }
            blocks = gathered?.blocks(encoded) ?? []
            // Cells that repeat take less in the blocks that they come from than in memory.
            bytesPerRow = blocks.map(\.bytesPerRow).max() ?? 0
            gathered = next
            isFirst = false
            blockCount = min(2 * blockCount, blocksMax)
        }
    }

    fileprivate func header(number: UInt64) -> ChunkHeader {
        ChunkHeader(
            logID: place.logID, number: number, groupID: columns.groupID, schemaVersion: columns.schemaVersion,
            hasAvailableTime: columns.hasAvailableTime, features: columns.features)
    }
}

/// The files of a run that is being written.
private struct RunFiles: ~Copyable {
    private let run: RunWriter
    private var writer: ChunkWriter?
    private var entries: [ChunkEntry] = []
    private(set) var numbers: [UInt64] = []

    init(_ run: RunWriter) { self.run = run }

    mutating func append(_ block: EncodedBlock) throws(HeadwaterError) {
        var open = if let open = writer.take() { open } else { try newFile() }
        try open.append(block)
        if open.byteCount < run.splitBytes ?? .max { writer = consume open } else { try finish(open) }
    }

    /// Finishes the last file, and tells all.
    mutating func finish() throws(HeadwaterError) -> [ChunkEntry] {
        if let last = writer.take() { try finish(last) }
        return entries
    }

    private mutating func newFile() throws(HeadwaterError) -> ChunkWriter {
        let number = run.place.numbers.take()
        numbers.append(number)
        return try ChunkWriter(
            run.header(number: number), records: run.records, directory: run.place.directory, storage: run.place.storage)
    }

    private mutating func finish(_ writer: consuming ChunkWriter) throws(HeadwaterError) {
        entries.append(try writer.finish(level: run.level, run: numbers[0]))
    }
}

/// A value that several threads use in turn.
private final class Turned<Value: ~Copyable & Sendable>: Sendable {
    private let value: Mutex<Value>

    init(_ value: consuming sending Value) { self.value = Mutex(value) }

    func use<Result: Sendable, Failure: Error>(_ body: (inout Value) throws(Failure) -> Result) throws(Failure) -> Result {
        try value.withLock { (value) throws(Failure) in try body(&value) }
    }
}
