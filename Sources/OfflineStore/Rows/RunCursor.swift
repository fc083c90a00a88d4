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

    var showsEverything: Bool { asOf == .max && eventTimeLeast == .min && eventTimeGreatest == .max }

    func shows(_ eventTime: Microseconds, _ position: Position) -> Bool {
        position <= asOf && eventTime >= eventTimeLeast && eventTime <= eventTimeGreatest
    }

    /// Whether no row within the bounds can be seen.
    func hides(_ bounds: RowBounds) -> Bool {
        bounds.positionLeast > asOf || bounds.eventTimeGreatest < eventTimeLeast || bounds.eventTimeLeast > eventTimeGreatest
    }

    func hides(_ block: BlockEntry, _ layout: ChunkLayout) -> Bool {
        if case .integer(let least, let greatest) = block.pages[SystemColumn.eventTime.rawValue].bounds,
            greatest < eventTimeLeast || least > eventTimeGreatest
        {
            return true
        }
        // Positions are compared as unsigned; bounds are signed, and right below 2^63.
        if case .integer(let least, _) = block.pages[layout.page(of: .position)!].bounds, least >= 0, Position(least) > asOf {
            return true
        }
        return false
    }

    /// Whether every row of a block can be seen.
    func showsAll(_ block: BlockEntry, _ layout: ChunkLayout) -> Bool {
        guard case .integer(let earliest, let latest) = block.pages[layout.page(of: .eventTime)!].bounds,
            case .integer(let least, let greatest) = block.pages[layout.page(of: .position)!].bounds, least >= 0
        else { return false }
        return earliest >= eventTimeLeast && latest <= eventTimeGreatest && Position(greatest) <= asOf
    }
}

/// How a memory run is cut into blocks.
struct BlockLimits: Sendable {
    let rowsMax: Int
    let bytesMax: Int
}

/// Walks the visible rows of one run in order, one block in memory at a time.
struct RunCursor {
    private let run: SortedRun
    private let filter: RowFilter
    private let limits: BlockLimits
    private let gauge: BlockGauge?
    private var nextChunk = 0
    private var nextBlock = 0
    private var keyNumber = 0
    private var keyEnd = 0

    /// The block of the current row; `nil` behind the last row.
    private(set) var block: RowBlock?
    private(set) var row = 0
    /// Key bytes of the current row.
    private(set) var key: ArraySlice<UInt8> = []
    /// Whether the filter shows every row of the block.
    private(set) var showsAll = false

    /// Stands on the first visible row.
    init(_ run: SortedRun, filter: RowFilter, limits: BlockLimits, gauge: BlockGauge?) throws(HeadwaterError) {
        self.run = run
        self.filter = filter
        self.limits = limits
        self.gauge = gauge
        try loadBlock()
        try settle()
    }

    var isAtEnd: Bool { block == nil }

    /// What orders the current row.
    var order: RowOrder { block!.order(row) }

    /// Moves to the next visible row.
    ///
    /// - Returns: whether it has the same key.
    mutating func advance() throws(HeadwaterError) -> Bool {
        row += 1
        if row < keyEnd, filter.shows(block!.eventTimes[row], block!.positions[row]) { return true }
        let before = key
        try settle()
        return block != nil && KeyBytes.compare(before, key) == 0
    }

    /// Moves to the first visible row of another key.
    mutating func skipKey() throws(HeadwaterError) {
        let before = key
        repeat {
            row = keyEnd
            try settle()
        } while block != nil && KeyBytes.compare(before, key) == 0
    }

    /// Moves to the first visible row of another block.
    mutating func skipBlock() throws(HeadwaterError) {
        try loadBlock()
        try settle()
    }

    /// Moves forward from `row` to a visible row, over blocks where it must.
    private mutating func settle() throws(HeadwaterError) {
        while let block {
            while row < block.rowCount {
                if row >= keyEnd { enterKey(keyNumber + 1) }
                if filter.shows(block.eventTimes[row], block.positions[row]) { return }
                row += 1
            }
            try loadBlock()
        }
    }

    private mutating func enterKey(_ number: Int) {
        guard let block else { return }
        keyNumber = number
        row = max(row, block.keyStarts[number])
        keyEnd = block.keyStarts[number + 1]
        key = block.keys.bytes(number)
    }

    /// Loads the next block that may hold visible rows.
    private mutating func loadBlock() throws(HeadwaterError) {
        block = nil
        row = 0
        switch run {
        case .memory(let memory):
            let index = memory.sorted(blockRowsMax: limits.rowsMax, blockBytesMax: limits.bytesMax)
            if nextBlock < index.blocks.count {
                block = RowBlock(memory: memory, index: index, block: index.blocks[nextBlock], gauge: gauge)
                showsAll = filter.showsEverything
                nextBlock += 1
            }
        case .chunks(let chunks):
            try loadChunkBlock(chunks)
        }
        if let block {
            try block.loadOrder()
            enterKey(0)
        }
    }

    private mutating func loadChunkBlock(_ chunks: [ChunkFile]) throws(HeadwaterError) {
        while nextChunk < chunks.count {
            let chunk = chunks[nextChunk]
            if !filter.hides(chunk.entry.bounds) {
                let layout = try chunk.layout()
                while nextBlock < layout.directory.blocks.count {
                    let number = nextBlock
                    let entry = layout.directory.blocks[number]
                    nextBlock += 1
                    if filter.hides(entry, layout) { continue }
                    block = try RowBlock(chunk: chunk, layout: layout, block: number, gauge: gauge)
                    showsAll = filter.showsAll(entry, layout)
                    return
                }
            }
            nextChunk += 1
            nextBlock = 0
        }
    }
}
