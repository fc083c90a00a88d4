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
enum RunWriter {
    /// - Parameters:
    ///   - records: of all rows.
    ///   - splitBytes: a new file starts after the block that reaches it; `nil` for one file.
    /// - Returns: no entry where there are no rows.
    /// - Throws: what the disk or a damaged input says, `.cancelled`; files that were begun are removed.
    static func write(
        _ merge: inout RunMerge, columns: ChunkColumns, records: RecordTimes, level: Int, splitBytes: Int?, place: ChunkPlace,
        isCancelled: () -> Bool
    ) throws(HeadwaterError) -> [ChunkEntry] {
        var numbers: [UInt64] = []
        do {
            return try writeFiles(
                &merge, columns: columns, records: records, level: level, splitBytes: splitBytes, place: place, numbers: &numbers,
                isCancelled: isCancelled)
        } catch {
            place.discard(numbers)
            throw error
        }
    }

    private static func writeFiles(
        _ merge: inout RunMerge, columns: ChunkColumns, records: RecordTimes, level: Int, splitBytes: Int?, place: ChunkPlace,
        numbers: inout [UInt64],
        isCancelled: () -> Bool
    ) throws(HeadwaterError) -> [ChunkEntry] {
        var entries: [ChunkEntry] = []
        var run: UInt64?
        var hasKey = try merge.nextKey()
        while hasKey {
            let number = place.numbers.take()
            numbers.append(number)
            let header = ChunkHeader(
                logID: place.logID, number: number, groupID: columns.groupID, schemaVersion: columns.schemaVersion,
                hasAvailableTime: columns.hasAvailableTime, features: columns.features)
            var writer = try ChunkWriter(header, records: records, directory: place.directory, storage: place.storage)
            while hasKey, writer.byteCount < splitBytes ?? .max {
                if isCancelled() { throw HeadwaterError(.cancelled, "the writing of chunks was cancelled; nothing has changed") }
                var rows = RowGather()
                while hasKey, rows.count < place.options.blockRowsMax, rows.byteCount < place.options.blockBytesMax {
                    rows.append(merge.block, merge.row, key: merge.key)
                    try merge.nextRow()
                    if !merge.hasRow { hasKey = try merge.nextKey() }
                }
                try writer.append(rows)
                rows.removeAll()
            }
            run = run ?? number
            entries.append(try writer.finish(level: level, run: run!))
        }
        return entries
    }
}
