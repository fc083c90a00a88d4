internal import FeatureModel

/// The rows that a range of a spine's order matched: for each place where its row lies.
struct SpineMatches: Sendable {
    /// Places in the spine's order.
    let places: Range<Int>
    var sources: [CellSource] = []
    /// For each place the slot of the source, -1 for none, and the row there.
    var slots: [Int32]
    var rows: [Int32]
    var outcomes: [CellStatus]
    /// Event times of the rows; empty where nobody asked for them.
    var times: [Microseconds] = []
}

/// Finds for a range of a spine's order the rows of one group that match, run by run and block by block.
///
/// Per place it keeps the greatest match of the runs so far. A block's rows of one key rise in time, and so do the spine's times
/// of that key: the row for each is found by galloping on from the one before. Of a key that goes through many blocks each place
/// is looked at in the one that has its row, and blocks without a place are not read.
struct SpineMatcher {
    let order: KeyOrder
    let filter: RowFilter
    let availability: Availability
    let limits: BlockLimits
    let isCancelled: @Sendable () -> Bool

    /// The greatest match of a place so far.
    private struct Candidate {
        /// -1 = none.
        var slot: Int32 = -1
        var row: Int32 = 0
        var time: Microseconds = 0
        var isTombstone = false
        /// The run in which the row lies; only needed where several runs may tie.
        var run: Int32 = -1
        var number: UInt32 = 0
        var position: Position = 0
    }

    private let places: Range<Int>
    private let keys: Range<Int>
    private let severalRuns: Bool
    private var found: [Candidate]
    private var sources: [CellSource] = []
    private var stack = AsOfStack()

    init(
        order: KeyOrder, places: Range<Int>, runCount: Int, filter: RowFilter, availability: Availability, limits: BlockLimits,
        isCancelled: @escaping @Sendable () -> Bool
    ) {
        self.order = order
        self.places = places
        self.filter = filter
        self.availability = availability
        self.limits = limits
        self.isCancelled = isCancelled
        keys = places.isEmpty ? 0..<0 : order.keyNumber(at: places.lowerBound)..<order.keyNumber(at: places.upperBound - 1) + 1
        severalRuns = runCount > 1
        found = Array(repeating: Candidate(), count: places.count)
    }

    /// Matches every run; the matcher is then used up.
    ///
    /// - Parameters:
    ///   - maxAge: `nil` for none.
    ///   - eventTimes: whether the matches tell their times.
    mutating func run(_ runs: [SortedRun], maxAge: Microseconds?, eventTimes: Bool) throws(HeadwaterError) -> SpineMatches {
        for (number, run) in runs.enumerated() {
            switch run {
            case .chunks(let chunks): try match(chunks, run: Int32(number))
            case .memory(let memory): try match(memory, run: Int32(number))
            }
        }
        var matches = SpineMatches(places: places, sources: sources, slots: [], rows: [], outcomes: [])
        matches.slots.reserveCapacity(places.count)
        matches.rows.reserveCapacity(places.count)
        matches.outcomes.reserveCapacity(places.count)
        for (index, candidate) in found.enumerated() {
            var outcome = CellStatus.present
            if candidate.slot < 0 || candidate.isTombstone {
                outcome = .notFound
            } else if let maxAge, candidate.time < Self.oldest(order.times[places.lowerBound + index], maxAge) {
                outcome = .outsideMaxAge
            }
            matches.slots.append(outcome == .present ? candidate.slot : -1)
            matches.rows.append(candidate.row)
            matches.outcomes.append(outcome)
            if eventTimes { matches.times.append(outcome == .present ? candidate.time : EventTime.always) }
        }
        return matches
    }

    /// `time - maxAge`, or the least instant where that does not fit.
    private static func oldest(_ time: Microseconds, _ maxAge: Microseconds) -> Microseconds {
        let (difference, overflow) = time.subtractingReportingOverflow(maxAge)
        return overflow ? .min : difference
    }

    // MARK: Blocks

    private mutating func match(_ chunks: [ChunkFile], run: Int32) throws(HeadwaterError) {
        var key = keys.lowerBound
        for chunk in chunks where key < keys.upperBound {
            key = self.key(from: key, notBelow: chunk.entry.bounds.keyLeast[...])
            if key == keys.upperBound { return }
            if order.keys.compare(key, chunk.entry.bounds.keyGreatest) > 0 || filter.hides(chunk.entry.bounds) { continue }
            let layout = try chunk.layout()
            let blocks = layout.directory.blocks
            var number = 0
            while key < keys.upperBound {
                number = Self.block(blocks, from: number) { order.keys.compare(key, $0.lastKey) <= 0 }
                if number == blocks.count { break }
                key = self.key(from: key, notBelow: blocks[number].firstKey[...])
                if key == keys.upperBound { return }
                // A later key may lie behind the block that holds the first one not below it.
                if isCancelled() { throw HeadwaterError(.cancelled, "the join was cancelled") }
                let end = timeOfNext(number, layout)
                if order.keys.compare(key, blocks[number].lastKey) <= 0, !filter.hides(blocks[number], layout),
                    mayMatch(key, blocks[number], layout, before: end)
                {
                    let block = try RowBlock(chunk: chunk, layout: layout, block: number, gauge: nil)
                    try match(
                        block, .chunk(chunk, layout, block: number), isVisible: filter.showsAll(blocks[number], layout), run, key,
                        before: end)
                }
                number += 1
                // The block's last key may go on in the next.
                if number < blocks.count { key = self.key(from: key, notBelow: blocks[number].firstKey[...]) }
            }
        }
    }

