internal import FeatureModel

/// Some rows of one block, in its order.
struct BlockRows {
    let block: RowBlock
    /// The range of the block in which the rows lie.
    let range: Range<Int>
    /// Whether they are all rows of the range.
    let isWhole: Bool
    /// The rows where they are not.
    private let picked: [Int32]

    init(_ block: RowBlock, _ range: Range<Int>) {
        self.block = block
        self.range = range
        isWhole = true
        picked = []
    }

    private init(_ block: RowBlock, _ range: Range<Int>, picked: [Int32]) {
        self.block = block
        self.range = range
        isWhole = picked.count == range.count
        self.picked = isWhole ? [] : picked
    }

    var count: Int { isWhole ? range.count : picked.count }
    var isEmpty: Bool { count == 0 }

    /// The row in the block of row number `index` of these.
    @inline(__always)
    func row(_ index: Int) -> Int { isWhole ? range.lowerBound + index : Int(picked[index]) }

    /// The rows in the block.
    var places: [Int32] { isWhole ? range.map { Int32($0) } : picked }

    /// Picks the values of these rows from one value for each row of the block.
    func pick<Element>(_ values: [Element]) -> [Element] {
        isWhole ? Array(values[range]) : picked.map { values[Int($0)] }
    }

    /// Picks the cells of these rows from a column of the block.
    func pick(_ column: Column) -> Column { isWhole ? column.slice(range) : column.gather(picked.lazy.map { Int($0) }) }

    /// Those of the rows that `isWanted`, by row in the block.
    @inline(__always)
    func filter(_ isWanted: (Int) -> Bool) -> BlockRows {
        if isWhole { return BlockRows(block, range, picked: [Int32](range, where: isWanted)) }
        var wanted: [Int32] = []
        wanted.reserveCapacity(count)
        for index in 0..<count where isWanted(row(index)) { wanted.append(Int32(row(index))) }
        return BlockRows(block, range, picked: wanted)
    }

    /// Those of the rows that a read sees. What it needs of the block's order is loaded.
    ///
    /// - Throws: `.dataLoss` where the chunk is damaged.
    func visible(to filter: RowFilter, withoutTombstones: Bool) throws(HeadwaterError) -> BlockRows {
        var rows = self
        if !filter.showsAllTimes, !filter.needsPositions {
            precondition(isWhole, "rows are sifted by time first")
            let picked = try block.rows(range, from: filter.eventTimeLeast, through: filter.eventTimeGreatest)
            rows = BlockRows(block, range, picked: picked)
        } else if filter.needsPositions {
            let (times, positions) = (block.eventTimes, block.positions)
            rows = rows.filter { filter.shows(times[$0], positions[$0]) }
        }
        if let keys = filter.keys {
            var picked: [Int32] = []
            let sifted = rows
            sifted.forEachKey { key, numbers in
                if keys.contains(block.keys.bytes(key)) { for number in numbers { picked.append(Int32(sifted.row(number))) } }
            }
            rows = BlockRows(block, range, picked: picked)
        }
        if withoutTombstones, block.hasTombstones { rows = rows.filter { !block.isTombstone($0) } }
        return rows
    }

    /// Calls `body` with each key of the block that has some of these rows, and their numbers.
    func forEachKey(_ body: (_ key: Int, _ range: Range<Int>) -> Void) {
        if isEmpty { return }
        let starts = block.keyStarts
        var key = starts.run(of: row(0))
        var first = 0
        while first < count {
            while starts[key + 1] <= row(first) { key += 1 }
            var end = isWhole ? min(starts[key + 1] - range.lowerBound, count) : first + 1
            while !isWhole, end < count, row(end) < starts[key + 1] { end += 1 }
            body(key, first..<end)
            first = end
        }
    }
}

/// Rows in (key, event_time, position, row) order, where they lie: nothing but what orders them is copied.
struct MergedRows {
    /// The blocks in which the rows lie, with their order loaded.
    let blocks: [RowBlock]
    /// The block number of each row; empty where there is only one block.
    private let slots: [Int32]
    /// The place of each row in its block.
    let rows: [Int32]
    let eventTimes: [Microseconds]
    /// Each different key once, rising.
    let keys: Column
    /// First row of each key, and behind the last one the row count.
    let keyStarts: [Int]

    var count: Int { rows.count }

