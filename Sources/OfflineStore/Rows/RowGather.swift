internal import FeatureModel

/// Merged rows, gathered until they are enough for a block or a batch; their cells are copied only then.
struct RowGather: Sendable {
    /// The event time of each row.
    private(set) var eventTimes: [Microseconds] = []
    /// An estimate of the bytes of the rows.
    private(set) var byteCount = 0
    /// How many rows each different key has.
    private(set) var keyRows: [Int] = []
    /// How many blocks of chunks rows come from.
    private(set) var blockCount = 0

    /// The different keys, in pieces; none is empty.
    private var keys: [Column] = []
    private var picks = CellPicks<PickSource>()
    private var slots: [ObjectIdentifier: Int32] = [:]

    var count: Int { eventTimes.count }
    var isEmpty: Bool { eventTimes.isEmpty }

    /// Appends some of merged rows; they follow those that are here.
    mutating func append(_ rows: MergedRows, _ range: Range<Int>, bytesPerRow: Int) {
        if range.isEmpty { return }
        eventTimes += rows.eventTimes[range]
        byteCount += range.count * bytesPerRow
        appendKeys(rows, range)
        if rows.blocks.count == 1, let run = rows.blocks[0].memoryRun {
            appendPicks(rows.rows[range], run, rows.blocks[0].memoryRows)
        } else {
            appendPicks(rows, range)
        }
    }

    private mutating func appendKeys(_ rows: MergedRows, _ range: Range<Int>) {
        let starts = rows.keyStarts
        var first = starts.run(of: range.lowerBound)
        let last = starts.run(of: range.upperBound - 1)
        // The first may go on with what is here.
        if let known = keys.last, KeyBytes.compare(known.bytes(known.count - 1), rows.keys.bytes(first)) == 0 {
            keyRows[keyRows.count - 1] += min(starts[first + 1], range.upperBound) - range.lowerBound
            first += 1
        }
        if first > last { return }
        keys.append(rows.keys.slice(first..<last + 1))
        for key in first...last {
            keyRows.append(min(starts[key + 1], range.upperBound) - max(starts[key], range.lowerBound))
        }
    }

    private mutating func appendPicks(_ rows: MergedRows, _ range: Range<Int>) {
        var known = [Int32](repeating: -1, count: rows.blocks.count)
        for index in range {
            let number = rows.slot(index)
            if known[number] < 0 {
                let block = rows.blocks[number]
                if let run = block.memoryRun {
                    let place = block.memoryRows[block.memoryRows.startIndex + Int(rows.rows[index])]
                    picks.append(slot: slot(of: .part(run.parts[Int(place.part)])), row: Int32(place.row))
                    continue
                }
                known[number] = slot(of: .block(block))
            }
            picks.append(slot: known[number], row: rows.rows[index])
        }
    }

    /// The same for rows of one block of a memory run.
    private mutating func appendPicks(_ rows: ArraySlice<Int32>, _ run: MemoryRun, _ places: ArraySlice<MemoryRow>) {
        var known = [Int32](repeating: -1, count: run.parts.count)
        for row in rows {
            let place = places[places.startIndex + Int(row)]
            let part = Int(place.part)
            if known[part] < 0 { known[part] = slot(of: .part(run.parts[part])) }
            picks.append(slot: known[part], row: Int32(place.row))
        }
    }

    private mutating func slot(of source: PickSource) -> Int32 {
        if let known = slots[source.id] { return known }
        let slot = picks.add(source)
        slots[source.id] = slot
        if case .block = source { blockCount += 1 }
        return slot
    }

    /// The least key and the greatest; there are rows.
    var firstKey: ArraySlice<UInt8> { keys[0].bytes(0) }
    var lastKey: ArraySlice<UInt8> { keys.last!.bytes(keys.last!.count - 1) }

    /// The blocks of chunks that rows come from.
    var blocks: some Sequence<ObjectIdentifier> {
        picks.sources.lazy.filter { if case .block = $0 { true } else { false } }.map(\.id)
    }

    /// The different keys, rising.
    func keyColumn() -> Column { .joined(keys) }

    /// The rows' cells. - Complexity: O(n).
    func cells() -> GatheredCells { Self.cells([self]) }

    /// The cells of rows that follow each other in several gathers. - Complexity: O(n).
    static func cells(_ gathers: [RowGather]) -> GatheredCells {
        var sources: [PickSource] = []
        var known: [ObjectIdentifier: Int] = [:]
        let numbers = gathers.map { gather in
            gather.picks.sources.map { source in
                if let number = known[source.id] { return number }
                known[source.id] = sources.count
                sources.append(source)
                return sources.count - 1
            }
        }
        return GatheredCells(
            GroupedPicks(sources) { pick in
                var first: Int32 = 0
                for (gather, numbers) in zip(gathers, numbers) {
                    gather.picks.forEach { slot, row, place in pick(numbers[slot], row, first + place) }
                    first += Int32(gather.count)
                }
            })
    }
}

