internal import FeatureModel

/// When the log took each record: ingest times by position, once a record.
struct RecordTimes: Sendable {
    /// Rising, each once.
    private(set) var positions: [Position] = []
    private(set) var ingestTimes: [Microseconds] = []

    var count: Int { positions.count }

    init() {}

    /// - Parameter positions: rising, each once.
    init(positions: [Position], ingestTimes: [Microseconds]) {
        precondition(positions.count == ingestTimes.count)
        self.positions = positions
        self.ingestTimes = ingestTimes
    }

    /// All records of several.
    init(union all: [RecordTimes]) {
        if all.count == 1 {
            self = all[0]
            return
        }
        var records: [(position: Position, ingestTime: Microseconds)] = []
        records.reserveCapacity(all.reduce(0) { $0 + $1.count })
        for times in all { records += zip(times.positions, times.ingestTimes).lazy.map { ($0, $1) } }
        records.sort { $0.position < $1.position }
        for record in records where positions.last != record.position {
            positions.append(record.position)
            ingestTimes.append(record.ingestTime)
        }
    }

    /// The ingest time of a record; `nil` for one that is not here.
    ///
    /// - Complexity: O(1) where positions follow each other without a gap, else O(log n).
    func ingestTime(_ position: Position) -> Microseconds? {
        guard let first = positions.first, position >= first, position <= positions[count - 1] else { return nil }
        if positions[count - 1] - first == Position(count - 1) { return ingestTimes[Int(position - first)] }
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if positions[middle] < position { low = middle + 1 } else { high = middle }
        }
        return positions[low] == position ? ingestTimes[low] : nil
    }
}

/// Which positions have been seen: bits, in pages of 4,096 positions.
struct PositionSet {
    private static let wordsPerPage = 64
    /// The first word of each page.
    private var pages: [UInt64: Int] = [:]
    private var words: [UInt64] = []
    private var current: (page: UInt64, start: Int)?

    /// - Complexity: O(1); quickest where the one before was near.
    mutating func insert(_ position: Position) {
        let page = position >> 12
        let start = if let current, current.page == page { current.start } else { turn(to: page) }
        words[start + Int(position >> 6 & 63)] |= 1 << (position & 63)
    }

    private mutating func turn(to page: UInt64) -> Int {
        let start = pages[page] ?? words.count
        if start == words.count {
            pages[page] = start
            words.append(contentsOf: repeatElement(0, count: Self.wordsPerPage))
        }
        current = (page, start)
        return start
    }

    /// All positions, rising.
    func sorted() -> [Position] {
        var positions: [Position] = []
        for (page, start) in pages.sorted(by: { $0.key < $1.key }) {
            for index in 0..<Self.wordsPerPage {
                var rest = words[start + index]
                while rest != 0 {
                    positions.append(page << 12 | UInt64(index) << 6 | UInt64(rest.trailingZeroBitCount))
                    rest &= rest - 1
                }
            }
        }
        return positions
    }
}