    init(blocks: [RowBlock], slots: [Int32], rows: [Int32], eventTimes: [Microseconds], keys: Column, keyStarts: [Int]) {
        self.blocks = blocks
        self.slots = slots
        self.rows = rows
        self.eventTimes = eventTimes
        self.keys = keys
        self.keyStarts = keyStarts
    }

    /// The rows of one block.
    init(_ rows: BlockRows) {
        let block = rows.block
        var keyNumbers: [Int] = []
        var starts: [Int] = []
        rows.forEachKey { key, range in
            keyNumbers.append(key)
            starts.append(range.lowerBound)
        }
        starts.append(rows.count)
        let isRun = keyNumbers.last.map { $0 - keyNumbers[0] + 1 == keyNumbers.count } ?? true
        let keys =
            isRun
            ? block.keys.slice(keyNumbers.isEmpty ? 0..<0 : keyNumbers[0]..<keyNumbers.last! + 1)
            : block.keys.gather(keyNumbers)
        self.init(
            blocks: [block], slots: [], rows: rows.places, eventTimes: rows.pick(block.eventTimes), keys: keys, keyStarts: starts)
    }

    /// The rows of several blocks, each in order, in one order.
    init(merging blocks: [BlockRows]) {
        if blocks.count == 1 {
            self.init(blocks[0])
            return
        }
        var slots: [Int32] = []
        var rows: [Int32] = []
        for (slot, piece) in blocks.enumerated() {
            slots.append(contentsOf: repeatElement(Int32(slot), count: piece.count))
            for index in 0..<piece.count { rows.append(Int32(piece.row(index))) }
        }
        func order(_ number: Int32) -> RowOrder { blocks[Int(slots[Int(number)])].block.order(Int(rows[Int(number)])) }
        let order = KeyOrder(blocks) { order($0) < order($1) }
        self.init(
            blocks: blocks.map(\.block), slots: order.rows.map { slots[Int($0)] }, rows: order.rows.map { rows[Int($0)] },
            eventTimes: order.times, keys: order.keys.column, keyStarts: order.keyStarts)
    }

    @inline(__always)
    func slot(_ row: Int) -> Int { slots.isEmpty ? 0 : Int(slots[row]) }

    /// An estimate of the bytes of a row.
    var bytesPerRow: Int { blocks.reduce(0) { $0 + $1.bytesPerRow } / max(blocks.count, 1) }
}

extension [Int] {
    /// Number of the run that a place lies in, where these are the starts of runs that follow each other, and the last one's end.
    ///
    /// - Complexity: O(log n).
    func run(of place: Int) -> Int { Swift.max(0, (0..<count - 1).bisect { self[$0] <= place } - 1) }
}

extension Range<Int> {
    /// The first number for which `isBefore`, true of all before it and of none behind, is false.
    ///
    /// - Complexity: O(log n).
    @inline(__always)
    func bisect(_ isBefore: (Int) -> Bool) -> Int {
        var low = lowerBound
        var high = upperBound
        while low < high {
            let middle = (low + high) / 2
            if isBefore(middle) { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The same, looked for from the first number on.
    ///
    /// - Complexity: O(log of the distance from it).
    @inline(__always)
    func gallop(_ isBefore: (Int) -> Bool) -> Int {
        var low = lowerBound
        var step = 1
        var high = low
        while high < upperBound, isBefore(high) {
            low = high + 1
            high += step
            step *= 2
        }
        return (low..<Swift.min(high, upperBound)).bisect(isBefore)
    }

    /// The same, looked for on both sides of a guess.
    ///
    /// - Complexity: O(log of the distance from it).
    @inline(__always)
    func gallop(near guess: Int, _ isBefore: (Int) -> Bool) -> Int {
        var high = Swift.min(Swift.max(guess, lowerBound), upperBound)
        if high < upperBound, isBefore(high) { return (high + 1..<upperBound).gallop(isBefore) }
        var step = 1
        var low = high - 1
        while low >= lowerBound, !isBefore(low) {
            high = low
            low -= step
            step *= 2
        }
        return (Swift.max(low + 1, lowerBound)..<high).bisect(isBefore)
    }
}

extension ArraySlice<Int32> {
    private static let small = [Int32](0..<1 << 14)

    /// 0, 1, 2, …: made once for as many as a block has.
    static func first(_ count: Int) -> ArraySlice<Int32> {
        count <= small.count ? small[..<count] : [Int32](0..<Int32(count))[...]
    }
}