/// The cells of gathered rows, copied one column at a time.
struct GatheredCells {
    private let picks: GroupedPicks<PickSource>

    fileprivate init(_ picks: GroupedPicks<PickSource>) { self.picks = picks }

    var count: Int { picks.rows.count }

    /// Bits of the rows' positions.
    func positions() -> [Int64] {
        var positions = [Int64](repeating: 0, count: count)
        picks.forEach { source, rows, places in
            switch source {
            case .part(let part): for place in places { positions[Int(place)] = Int64(bitPattern: part.position) }
            case .block(let block):
                let known = block.positions
                for (row, place) in zip(rows, places) { positions[Int(place)] = Int64(bitPattern: known[Int(row)]) }
            }
        }
        return positions
    }

    /// Numbers of the rows in their records.
    func rowNumbers() -> [UInt32] {
        var numbers = [UInt32](repeating: 0, count: count)
        picks.forEach { source, rows, places in
            switch source {
            case .part(let part):
                let first = UInt32(part.entry.firstRow)
                for (row, place) in zip(rows, places) { numbers[Int(place)] = first + UInt32(row) }
            case .block(let block):
                let known = block.rows
                for (row, place) in zip(rows, places) { numbers[Int(place)] = known[Int(row)] }
            }
        }
        return numbers
    }

    /// bool: true = tombstone.
    func tombstones() -> Column {
        var bits = [UInt8](repeating: 0, count: bitmapBytes(count))
        picks.forEach { source, rows, places in
            switch source {
            case .part(let part):
                if part.entry.operation == .delete { for place in places { bits.set(Int(place)) } }
            case .block(let block):
                if block.hasTombstones {
                    for (row, place) in zip(rows, places) where block.isTombstone(Int(row)) { bits.set(Int(place)) }
                }
            }
        }
        return Column(type: .bool, count: count, nullCount: 0, data: bits[...])
    }

    /// The ingest time of each row. The records of every chunk that is picked from have it.
    func ingestTimes() throws(HeadwaterError) -> Column {
        var times = [Int64](repeating: 0, count: count)
        try picks.forEach { (source, rows, places) throws(HeadwaterError) in
            switch source {
            case .part(let part): for place in places { times[Int(place)] = part.ingestTime }
            case .block(let block):
                let ingested = try block.ingestTimes()
                for (row, place) in zip(rows, places) { times[Int(place)] = ingested.int64(Int(row)) }
            }
        }
        return Column(.timestamp, numbers: times)
    }

    /// A column of the rows; null where a row's source does not have it.
    ///
    /// - Throws: `.dataLoss` where a chunk is damaged, `.failedPrecondition` where a cell does not fit a narrower type.
    func column(_ column: RowColumn, _ type: FeatureType) throws(HeadwaterError) -> Column {
        try CellTarget.fill([type], count: count) { (targets) throws(HeadwaterError) in
            try picks.forEach { (source, rows, places) throws(HeadwaterError) in
                try source.copy(column, rows: rows, to: targets[0], places: places)
            }
        }[0]
    }
}

extension [UInt8] {
    fileprivate mutating func set(_ bit: Int) { self[bit >> 3] |= 1 << UInt8(bit & 7) }
}

/// The source of picked rows: a block of a chunk, whose columns are
/// decoded once for all that pick from it, or a part of a memory run.
private enum PickSource: Sendable {
    case block(RowBlock)
    case part(MemoryPart)

    var id: ObjectIdentifier {
        switch self {
        case .block(let block): ObjectIdentifier(block)
        case .part(let part): ObjectIdentifier(part)
        }
    }

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
    private(set) var sources: [Source] = []
    private var slots: [Int32] = []
    private var rows: [Int32] = []

    mutating func add(_ source: Source) -> Int32 {
        sources.append(source)
        return Int32(sources.count - 1)
    }

    mutating func append(slot: Int32, row: Int32) {
        slots.append(slot)
        rows.append(row)
    }

    /// Calls `body` with each pick.
    @inline(__always)
    func forEach(_ body: (_ slot: Int, _ row: Int32, _ place: Int32) -> Void) {
        for place in slots.indices { body(Int(slots[place]), rows[place], Int32(place)) }
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
    /// - Parameter eachPick: calls back with the slot of its source, row
    ///   and place of each pick, the same ones each time it is called.
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

    func forEach<Failure: Error>(
        _ body: (Source, _ rows: ArraySlice<Int32>, _ places: ArraySlice<Int32>) throws(Failure) -> Void
    ) throws(Failure) {
        for (slot, source) in sources.enumerated() where starts[slot] < starts[slot + 1] {
            try body(source, rows[starts[slot]..<starts[slot + 1]], places[starts[slot]..<starts[slot + 1]])
        }
    }
}

extension CellPicks: Sendable where Source: Sendable {}
extension GroupedPicks: Sendable where Source: Sendable {}
