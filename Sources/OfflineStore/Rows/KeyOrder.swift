internal import FeatureModel

/// Rows sorted by (key bytes, time, number): a spine's, those of a memory run, or those of several sorted blocks.
///
/// **How.** Keys are sorted by their first eight bytes, as a number, digit by digit (least significant first, digits in which all
/// are equal left out); rows of equal keys are then sorted by time, and by the rest of their keys where keys are longer.
struct KeyOrder: Sendable {
    /// Row numbers in order. Rows with a null key are left out.
    private(set) var rows: [Int32] = []
    /// The time of each place in the order.
    private(set) var times: [Microseconds] = []
    /// Each different key once, rising.
    private(set) var keys = KeyArena()
    /// First place of each key, and behind the last one the count.
    private(set) var keyStarts: [Int] = []

    var count: Int { rows.count }
    var keyCount: Int { keys.count }
    var byteCount: Int { rows.count * 12 + keys.byteCount + keyStarts.count * 8 }

    /// The rows of one set of columns.
    struct Part {
        let keyColumns: [Column]
        let rowCount: Int
        /// `nil` where all have the same.
        let times: Column?
        let sameTime: Microseconds

        init(keyColumns: [Column], rowCount: Int, times: Column?, sameTime: Microseconds = 0) {
            self.keyColumns = keyColumns
            self.rowCount = rowCount
            self.times = times
            self.sameTime = sameTime
        }

        /// The numbers of a single key column of integers or times without nulls, as their key bytes sort; `nil` for other keys.
        var keyNumbers: [UInt64]? {
            guard keyColumns.count == 1, keyColumns[0].nullCount == 0 else { return nil }
            switch keyColumns[0].type {
            case .int64, .timestamp: return keyColumns[0].data.integers(width: 8).map { UInt64(bitPattern: $0) ^ 1 << 63 }
            case .int32: return keyColumns[0].data.integers(width: 4).map { UInt64(bitPattern: $0 << 32) ^ 1 << 63 }
            default: return nil
            }
        }
    }

    private struct Item {
        var prefix: UInt64
        var time: Microseconds
        var row: Int32
        /// The index of its key in the arena, where there is one.
        var key: Int32
    }

    /// - Complexity: O(n) for keys of up to eight bytes that have few rows each, O(n log n) in general.
    ///
    /// Rows whose time is null are left out.
    init(_ parts: [Part]) {
        let rowCount = parts.reduce(0) { $0 + $1.rowCount }
        precondition(rowCount <= Int(Int32.max), "rows are numbered by 32 bits")
        let numbers = parts.map(\.keyNumbers)
        // Keys that are numbers need no bytes.
        let isNumeric = numbers.allSatisfy { $0 != nil }
        var arena = KeyArena()
        var items: [Item] = []
        items.reserveCapacity(rowCount)
        var first: Int32 = 0
        for (part, numbers) in zip(parts, numbers) {
            let times = part.times?.data.integers(width: 8)
            for row in 0..<part.rowCount {
                var item = Item(prefix: 0, time: times?[row] ?? part.sameTime, row: first + Int32(row), key: first + Int32(row))
                let hasTime = !(part.times?.isNull(row) ?? false)
                if isNumeric {
                    item.prefix = numbers![row]
                    if hasTime { items.append(item) }
                } else {
                    let hasKey = arena.append(part.keyColumns, row: row)
                    if !hasKey { arena.append([]) }
                    item.prefix = arena.prefix(arena.count - 1)
                    if hasTime, hasKey { items.append(item) }
                }
            }
            first += Int32(part.rowCount)
        }
        Self.sortByPrefix(&items)
        Self.sortWithinPrefixes(&items, arena) { $0 < $1 }
        take(items, arena, numberBytes: isNumeric ? parts.first?.keyColumns[0].type.fixedWidth : nil)
    }

