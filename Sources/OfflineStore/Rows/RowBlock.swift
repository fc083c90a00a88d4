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
/// Keys are there from the start; event times come with `loadTimes`, what else
/// orders rows with `loadOrder`, the other columns when they are asked for.
final class RowBlock: @unchecked Sendable {
    // Sendable: what is loaded is so by the thread that made the block,
    // before others see it; what is decoded later lies behind a lock.

    enum Source {
        case chunk(ChunkFile, ChunkLayout, block: Int)
        case memory(MemoryRun, MemoryIndex, Range<Int>)
    }

    let source: Source
    /// Each different key once, rising.
    let keys: Column
    /// First row of each key, and behind the last one the row count.
    let keyStarts: [Int]
    let rowCount: Int
    /// Empty before `loadTimes`.
    private(set) var eventTimes: [Microseconds] = []
    /// A fair share of the block's size.
    let bytesPerRow: Int
    /// Empty before `loadOrder`, as are `rows`.
    private(set) var positions: [Position] = []
    private(set) var rows: [UInt32] = []
    /// Empty before `loadOrder`, and where there is none.
    private var tombstones: [Bool] = []
    /// The first bytes of each key, as `KeyBytes.prefix` gives them.
    let keyPrefixes: [UInt64]
    /// Bytes of each key, where all have as many.
    let keyWidth: Int?
    /// The run of a memory block, and where each row lies in it; `nil` and empty for a block of a chunk.
    let memoryRun: MemoryRun?
    let memoryRows: ArraySlice<MemoryRow>
    /// The columns of all features of the one schema that a walk over latest rows reads with; it alone writes here.
    var packedColumns: [Column?]?

    private let gauge: BlockGauge?
    private var hasOrder = false
    private var knowsTombstones = false
    private let decoded = Mutex(Decoded())

    /// Columns that have been asked for. They are decoded outside the lock:
    /// two threads may do so for the same one, and none waits for another.
    private struct Decoded {
        var ingestTimes: Column?
        var availableTimes: Column??
        var features: [Int: Column?] = [:]
    }

    /// Reads block number `block` of a chunk.
    ///
    /// - Throws: `.dataLoss` where the chunk is damaged.
    init(chunk: ChunkFile, layout: ChunkLayout, block: Int, gauge: BlockGauge?) throws(HeadwaterError) {
        let entry = layout.directory.blocks[block]
        keys = try chunk.systemPage(.key, layout, block: block)
        let counts = try chunk.systemNumbers(.keyRows, layout, block: block)
        var starts = [0]
        starts.reserveCapacity(counts.count + 1)
        var end = 0
        for count in counts {
            end += Int(count)
            starts.append(end)
        }
        guard counts.count == keys.count, end == entry.rowCount, counts.allSatisfy({ $0 > 0 }) else {
            throw chunk.bytes.damage("rows by key do not add up to the block's", at: entry.pages[1].offset)
        }
        keyStarts = starts
        (keyPrefixes, keyWidth) = keys.keyPrefixes()
        memoryRows = []
        memoryRun = nil
        rowCount = entry.rowCount
        bytesPerRow = entry.pages.reduce(0) { $0 + $1.rawBytes } / max(entry.rowCount, 1) + 1
        source = .chunk(chunk, layout, block: block)
        self.gauge = gauge
        gauge?.enter()
    }

    convenience init(_ block: ChunkBlock, gauge: BlockGauge?) throws(HeadwaterError) {
        try self.init(chunk: block.chunk, layout: block.layout, block: block.number, gauge: gauge)
    }

