internal import FeatureModel
internal import Synchronization

/// Counts row blocks that are held at once: how the bound on memory is measured.
final class BlockGauge: Sendable {
    private let held = Atomic<Int>(0)
    private let greatest = Atomic<Int>(0)

    var peak: Int { greatest.load(ordering: .relaxed) }

    func enter() {
        let now = held.add(1, ordering: .relaxed).newValue
        greatest.max(now, ordering: .relaxed)
    }

    func leave() { held.subtract(1, ordering: .relaxed) }
}

/// Some consecutive rows of one sorted run, in columns.
///
/// The columns that order rows are there from the start; the others are decoded when they are first asked for. Belongs to one
/// thread: the iterator that loaded it.
final class RowBlock {
    enum Source {
        case chunk(ChunkFile, ChunkLayout, block: Int)
        case memory(MemoryRun, MemoryIndex, Range<Int>)
    }

    /// Each different key once, rising.
    let keys: Column
    /// First row of each key, and behind the last one the row count.
    let keyStarts: [Int]
    let eventTimes: [Microseconds]
    let positions: [Position]
    let rows: [UInt32]
    /// Bits: true = tombstone.
    let tombstones: Column
    /// A fair share of the block's size.
    let bytesPerRow: Int
    /// Where a `RowGather` keeps this block; it alone writes here.
    var gatherSlot = -1
    /// The columns of all features of the one schema that a walk over latest rows reads with; it alone writes here.
    var packedColumns: [Column?]?

    private let source: Source
    private let gauge: BlockGauge?
    private var ingestColumn: Column?
    private var availableColumn: Column??
    private var features: [Int: Column?] = [:]

    var rowCount: Int { eventTimes.count }

    /// Reads block number `block` of a chunk.
    ///
    /// - Throws: `.dataLoss` where the chunk is damaged.
    init(chunk: ChunkFile, layout: ChunkLayout, block: Int, gauge: BlockGauge?) throws(HeadwaterError) {
        let entry = layout.directory.blocks[block]
        keys = try chunk.systemPage(.key, layout, block: block)
        let counts = try chunk.systemPage(.keyRows, layout, block: block)
        var starts = [0]
        starts.reserveCapacity(counts.count + 1)
        for index in 0..<counts.count { starts.append(starts[index] + Int(counts.int32(index))) }
        guard counts.count == keys.count, starts.last == entry.rowCount, (0..<counts.count).allSatisfy({ counts.int32($0) > 0 })
        else {
            throw chunk.bytes.damage("rows by key do not add up to the block's", at: entry.pages[1].offset)
        }
        keyStarts = starts
        eventTimes = try chunk.systemPage(.eventTime, layout, block: block).int64Cells()
        positions = try chunk.systemPage(.position, layout, block: block).int64Cells().map { Position(bitPattern: $0) }
        let numbers = try chunk.systemPage(.row, layout, block: block)
        rows = (0..<numbers.count).map { UInt32(bitPattern: numbers.int32($0)) }
        tombstones = try chunk.systemPage(.operation, layout, block: block)
        bytesPerRow = entry.pages.reduce(0) { $0 + $1.rawBytes } / max(entry.rowCount, 1) + 1
        source = .chunk(chunk, layout, block: block)
        self.gauge = gauge
        gauge?.enter()
    }

    /// Gathers one block of a memory run.
    init(memory run: MemoryRun, index: MemoryIndex, block: MemoryIndex.Block, gauge: BlockGauge?) {
        let range = block.rows
        keys = index.keys.gathered(block.keys)
        keyStarts =
            block.keys.map { max(index.keyStarts[$0], range.lowerBound) - range.lowerBound } + [range.count]
        eventTimes = Array(index.eventTimes[range])
        let places = index.rows[range]
        positions = places.map { run.parts[Int($0.part)].position }
        rows = places.map { UInt32(run.parts[Int($0.part)].entry.firstRow) + $0.row }
        var deletes = ColumnBuilder(.bool, capacity: range.count)
        var bytes = 0
        for place in places {
            let part = run.parts[Int(place.part)]
            deletes.append(bool: part.entry.operation == .delete)
            bytes += part.bytesPerRow
        }
        tombstones = deletes.finish()
        bytesPerRow = bytes / max(range.count, 1) + 1
        source = .memory(run, index, range)
        self.gauge = gauge
        gauge?.enter()
    }

