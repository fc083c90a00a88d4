internal import FeatureModel
internal import StorageIO
internal import Synchronization

/// The settings and counters that everything which writes chunks shares.
struct ChunkPlace: Sendable {
    let storage: any Storage
    let directory: String
    let logID: [UInt8]
    let options: OfflineOptions
    let numbers: ChunkNumbers

    func path(_ number: UInt64) -> String { directory + "/" + ChunkFormat.fileName(number) }

    /// Removes chunk files as far as that works: what stays is an orphan that the next open removes.
    func discard(_ numbers: some Sequence<UInt64>) {
        for number in numbers { try? storage.remove(path(number)) }
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

/// What the columns of a merged chunk are: those of all its inputs, each of its widest type.
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
struct RunWriter {
    let columns: ChunkColumns
    /// Of all rows.
    let records: RecordTimes
    let level: Int
    /// A new file starts after the block that reaches it; `nil` for one file.
    let splitBytes: Int?
    let place: ChunkPlace
    /// Encodes blocks.
    let crew: WorkCrew

    private var numbers: [UInt64] = []
    private var entries: [ChunkEntry] = []

    init(_ columns: ChunkColumns, records: RecordTimes, level: Int, splitBytes: Int?, place: ChunkPlace, crew: WorkCrew) {
        self.columns = columns
        self.records = records
        self.level = level
        self.splitBytes = splitBytes
        self.place = place
        self.crew = crew
    }

    /// Writes all rows.
    ///
    /// - Returns: no entry where there are no rows.
    /// - Throws: what the disk or a damaged input says, `.cancelled`; files that were begun are removed.
    consuming func write(
        _ merge: consuming RunMerge, isCancelled: () -> Bool
    ) throws(HeadwaterError) -> [ChunkEntry] {
        do { try writeBlocks(merge, isCancelled) } catch {
            place.discard(numbers)
            throw error
        }
        return entries
    }

    /// Encodes and writes as many blocks at a time as the crew works at once.
    private mutating func writeBlocks(_ merge: consuming RunMerge, _ isCancelled: () -> Bool) throws(HeadwaterError) {
        var gathers = BlockGathers(merge, limits: place.options.blockLimits)
        var writer: ChunkWriter?
        while true {
            let waiting = try gathers.next(crew.size)
            if waiting.isEmpty { break }
            try write(waiting, &writer, isCancelled)
        }
        if let last = writer.take() { try finish(last) }
    }

    private mutating func write(
        _ waiting: [RowGather], _ writer: inout ChunkWriter?, _ isCancelled: () -> Bool
    ) throws(HeadwaterError) {
        if isCancelled() { throw HeadwaterError(.cancelled, "the writing of chunks was cancelled; nothing has changed") }
        let header = header(number: 0)
        let blocks = try crew.map(waiting.count) { (index) throws(HeadwaterError) in
            try EncodedBlock(waiting[index], header)
        }
        for block in blocks {
            var open = if let open = writer.take() { open } else { try newFile() }
            try open.append(block)
            if open.byteCount < splitBytes ?? .max { writer = consume open } else { try finish(open) }
        }
    }

    private mutating func newFile() throws(HeadwaterError) -> ChunkWriter {
        let number = place.numbers.take()
        numbers.append(number)
        return try ChunkWriter(header(number: number), records: records, directory: place.directory, storage: place.storage)
    }

    private mutating func finish(_ writer: consuming ChunkWriter) throws(HeadwaterError) {
        entries.append(try writer.finish(level: level, run: numbers[0]))
    }

    private func header(number: UInt64) -> ChunkHeader {
        ChunkHeader(
            logID: place.logID, number: number, groupID: columns.groupID, schemaVersion: columns.schemaVersion,
            hasAvailableTime: columns.hasAvailableTime, features: columns.features)
    }
}