    private mutating func match(_ memory: MemoryRun, run: Int32) throws(HeadwaterError) {
        let index = memory.sorted(blockRowsMax: limits.rowsMax, blockBytesMax: limits.bytesMax)
        var key = keys.lowerBound
        var number = 0
        while key < keys.upperBound {
            number = Self.block(index.blocks, from: number) {
                order.keys.compare(key, index.keys.bytes($0.keys.upperBound - 1)) <= 0
            }
            if number == index.blocks.count { return }
            key = self.key(from: key, notBelow: index.keys.bytes(index.blocks[number].keys.lowerBound))
            if key == keys.upperBound { return }
            if order.keys.compare(key, index.keys.bytes(index.blocks[number].keys.upperBound - 1)) <= 0 {
                if isCancelled() { throw HeadwaterError(.cancelled, "the join was cancelled") }
                let block = RowBlock(memory: memory, index: index, block: index.blocks[number], gauge: nil)
                try match(block, nil, isVisible: false, run, key)
            }
            number += 1
            if number < index.blocks.count {
                key = self.key(from: key, notBelow: index.keys.bytes(index.blocks[number].keys.lowerBound))
            }
        }
    }

    /// The time from which on all places of a block's last key have their match in the next block: where that has nothing but
    /// this key, and every row of it counts; `nil` where that is not known.
    private func timeOfNext(_ number: Int, _ layout: ChunkLayout) -> Microseconds? {
        let blocks = layout.directory.blocks
        guard availability == .event, number + 1 < blocks.count, blocks[number + 1].hasOneKey,
            blocks[number + 1].firstKey == blocks[number].lastKey, filter.showsAll(blocks[number + 1], layout),
            case .integer(let least, _) = blocks[number + 1].pages[layout.page(of: .eventTime)!].bounds
        else { return nil }
        return least
    }

    /// Whether a place of a key may have its match in a block, as far as the directory tells.
    private func mayMatch(_ key: Int, _ block: BlockEntry, _ layout: ChunkLayout, before end: Microseconds?) -> Bool {
        guard block.hasOneKey, case .integer(let least, _) = block.pages[layout.page(of: .eventTime)!].bounds else { return true }
        return !places(of: key, from: least, before: end).isEmpty
    }

    /// The piece's places of a key whose times lie between two, the second not included. - Complexity: O(log of the distance).
    private func places(of key: Int, from least: Microseconds, before end: Microseconds?) -> Range<Int> {
        let own = max(order.keyStarts[key], places.lowerBound)..<min(order.keyStarts[key + 1], places.upperBound)
        let first = own.gallop { order.times[$0] < least }
        guard let end else { return first..<own.upperBound }
        return first..<(first..<own.upperBound).gallop { order.times[$0] < end }
    }

    /// The first spine key from `first` on that is not below `bytes`. - Complexity: O(log of the distance).
    private func key(from first: Int, notBelow bytes: ArraySlice<UInt8>) -> Int {
        let prefix = KeyBytes.prefix(bytes)
        return (first..<keys.upperBound).gallop { order.keys.compare($0, bytes, prefix: prefix) < 0 }
    }

    /// The first block from `first` on that `reaches`. - Complexity: O(log of the distance).
    private static func block<Block>(_ blocks: [Block], from first: Int, reaches: (Block) -> Bool) -> Int {
        (first..<blocks.count).gallop { !reaches(blocks[$0]) }
    }

    // MARK: Rows

    /// Matches the spine's keys from `first` on with a block's.
    ///
    /// - Parameters:
    ///   - source: `nil` for a memory block, whose rows lie in parts.
    ///   - end: from this time on places of the block's last key have their match in the next block.
    private mutating func match(
        _ block: RowBlock, _ source: CellSource?, isVisible: Bool, _ run: Int32, _ first: Int, before end: Microseconds? = nil
    ) throws(HeadwaterError) {
        let sifts = !isVisible || availability == .ingest
        try block.loadTimes()
        if severalRuns || sifts { try block.loadOrder() }
        try block.loadTombstones()
        var slots = BlockSlots(source: source, block: block)
        var key = first
        var blockKey = 0
        while key < keys.upperBound, blockKey < block.keyPrefixes.count {
            let difference = compare(key, block, blockKey)
            if difference < 0 {
                key = (key + 1..<keys.upperBound).gallop { compare($0, block, blockKey) < 0 }
            } else if difference > 0 {
                blockKey = (blockKey + 1..<block.keyPrefixes.count).gallop { compare(key, block, $0) > 0 }
            } else {
                let rows = block.keyStarts[blockKey]..<block.keyStarts[blockKey + 1]
                let places = places(
                    of: key, from: block.eventTimes[rows.lowerBound],
                    before: blockKey == block.keyPrefixes.count - 1 ? end : nil)
                if sifts {
                    try matchSifted(block, rows, places, run, &slots)
                } else {
                    matchAll(block, rows, places, run, &slots)
                }
                key += 1
                blockKey += 1
            }
        }
    }