    deinit { gauge?.leave() }

    /// Ingest time of each row.
    func ingestTimes() throws(HeadwaterError) -> Column {
        if let ingestColumn { return ingestColumn }
        let column: Column
        switch source {
        case .chunk(let chunk, let layout, let block): column = try chunk.systemPage(.ingestTime, layout, block: block)
        case .memory(let run, let index, let range):
            var builder = ColumnBuilder(.timestamp, capacity: range.count)
            for place in index.rows[range] { builder.append(int64: run.parts[Int(place.part)].ingestTime) }
            column = builder.finish()
        }
        ingestColumn = column
        return column
    }

    /// The available time column as it was written; `nil` where the group has none.
    func availableTimes() throws(HeadwaterError) -> Column? {
        if let availableColumn { return availableColumn }
        let column: Column?
        switch source {
        case .chunk(let chunk, let layout, let block):
            column = layout.header.hasAvailableTime ? try chunk.systemPage(.availableTime, layout, block: block) : nil
        case .memory(let run, let index, let range):
            column = run.parts[0].entry.schema.availableTimeOrdinal.map {
                Self.gather(run, index.rows[range], ordinal: $0, type: .timestamp)
            }
        }
        availableColumn = .some(column)
        return column
    }

    /// When the row could be known: its available time where it has one, else its ingest time.
    func knownTime(_ row: Int) throws(HeadwaterError) -> Microseconds {
        if let column = try availableTimes(), !column.isNull(row) { return column.int64(row) }
        return try ingestTimes().int64(row)
    }

    /// A feature, as stored; `nil` where none of the rows has it.
    func feature(_ ordinal: Int) throws(HeadwaterError) -> Column? {
        if let known = features[ordinal] { return known }
        let column: Column?
        switch source {
        case .chunk(let chunk, let layout, let block): column = try chunk.featurePage(ordinal, layout, block: block)
        case .memory(let run, let index, let range):
            let type = Self.widest(run, index.rows[range], ordinal: ordinal)
            column = type.map { Self.gather(run, index.rows[range], ordinal: ordinal, type: $0) }
        }
        features[ordinal] = .some(column)
        return column
    }

    /// The type that all cells of a feature in these rows widen to; `nil` where there are none.
    private static func widest(_ run: MemoryRun, _ places: ArraySlice<MemoryRow>, ordinal: Int) -> FeatureType? {
        var widest: FeatureType?
        var last = UInt32.max
        for place in places where place.part != last {
            last = place.part
            guard let type = run.parts[Int(place.part)].entry.batch.column(ordinal: ordinal)?.type else { continue }
            if widest == nil || widest!.widens(to: type) { widest = type }
        }
        return widest
    }

    private static func gather(_ run: MemoryRun, _ places: ArraySlice<MemoryRow>, ordinal: Int, type: FeatureType) -> Column {
        var builder = ColumnBuilder(type, capacity: places.count)
        for place in places {
            let entry = run.parts[Int(place.part)].entry
            if entry.operation == .write, let column = entry.batch.column(ordinal: ordinal) {
                builder.append(copying: column, Int(place.row))
            } else {
                builder.appendNull()
            }
        }
        return builder.finish()
    }
}

extension Column {
    /// The cells of an int64 or timestamp column without nulls.
    func int64Cells() -> [Int64] {
        var cells: [Int64] = []
        cells.reserveCapacity(count)
        for row in 0..<count { cells.append(int64(row)) }
        return cells
    }
}
