internal import FeatureModel

/// A row of a memory run: part and row in its batch.
struct MemoryRow: Sendable {
    let part: UInt32
    let row: UInt32
}

/// The rows of a memory run in (key, event_time, position, row) order, cut into blocks.
struct MemoryIndex: Sendable {
    struct Block: Sendable {
        let rows: Range<Int>
        /// The keys that have rows in the block; the first and the last may reach into a neighbour.
        let keys: Range<Int>
    }

    let rows: [MemoryRow]
    let eventTimes: [Microseconds]
    /// Each different key once, rising.
    let keys: Column
    /// First row of each key, and behind the last one the row count.
    let keyStarts: [Int]
    let blocks: [Block]

    init(parts: [MemoryPart], blockRowsMax: Int, blockBytesMax: Int) {
        var arena = KeyArena()
        var rows: [MemoryRow] = []
        var times: [Microseconds] = []
        for (number, part) in parts.enumerated() {
            let columns = part.entry.keyColumns
            let timeColumn = part.entry.schema.eventTimeOrdinal.flatMap { part.entry.batch.column(ordinal: $0) }
            let fallback = part.entry.schema.isStatic ? EventTime.always : part.ingestTime
            for row in 0..<part.rowCount {
                precondition(arena.append(columns, row: row), "a stored key is never null")
                rows.append(MemoryRow(part: UInt32(number), row: UInt32(row)))
                times.append(timeColumn.map { $0.int64(row) } ?? fallback)
            }
        }
        // Rows stand in (position, row) order, so the index itself breaks ties.
        let order = (0..<rows.count).sorted { left, right in
            let keys = arena.compare(left, right)
            if keys != 0 { return keys < 0 }
            return (times[left], left) < (times[right], right)
        }
        var keys = ColumnBuilder(.bytes)
        var starts: [Int] = []
        for (place, row) in order.enumerated() where place == 0 || arena.compare(order[place - 1], row) != 0 {
            keys.append(text: arena[row])
            starts.append(place)
        }
        starts.append(rows.count)
        self.rows = order.map { rows[$0] }
        eventTimes = order.map { times[$0] }
        self.keys = keys.finish()
        keyStarts = starts
        blocks = Self.cut(self.rows, starts, parts: parts, rowsMax: blockRowsMax, bytesMax: blockBytesMax)
    }

    /// Blocks of at most `rowsMax` rows that come to about `bytesMax` bytes.
    private static func cut(_ rows: [MemoryRow], _ starts: [Int], parts: [MemoryPart], rowsMax: Int, bytesMax: Int) -> [Block] {
        var blocks: [Block] = []
        var first = 0
        var firstKey = 0
        var bytes = 0
        var key = 0
        for row in 0..<rows.count {
            while starts[key + 1] <= row { key += 1 }
            bytes += parts[Int(rows[row].part)].bytesPerRow
            let isFull = row + 1 - first >= rowsMax || bytes >= bytesMax
            guard isFull || row + 1 == rows.count else { continue }
            blocks.append(Block(rows: first..<row + 1, keys: firstKey..<key + 1))
            first = row + 1
            firstKey = starts[key + 1] == row + 1 ? key + 1 : key
            bytes = 0
        }
        return blocks
    }
}
