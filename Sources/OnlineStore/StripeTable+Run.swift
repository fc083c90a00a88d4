internal import FeatureModel

/// The rows of one stripe at one position, copied out and sorted by (hash, group id, key).
struct StripeRun: Sendable {
    private var bytes: [UInt8] = []
    private var entries: [(hash: UInt64, offset: Int)] = []

    init() {}

    var count: Int { entries.count }

    /// Copies the rows of a stripe as a reader at `visible` sees them, unsorted.
    init(_ table: borrowing StripeTable, at visible: Position) {
        bytes.reserveCapacity(table.arena.count - table.supersededBytes)
        entries.reserveCapacity(table.count)
        for slot in table.slots where slot != 0 {
            guard let offset = table.version(from: Int(slot & StripeTable.offsetMask) - 1, at: visible) else { continue }
            let header = unsafe RowHeader(table.arena.span.bytes, at: offset)
            entries.append((header.hash, bytes.count))
            bytes.append(contentsOf: table.arena[offset..<offset + header.recordCount])
            // A version's place in the arena means nothing outside of it.
            bytes.store(littleEndian: UInt64(0), at: bytes.count - header.recordCount + RowHeader.previousOffset)
        }
    }

    /// - Complexity: O(n log n).
    mutating func sort() {
        let bytes = bytes
        entries.sort { left, right in
            if left.hash != right.hash { return left.hash < right.hash }
            return unsafe Self.precedes(bytes.span.bytes, left.offset, right.offset)
        }
    }

    /// Copies row `index` into `row`.
    func load(_ index: Int, into row: inout RowBuffer) {
        let offset = entries[index].offset
        let rows = unsafe bytes.span.bytes
        row.assign(rows.extracting(offset..<offset + RowHeader(rows, at: offset).recordCount))
    }

    /// The order of two rows of one hash: by group id, then key bytes.
    private static func precedes(_ rows: RawSpan, _ left: Int, _ right: Int) -> Bool {
        let leftHeader = RowHeader(rows, at: left)
        let rightHeader = RowHeader(rows, at: right)
        if leftHeader.groupID != rightHeader.groupID { return leftHeader.groupID < rightHeader.groupID }
        let leftKey = rows.extracting(left + RowHeader.byteCount..<left + RowHeader.byteCount + leftHeader.keyCount)
        let rightKey = rows.extracting(right + RowHeader.byteCount..<right + RowHeader.byteCount + rightHeader.keyCount)
        return compare(leftKey, rightKey) < 0
    }
}

/// Compares two runs of bytes as `memcmp` does; a prefix comes first.
func compare(_ left: RawSpan, _ right: RawSpan) -> Int {
    for offset in 0..<min(left.byteCount, right.byteCount) {
        let (a, b): (UInt8, UInt8) = (left.littleEndian(at: offset), right.littleEndian(at: offset))
        if a != b { return a < b ? -1 : 1 }
    }
    return left.byteCount - right.byteCount
}