    /// Rows of blocks, each sorted, numbered through all of them.
    ///
    /// - Parameter precedes: orders rows of the same key and time, by number.
    init(_ blocks: [BlockRows], precedes: (Int32, Int32) -> Bool) {
        let rowCount = blocks.reduce(0) { $0 + $1.count }
        precondition(rowCount <= Int(Int32.max), "rows are numbered by 32 bits")
        // Keys of one such width are their prefixes: they need no bytes.
        let widths = Set(blocks.map(\.block.keyWidth))
        let numberBytes = widths == [8] ? 8 : widths == [4] ? 4 : nil
        var arena = KeyArena()
        var items: [Item] = []
        items.reserveCapacity(rowCount)
        for rows in blocks {
            let (prefixes, times) = (rows.block.keyPrefixes, rows.block.eventTimes)
            rows.forEachKey { key, range in
                if numberBytes == nil { arena.append(rows.block.keys.bytes(key)) }
                for index in range {
                    items.append(
                        Item(
                            prefix: prefixes[key], time: times[rows.row(index)], row: Int32(items.count),
                            key: Int32(arena.count - 1)))
                }
            }
        }
        Self.sortByPrefix(&items)
        Self.sortWithinPrefixes(&items, arena, precedes)
        take(items, arena, numberBytes: numberBytes)
    }

    /// - Parameter numberBytes: of keys that are numbers.
    private mutating func take(_ items: [Item], _ arena: KeyArena, numberBytes: Int?) {
        rows.reserveCapacity(items.count)
        times.reserveCapacity(items.count)
        var last: Item?
        for item in items {
            let isSame = last.map { $0.prefix == item.prefix && (!arena.hasLongKeys || arena.isSame(Int($0.key), Int(item.key))) }
            if isSame != true {
                keyStarts.append(rows.count)
                if let numberBytes {
                    keys.append(number: item.prefix, byteCount: numberBytes)
                } else {
                    keys.append(arena[Int(item.key)])
                }
            }
            rows.append(item.row)
            times.append(item.time)
            last = item
        }
        keyStarts.append(items.count)
    }

    /// Which key the row at a place has. - Complexity: O(log n).
    func keyNumber(at place: Int) -> Int { keyStarts.run(of: place) }

    private static func sortByPrefix(_ items: inout [Item]) {
        let digitBits: UInt64 = 11
        let mask = UInt64(1) << digitBits - 1
        guard let first = items.first else { return }
        var differences: UInt64 = 0
        for item in items { differences |= item.prefix ^ first.prefix }
        var other = items
        // Digits start where keys first differ, so that few are needed.
        var shift = UInt64(differences == 0 ? 64 : differences.trailingZeroBitCount)
        while shift < 64 {
            defer { shift += digitBits }
            if differences >> shift & mask == 0 { continue }
            var ends = [Int](repeating: 0, count: 1 << Int(digitBits) + 1)
            for item in items { ends[Int(item.prefix >> shift & mask) + 1] += 1 }
            for digit in 0..<1 << Int(digitBits) { ends[digit + 1] += ends[digit] }
            var target = other.mutableSpan
            for item in items {
                let digit = Int(item.prefix >> shift & mask)
                target[ends[digit]] = item
                ends[digit] += 1
            }
            swap(&items, &other)
        }
    }

    /// - Parameter precedes: orders rows of the same key and time.
    @inline(__always)
    private static func sortWithinPrefixes(_ items: inout [Item], _ arena: KeyArena, _ precedes: (Int32, Int32) -> Bool) {
        var start = 0
        while start < items.count {
            let prefix = items[start].prefix
            var end = start + 1
            while end < items.count, items[end].prefix == prefix { end += 1 }
            if end - start > 1 {
                if arena.hasLongKeys {
                    sort(&items, start..<end) { left, right in
                        let keys = left.key == right.key ? 0 : KeyBytes.compare(arena[Int(left.key)], arena[Int(right.key)])
                        if keys != 0 { return keys < 0 }
                        return left.time != right.time ? left.time < right.time : precedes(left.row, right.row)
                    }
                } else {
                    sort(&items, start..<end) { left, right in
                        left.time != right.time ? left.time < right.time : precedes(left.row, right.row)
                    }
                }
            }
            start = end
        }
    }

    @inline(__always)
    private static func sort(_ items: inout [Item], _ range: Range<Int>, by precedes: (Item, Item) -> Bool) {
        if range.count > 24 { return items[range].sort(by: precedes) }
        var span = items.mutableSpan
        for index in range.dropFirst() {
            let item = span[index]
            var place = index
            while place > range.lowerBound, precedes(item, span[place - 1]) {
                span[place] = span[place - 1]
                place -= 1
            }
            span[place] = item
        }
    }
}
