internal import FeatureModel

/// Rows in order, in blocks: the chunks of one run, or a run in memory.
enum SortedRun: Sendable {
    /// Chunks that follow each other without overlap.
    case chunks([ChunkFile])
    case memory(MemoryRun)
}

/// Which rows a read sees. All bounds are inclusive.
struct RowFilter: Sendable {
    var asOf: Position = .max
    var eventTimeLeast: Microseconds = .min
    var eventTimeGreatest: Microseconds = .max
    /// `nil` for all.
    var keys: KeySet?

    /// Whether it looks at positions.
    var needsPositions: Bool { asOf != .max }

    var showsEverything: Bool { asOf == .max && showsAllTimes && keys == nil }

    var showsAllTimes: Bool { eventTimeLeast == .min && eventTimeGreatest == .max }

    /// Whether a row of a key that it shows is shown.
    func shows(_ eventTime: Microseconds, _ position: Position) -> Bool {
        position <= asOf && eventTime >= eventTimeLeast && eventTime <= eventTimeGreatest
    }

    /// Whether no row within the bounds can be seen.
    func hides(_ bounds: RowBounds) -> Bool {
        bounds.positionLeast > asOf || bounds.eventTimeGreatest < eventTimeLeast || bounds.eventTimeLeast > eventTimeGreatest
            || keys.map { !$0.hasKey(from: bounds.keyLeast[...], through: bounds.keyGreatest[...]) } ?? false
    }

    func hides(_ block: BlockEntry, _ layout: ChunkLayout) -> Bool {
        if case .integer(let least, let greatest) = block.pages[SystemColumn.eventTime.rawValue].bounds,
            greatest < eventTimeLeast || least > eventTimeGreatest
        {
            return true
        }
        if let keys, !keys.hasKey(from: block.firstKey[...], through: block.lastKey[...]) { return true }
        // Positions are compared as unsigned; bounds are signed, and right below 2^63.
        if case .integer(let least, _) = block.pages[layout.page(of: .position)!].bounds, least >= 0, Position(least) > asOf {
            return true
        }
        return false
    }

    /// Whether every row of a block can be seen.
    func showsAll(_ block: BlockEntry, _ layout: ChunkLayout) -> Bool { rest(block, layout).showsEverything }

    /// The part of the filter that may hide rows of a block, by the block's bounds.
    func rest(_ block: BlockEntry, _ layout: ChunkLayout) -> RowFilter {
        var rest = self
        if case .integer(let earliest, let latest) = block.pages[layout.page(of: .eventTime)!].bounds {
            if earliest >= eventTimeLeast { rest.eventTimeLeast = .min }
            if latest <= eventTimeGreatest { rest.eventTimeGreatest = .max }
        }
        if case .integer(let least, let greatest) = block.pages[layout.page(of: .position)!].bounds, least >= 0,
            Position(greatest) <= asOf
        {
            rest.asOf = .max
        }
        return rest
    }
}

/// How a memory run is cut into blocks.
struct BlockLimits: Sendable {
    let rowsMax: Int
    let bytesMax: Int
}

/// A block of a chunk that may hold visible rows.
struct ChunkBlock: Sendable {
    let chunk: ChunkFile
    let layout: ChunkLayout
    let number: Int
    /// The filter that may hide its rows.
    let filter: RowFilter
}

/// Names the blocks of a run of chunks that may hold visible rows, by what the directories say.
struct ChunkBlocks {
    private let chunks: [ChunkFile]
    private let filter: RowFilter
    private var nextChunk = 0
    private var nextBlock = 0
    private var upcoming: ChunkBlock?

    init(_ chunks: [ChunkFile], filter: RowFilter) throws(HeadwaterError) {
        self.chunks = chunks
        self.filter = filter
        upcoming = try find()
    }

    var isAtEnd: Bool { upcoming == nil }

    mutating func next() throws(HeadwaterError) -> ChunkBlock? {
        guard let block = upcoming else { return nil }
        upcoming = try find()
        return block
    }

    private mutating func find() throws(HeadwaterError) -> ChunkBlock? {
        while nextChunk < chunks.count {
            let chunk = chunks[nextChunk]
            if !filter.hides(chunk.entry.bounds) {
                let layout = try chunk.layout()
                while nextBlock < layout.directory.blocks.count {
                    let number = nextBlock
                    let entry = layout.directory.blocks[number]
                    nextBlock += 1
                    if filter.hides(entry, layout) { continue }
                    return ChunkBlock(chunk: chunk, layout: layout, number: number, filter: filter.rest(entry, layout))
                }
            }
            nextChunk += 1
            nextBlock = 0
        }
        return nil
    }
}