    /// Compares a spine's key with one of a block.
    @inline(__always)
    private func compare(_ key: Int, _ block: RowBlock, _ blockKey: Int) -> Int {
        let (own, other) = (order.keys.prefix(key), block.keyPrefixes[blockKey])
        if own != other { return own < other ? -1 : 1 }
        return order.keys.hasLongKeys ? KeyBytes.compare(order.keys[key], block.keys.bytes(blockKey)) : 0
    }

    /// Every row counts from its event time on.
    private mutating func matchAll(
        _ block: RowBlock, _ rows: Range<Int>, _ places: Range<Int>, _ run: Int32, _ slots: inout BlockSlots
    ) {
        let times = block.eventTimes
        let spineTimes = order.times
        var next = rows.lowerBound
        for place in places {
            let time = spineTimes[place]
            next = (next..<rows.upperBound).gallop { times[$0] <= time }
            if next > rows.lowerBound { take(block, next - 1, place, run, &slots) }
        }
    }

    /// Matches only rows that the filter shows, from the time on when they were known.
    private mutating func matchSifted(
        _ block: RowBlock, _ rows: Range<Int>, _ places: Range<Int>, _ run: Int32, _ slots: inout BlockSlots
    ) throws(HeadwaterError) {
        stack.removeAll()
        guard let lastTime = places.last.map({ order.times[$0] }) else { return }
        var next = rows.lowerBound
        for place in places {
            let time = order.times[place]
            while next < rows.upperBound, block.eventTimes[next] <= time {
                if filter.shows(block.eventTimes[next], block.positions[next]) {
                    let known = try availability == .event ? .min : block.knownTime(next)
                    if known <= lastTime { stack.push(next, knownTime: known, time: time) }
                }
                next += 1
            }
            if let row = stack.match(time) { take(block, row, place, run, &slots) }
        }
    }

    /// Makes a row the match of a place, if it is greater than the one so far.
    @inline(__always)
    private mutating func take(_ block: RowBlock, _ row: Int, _ place: Int, _ run: Int32, _ slots: inout BlockSlots) {
        let index = place - places.lowerBound
        var candidate = Candidate()
        candidate.time = block.eventTimes[row]
        if severalRuns {
            let known = found[index]
            if known.slot >= 0, known.time > candidate.time, known.run != run { return }
            candidate.run = run
            candidate.position = block.positions[row]
            candidate.number = block.rows[row]
            // Within one run the later block holds the greater row.
            if known.slot >= 0, known.run != run, known.time == candidate.time,
                (candidate.position, candidate.number) < (known.position, known.number)
            {
                return
            }
        }
        (candidate.slot, candidate.row) = slots.slot(of: row, &sources)
        candidate.isTombstone = block.isTombstone(row)
        found[index] = candidate
    }
}

/// Slots of what a block's rows lie in: the block of a chunk, or the parts of a memory run.
private struct BlockSlots {
    private let source: CellSource?
    private let block: RowBlock
    private var slot: Int32 = -1
    private var partSlots: [Int32] = []

    init(source: CellSource?, block: RowBlock) {
        self.source = source
        self.block = block
    }

    @inline(__always)
    mutating func slot(of row: Int, _ sources: inout [CellSource]) -> (slot: Int32, row: Int32) {
        slot >= 0 ? (slot, Int32(row)) : newSlot(of: row, &sources)
    }

    private mutating func newSlot(of row: Int, _ sources: inout [CellSource]) -> (slot: Int32, row: Int32) {
        guard let source else { return partSlot(of: row, &sources) }
        slot = Int32(sources.count)
        sources.append(source)
        return (slot, Int32(row))
    }

    private mutating func partSlot(of row: Int, _ sources: inout [CellSource]) -> (slot: Int32, row: Int32) {
        guard let run = block.memoryRun else { preconditionFailure("a block without a source") }
        if partSlots.isEmpty { partSlots = Array(repeating: -1, count: run.parts.count) }
        let place = block.memoryRows[block.memoryRows.startIndex + row]
        let part = Int(place.part)
        if partSlots[part] < 0 {
            partSlots[part] = Int32(sources.count)
            sources.append(.part(run.parts[part]))
        }
        return (partSlots[part], Int32(place.row))
    }
}

extension KeyArena {
    func compare(_ index: Int, _ key: ArraySlice<UInt8>) -> Int { compare(index, key, prefix: KeyBytes.prefix(key)) }
    func compare(_ index: Int, _ key: [UInt8]) -> Int { compare(index, key[...]) }
}