    /// Takes one block of a memory run.
    init(memory run: MemoryRun, index: MemoryIndex, block: MemoryIndex.Block, gauge: BlockGauge?) {
        let range = block.rows
        keys = index.keys.slice(block.keys)
        (keyPrefixes, keyWidth) = keys.keyPrefixes()
        memoryRows = index.rows[range]
        memoryRun = run
        keyStarts =
            block.keys.map { max(index.keyStarts[$0], range.lowerBound) - range.lowerBound } + [range.count]
        rowCount = range.count
        eventTimes = Array(index.eventTimes[range])
        bytesPerRow = run.byteCount / max(run.rowCount, 1) + 1
        source = .memory(run, index, range)
        self.gauge = gauge
        gauge?.enter()
    }

    deinit { gauge?.leave() }

    /// - Throws: `.dataLoss` where the chunk is damaged.
    func loadTimes() throws(HeadwaterError) {
        guard eventTimes.isEmpty, case .chunk(let chunk, let layout, let block) = source else { return }
        eventTimes = try chunk.systemNumbers(.eventTime, layout, block: block)
    }

    /// Reads what orders rows, and which rows are tombstones.
    ///
    /// - Throws: `.dataLoss` where the chunk is damaged.
    func loadOrder() throws(HeadwaterError) {
        if hasOrder { return }
        try loadTimes()
        switch source {
        case .chunk(let chunk, let layout, let block):
            positions = try chunk.systemNumbers(.position, layout, block: block).map { Position(bitPattern: $0) }
            rows = try chunk.systemNumbers(.row, layout, block: block).map { UInt32(truncatingIfNeeded: $0) }
            try loadTombstones()
        case .memory(let run, _, _):
            positions = memoryRows.map { run.parts[Int($0.part)].position }
            rows = memoryRows.map { UInt32(run.parts[Int($0.part)].entry.firstRow) + $0.row }
            try loadTombstones()
        }
        hasOrder = true
    }

    /// - Throws: `.dataLoss` where the chunk is damaged.
    func loadTombstones() throws(HeadwaterError) {
        if knowsTombstones { return }
        switch source {
        case .chunk(let chunk, let layout, let block):
            let page = layout.directory.blocks[block].pages[layout.page(of: .operation)!]
            if page.bounds != .integer(0, 0) {
                let column = try chunk.systemPage(.operation, layout, block: block)
                tombstones = (0..<column.count).map { column.bool($0) }
            }
        case .memory(let run, _, _):
            if run.hasTombstones { tombstones = memoryRows.map { run.parts[Int($0.part)].entry.operation == .delete } }
        }
        knowsTombstones = true
    }

    /// Whether there may be tombstones among the rows; `loadOrder` or `loadTombstones` has been called.
    var hasTombstones: Bool { !tombstones.isEmpty }

    /// Whether a row is a tombstone; `loadOrder` or `loadTombstones` has been called.
    @inline(__always)
    func isTombstone(_ row: Int) -> Bool { !tombstones.isEmpty && tombstones[row] }

    func order(_ row: Int) -> RowOrder { RowOrder(eventTime: eventTimes[row], position: positions[row], row: rows[row]) }

    /// Those rows of a range whose event times lie between two, both included. Of each key they are looked for where the key
    /// before had them, as keys have like times, without decoding the times that are passed over where they are not loaded.
    func rows(_ range: Range<Int>, from least: Microseconds, through greatest: Microseconds) throws(HeadwaterError) -> [Int32] {
        if eventTimes.isEmpty, case .chunk(let chunk, let layout, let block) = source {
            return try chunk.withSystemNumbers(.eventTime, layout, block: block) { time in
                rows(range, from: least, through: greatest, time)
            }
        }
        let times = eventTimes
        return rows(range, from: least, through: greatest) { times[$0] }
    }