/// Walks the blocks of one run that may hold visible rows, one in memory at a time.
struct RunCursor {
    private enum Blocks {
        case chunks(ChunkBlocks)
        case memory(MemoryRun, MemoryIndex, next: Int)
    }

    private let filter: RowFilter
    private let gauge: BlockGauge?
    private var blocks: Blocks

    /// The block that rows come from now.
    private(set) var block: RowBlock?
    /// The first of its rows that has not been taken.
    private var row = 0
    /// The filter that may hide rows of the block.
    private var blockFilter = RowFilter()

    init(_ run: SortedRun, filter: RowFilter, limits: BlockLimits, gauge: BlockGauge?) throws(HeadwaterError) {
        self.filter = filter
        self.gauge = gauge
        switch run {
        case .chunks(let chunks): blocks = .chunks(try ChunkBlocks(chunks, filter: filter))
        case .memory(let memory):
            blocks = .memory(memory, memory.sorted(blockRowsMax: limits.rowsMax, blockBytesMax: limits.bytesMax), next: 0)
        }
    }

    /// Sees to it that there is a block with rows left.
    ///
    /// - Returns: `false` behind the run's last.
    mutating func load() throws(HeadwaterError) -> Bool {
        if let block, row < block.rowCount { return true }
        block = nil
        row = 0
        switch blocks {
        case .memory(let memory, let index, let next):
            guard next < index.blocks.count else { return false }
            block = RowBlock(memory: memory, index: index, block: index.blocks[next], gauge: gauge)
            blockFilter = filter
            blocks = .memory(memory, index, next: next + 1)
        case .chunks(var chunks):
            guard let next = try chunks.next() else { return false }
            block = try RowBlock(next, gauge: gauge)
            blockFilter = next.filter
            blocks = .chunks(chunks)
        }
        try block?.loadOrder()
        return true
    }

    /// The next rows of the block, `count` at the most.
    func part(_ count: Int) -> Range<Int> { row..<min(row + count, block!.rowCount) }

    /// Whether more blocks follow the current one.
    var hasMore: Bool {
        switch blocks {
        case .memory(_, let index, let next): next < index.blocks.count
        case .chunks(let chunks): !chunks.isAtEnd
        }
    }

    /// Takes the visible rows of a part of the block up to some row, in the order of all rows; for `nil` all.
    mutating func take(_ part: Range<Int>, upTo last: RowMark?, withoutTombstones: Bool) throws(HeadwaterError) -> BlockRows {
        let block = block!
        let rows = BlockRows(block, row..<(last.map { block.end(of: part, upTo: $0) } ?? part.upperBound))
        row = rows.range.upperBound
        return try rows.visible(to: blockFilter, withoutTombstones: withoutTombstones)
    }
}

/// A row's place in the order of all rows.
struct RowMark {
    let prefix: UInt64
    let key: ArraySlice<UInt8>
    let order: RowOrder
}

extension RowBlock {
    /// The block's order has been loaded.
    func mark(_ row: Int) -> RowMark {
        let key = keyStarts.run(of: row)
        return RowMark(prefix: keyPrefixes[key], key: keys.bytes(key), order: order(row))
    }

    /// Whether a row lies before another one. The block's order has been loaded.
    func precedes(_ row: Int, _ other: RowMark) -> Bool { compare(row, other) < 0 }

    /// The first row of a range that lies behind another one. The block's order has been loaded.
    ///
    /// - Complexity: O(log n).
    fileprivate func end(of range: Range<Int>, upTo last: RowMark) -> Int { range.bisect { compare($0, last) <= 0 } }

    private func compare(_ row: Int, _ other: RowMark) -> Int {
        let key = keyStarts.run(of: row)
        if keyPrefixes[key] != other.prefix { return keyPrefixes[key] < other.prefix ? -1 : 1 }
        let difference = KeyBytes.compare(keys.bytes(key), other.key)
        if difference != 0 { return difference }
        let order = order(row)
        return order < other.order ? -1 : other.order < order ? 1 : 0
    }
}
