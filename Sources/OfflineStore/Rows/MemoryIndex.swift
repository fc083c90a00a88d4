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
        let order = KeyOrder(
            parts.map { part in
                KeyOrder.Part(
                    keyColumns: part.entry.keyColumns, rowCount: part.rowCount,
                    times: part.entry.schema.eventTimeOrdinal.flatMap { part.entry.batch.column(ordinal: $0) },
                    sameTime: part.entry.schema.isStatic ? EventTime.always : part.ingestTime)
            })
        precondition(order.count == parts.reduce(0) { $0 + $1.rowCount }, "a stored key is never null")
        // Rows are numbered through the parts, in (position, row) order: so the numbers break ties as positions would.
        var partOf: [MemoryRow] = []
        partOf.reserveCapacity(order.count)
        for (number, part) in parts.enumerated() {
            for row in 0..<part.rowCount { partOf.append(MemoryRow(part: UInt32(number), row: UInt32(row))) }
        }
        rows = order.rows.map { partOf[Int($0)] }
        eventTimes = order.times
        keys = order.keys.column
        keyStarts = order.keyStarts
        blocks = Self.cut(rows, keyStarts, parts: parts, rowsMax: blockRowsMax, bytesMax: blockBytesMax)
    }

    /// Blocks of at most `rowsMax` rows that come to about `bytesMax` bytes.
    private static func cut(_ rows: [MemoryRow], _ starts: [Int], parts: [MemoryPart], rowsMax: Int, bytesMax: Int) -> [Block] {
        let bytesPerRow = parts.map(\.bytesPerRow)
        var blocks: [Block] = []
        var first = 0
        var firstKey = 0
        var bytes = 0
        var key = 0
        for row in 0..<rows.count {
            while starts[key + 1] <= row { key += 1 }
            bytes += bytesPerRow[Int(rows[row].part)]
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