    @inline(__always)
    private func rows(
        _ range: Range<Int>, from least: Microseconds, through greatest: Microseconds, _ time: (Int) -> Microseconds
    ) -> [Int32] {
        var rows: [Int32] = []
        rows.reserveCapacity(range.count)
        var key = keyStarts.run(of: range.lowerBound)
        var (skipped, taken) = (0, 0)
        while key < keys.count, keyStarts[key] < range.upperBound {
            let own = max(keyStarts[key], range.lowerBound)..<min(keyStarts[key + 1], range.upperBound)
            let first = own.gallop(near: own.lowerBound + skipped) { time($0) < least }
            let end = (first..<own.upperBound).gallop(near: first + taken) { time($0) <= greatest }
            for row in first..<end { rows.append(Int32(row)) }
            (skipped, taken) = (first - own.lowerBound, end - first)
            key += 1
        }
        return rows
    }

    /// Ingest time of each row. `loadOrder` has been called.
    func ingestTimes() throws(HeadwaterError) -> Column {
        if let known = decoded.withLock({ $0.ingestTimes }) { return known }
        let times =
            switch source {
            case .chunk(let chunk, _, _): try chunk.ingestTimes(of: positions, in: try chunk.records())
            case .memory(let run, _, _): memoryRows.map { run.parts[Int($0.part)].ingestTime }
            }
        let column = Column(.timestamp, numbers: times)
        decoded.withLock { $0.ingestTimes = column }
        return column
    }

    /// The available time column as it was written; `nil` where the group has none.
    func availableTimes() throws(HeadwaterError) -> Column? {
        if let known = decoded.withLock({ $0.availableTimes }) { return known }
        let column: Column? =
            switch source {
            case .chunk(let chunk, let layout, let block):
                layout.header.hasAvailableTime ? try chunk.systemPage(.availableTime, layout, block: block) : nil
            case .memory(let run, let index, let range):
                run.parts[0].entry.schema.availableTimeOrdinal.map {
                    Self.gather(run, index.rows[range], ordinal: $0, type: .timestamp)
                }
            }
        decoded.withLock { $0.availableTimes = .some(column) }
        return column
    }

    /// When the row could be known: its available time where it has one, else its ingest time. `loadOrder` has been called.
    func knownTime(_ row: Int) throws(HeadwaterError) -> Microseconds {
        if let column = try availableTimes(), !column.isNull(row) { return column.int64(row) }
        return try ingestTimes().int64(row)
    }

    /// A whole feature, as stored; `nil` where none of the rows has it.
    func feature(_ ordinal: Int) throws(HeadwaterError) -> Column? {
        if let known = decoded.withLock({ $0.features[ordinal] }) { return known }
        var column: Column?
        switch source {
        case .chunk(let chunk, let layout, let block):
            column = try layout.page(ofFeature: ordinal).map { (page) throws(HeadwaterError) in
                try chunk.decodePage(page, layout, block: block)
            }
        case .memory(let run, let index, let range):
            let type = Self.widest(run, index.rows[range], ordinal: ordinal)
            column = type.map { Self.gather(run, index.rows[range], ordinal: ordinal, type: $0) }
        }
        decoded.withLock { [column] in $0.features[ordinal] = .some(column) }
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
    /// `KeyBytes.prefix` of each cell of a bytes column, and the length that all have.
    fileprivate func keyPrefixes() -> (prefixes: [UInt64], width: Int?) {
        let ends = offsets.integers(width: 4)
        var prefixes: [UInt64] = []
        prefixes.reserveCapacity(count)
        let first = count > 0 ? Int(ends[1] - ends[0]) : 0
        var isUniform = true
        data.withBytes { data in
            for row in 0..<count {
                let start = Int(ends[row])
                let length = Int(ends[row + 1]) - start
                if length != first { isUniform = false }
                if length >= 8 {
                    prefixes.append(data.littleEndian(at: start, as: UInt64.self).byteSwapped)
                } else {
                    var prefix: UInt64 = 0
                    for index in 0..<length {
                        prefix |= UInt64(data.littleEndian(at: start + index, as: UInt8.self)) << UInt64(56 - 8 * index)
                    }
                    prefixes.append(prefix)
                }
            }
        }
        return (prefixes, isUniform ? first : nil)
    }
}
