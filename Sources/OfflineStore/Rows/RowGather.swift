internal import FeatureModel

/// Rows picked from several blocks, in order, whose columns are then copied out one column at a time.
struct RowGather {
    /// What orders each row; as many as there are rows.
    private(set) var order: [RowOrder] = []
    private(set) var firstKey: ArraySlice<UInt8> = []
    private(set) var lastKey: ArraySlice<UInt8> = []
    private(set) var byteCount = 0

    private var blocks: [RowBlock] = []
    private var picks = CellPicks<PickSource>()
    private var tombstones: [Bool] = []
    /// Each different key of the rows once, and how many rows it has here.
    private var keys = ColumnBuilder(.bytes)
    private var keyRows: [Int] = []

    var count: Int { order.count }
    var isEmpty: Bool { order.isEmpty }

    /// Picks a row with its key; rows come in key order, from blocks whose order is loaded.
    mutating func append(_ block: RowBlock, _ row: Int, key: ArraySlice<UInt8>) {
        if keyRows.isEmpty || KeyBytes.compare(lastKey, key) != 0 {
            if keyRows.isEmpty { firstKey = key }
            lastKey = key
            keys.append(text: key)
            keyRows.append(0)
        }
        keyRows[keyRows.count - 1] += 1
        order.append(block.order(row))
        tombstones.append(block.isTombstone(row))
        byteCount += block.bytesPerRow
        pick(block, row)
    }

    @inline(__always)
    private mutating func pick(_ block: RowBlock, _ row: Int) {
        if block.gatherSlot >= 0 { return picks.append(slot: block.gatherSlot, row: Int32(row)) }
        pickFromPart(block, row)
    }

    private mutating func pickFromPart(_ block: RowBlock, _ row: Int) {
        guard let run = block.memoryRun else {
            blocks.append(block)
            block.gatherSlot = picks.add(.block(block))
            return picks.append(slot: block.gatherSlot, row: Int32(row))
        }
        if block.partSlots.isEmpty {
            blocks.append(block)
            block.partSlots = Array(repeating: -1, count: run.parts.count)
        }
        let place = block.memoryRows[block.memoryRows.startIndex + row]
        let part = Int(place.part)
        if block.partSlots[part] < 0 { block.partSlots[part] = picks.add(.part(run.parts[part])) }
        picks.append(slot: block.partSlots[part], row: Int32(place.row))
    }

    mutating func removeAll() {
        for block in blocks {
            block.gatherSlot = -1
            block.partSlots = []
        }
        self = RowGather()
    }

    /// The different keys, and the number of rows of each.
    func keyColumn() -> (keys: Column, rows: [Int]) { (keys.finish(), keyRows) }

    /// bool: true = tombstone.
    func tombstoneColumn() -> Column {
        let bits = [UInt8](bits: count) { tombstones[$0] }
        return Column(type: .bool, count: count, nullCount: 0, data: bits[...])
    }

    /// Copies columns of the picked rows; null where a row's source does not have one.
    ///
    /// - Throws: `.dataLoss` where a chunk is damaged, `.failedPrecondition` where a cell does not fit a narrower type.
    func columns(_ wanted: [(column: RowColumn, type: FeatureType)]) throws(HeadwaterError) -> [Column] {
        let picks = picks.grouped()
        var columns: [Column] = []
        // One after the other: a column's cells stay near until they are written.
        for (column, type) in wanted {
            columns += try CellTarget.fill([type], count: count) { (targets) throws(HeadwaterError) in
                try picks.forEach { (source, rows, places) throws(HeadwaterError) in
                    try source.copy(column, rows: rows, to: targets[0], places: places)
                }
            }
        }
        return columns
    }

    /// The ingest time of each row. The records of every chunk that is picked from have it.
    func ingestTimes() throws(HeadwaterError) -> Column {
        var times = [Int64](repeating: 0, count: count)
        try picks.grouped().forEach { (source, rows, places) throws(HeadwaterError) in
            switch source {
            case .part(let part): for place in places { times[Int(place)] = part.ingestTime }
            case .block(let block):
                let ingested = try block.ingestTimes()
                for (row, place) in zip(rows, places) { times[Int(place)] = ingested.int64(Int(row)) }
            }
        }
        return Column(.timestamp, numbers: times)
    }
}

/// What rows are picked from: a block of a chunk, whose columns are decoded once for all that pick from it, or a part of a memory run.
private enum PickSource {
    case block(RowBlock)
    case part(MemoryPart)

    /// As `CellSource.copy`.
    func copy(
        _ column: RowColumn, rows: ArraySlice<Int32>, to target: CellTarget, places: ArraySlice<Int32>
    ) throws(HeadwaterError) {
        switch self {
        case .part(let part): try CellSource.part(part).copy(column, rows: rows, to: target, places: places)
        case .block(let block):
            let cells =
                switch column {
                case .availableTime: try block.availableTimes()
                case .feature(let ordinal): try block.feature(ordinal)
                }
            guard let cells else { return target.storeNulls(places) }
            try PageCells.copy(cells, rows: rows, to: target, places: places)
        }
    }
}

/// Picked rows by source: of each pick its source's slot and its row there.
struct CellPicks<Source> {
    private var sources: [Source] = []
    private var slots: [Int32] = []
    private var rows: [Int32] = []

    var count: Int { slots.count }

    mutating func add(_ source: Source) -> Int32 {
        sources.append(source)
        return Int32(sources.count - 1)
    }

    mutating func append(slot: Int32, row: Int32) {
        slots.append(slot)
        rows.append(row)
    }

    /// The picks source by source; within one in the order in which they were made.
    func grouped() -> GroupedPicks<Source> {
        GroupedPicks(sources) { pick in
            for place in slots.indices { pick(Int(slots[place]), rows[place], Int32(place)) }
        }
    }
}

/// For each source the rows picked from it and their places in the order of picks.
struct GroupedPicks<Source> {
    let sources: [Source]
    /// First pick of each source, and behind the last one the count.
    let starts: [Int]
    let rows: [Int32]
    let places: [Int32]

    /// Groups picks by counting them first.
    ///
    /// - Parameter eachPick: calls back with the slot of its source, row and place of each pick, the same ones each time it is called.
    init(_ sources: [Source], _ eachPick: ((_ slot: Int, _ row: Int32, _ place: Int32) -> Void) -> Void) {
        var ends = [Int](repeating: 0, count: sources.count + 1)
        eachPick { slot, _, _ in ends[slot + 1] += 1 }
        for slot in sources.indices { ends[slot + 1] += ends[slot] }
        let starts = ends
        var rows = [Int32](repeating: 0, count: starts[sources.count])
        var places = rows
        eachPick { slot, row, place in
            rows[ends[slot]] = row
            places[ends[slot]] = place
            ends[slot] += 1
        }
        (self.sources, self.starts, self.rows, self.places) = (sources, starts, rows, places)
    }

    func forEach(
        _ body: (Source, _ rows: ArraySlice<Int32>, _ places: ArraySlice<Int32>) throws(HeadwaterError) -> Void
    ) throws(HeadwaterError) {
        for (slot, source) in sources.enumerated() where starts[slot] < starts[slot + 1] {
            try body(source, rows[starts[slot]..<starts[slot + 1]], places[starts[slot]..<starts[slot + 1]])
        }
    }
}

extension GroupedPicks: Sendable where Source: Sendable {}
