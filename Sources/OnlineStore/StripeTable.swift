internal import FeatureModel

/// What an upsert did.
enum UpsertOutcome {
    case inserted
    case replaced(wasTombstone: Bool, byteCount: Int)
    /// The row is older than the one there: nothing changed.
    case late
}

/// One stripe of the map: rows of the keys whose hashes start with the stripe's number.
///
/// An open-addressing table of (24 bits of the hash, 40 bits of offset + 1) points into an arena of row records. A newer row is
/// appended and names the one it supersedes as its previous version, so a reader at an older position still finds it;
/// compaction drops versions that no reader needs. Both parts are arrays with checked access.
struct StripeTable: ~Copyable {
    static let offsetBits: UInt64 = 40
    static let offsetMask: UInt64 = 1 << offsetBits - 1
    static let compactionBytesMin = 64 << 10

    var slots: [UInt64] = []
    var arena: [UInt8] = []
    /// Keys.
    var count = 0
    /// Bytes of rows that a newer one supersedes.
    var supersededBytes = 0
    /// The superseded bytes at which to look for versions to drop.
    var compactionBytes = compactionBytesMin

    static func tag(_ hash: UInt64) -> UInt64 { (hash >> 24) << offsetBits }

    /// Arena offset of the newest version of a key.
    ///
    /// - Complexity: O(1) expected.
    func find(_ hash: UInt64, _ groupID: GroupID, _ key: RawSpan) -> (slot: Int, offset: Int)? {
        if count == 0 { return nil }
        let mask = slots.count - 1
        let arena = unsafe arena.span.bytes
        var slot = Int(truncatingIfNeeded: hash) & mask
        while slots[slot] != 0 {
            if slots[slot] & ~Self.offsetMask == Self.tag(hash) {
                let offset = Int(slots[slot] & Self.offsetMask) - 1
                let header = RowHeader(arena, at: offset)
                let keyAt = offset + RowHeader.byteCount
                if header.hash == hash, header.groupID == groupID,
                    areEqual(arena.extracting(keyAt..<keyAt + header.keyCount), key)
                {
                    return (slot, offset)
                }
            }
            slot = (slot + 1) & mask
        }
        return nil
    }

    /// Copies the version of a key at position `visible` into `row`, unless `row` holds one of the same or a greater order.
    func read(_ hash: UInt64, _ groupID: GroupID, _ key: RawSpan, at visible: Position, into row: inout RowBuffer) {
        guard let head = find(hash, groupID, key), let offset = version(from: head.offset, at: visible) else { return }
        let arena = unsafe arena.span.bytes
        let header = RowHeader(arena, at: offset)
        if row.isEmpty || row.header.order < header.order {
            row.assign(arena.extracting(offset..<offset + header.recordCount))
        }
    }

    /// Walks from a key's newest version to the first that a reader at `visible` may see.
    func version(from head: Int, at visible: Position) -> Int? {
        let arena = unsafe arena.span.bytes
        var offset = head
        while true {
            let header = RowHeader(arena, at: offset)
            if header.order.position <= visible { return offset }
            if header.previous == 0 { return nil }
            offset = Int(header.previous) - 1
        }
    }

    /// Makes `row` the newest version of its key, unless a row of the same or a greater order is there.
    ///
    /// - Parameters:
    ///   - isForced: replace whatever is there; only the audit's own test does that.
    ///   - needed: positions whose versions readers still need, falling; asked for only before a compaction.
    /// - Complexity: O(bytes of the row) amortised.
    mutating func upsert(_ row: borrowing RowBuffer, isForced: Bool, needed: () -> [Position]) -> UpsertOutcome {
        let new = row.header
        if let found = unsafe find(new.hash, new.groupID, row.bytes.span.bytes.extracting(row.keyRange)) {
            let old = unsafe RowHeader(arena.span.bytes, at: found.offset)
            let isLate =
                Sabotage.latestByArrival.isPlanted ? new.order.position < old.order.position : new.order <= old.order
            if !isForced && isLate { return .late }
            slots[found.slot] = append(row, previous: isForced ? old.previous : UInt64(found.offset) + 1)
            supersededBytes += old.recordCount
            if supersededBytes >= compactionBytes && supersededBytes >= arena.count / 2 { compact(needed: needed()) }
            return .replaced(wasTombstone: old.isTombstone, byteCount: old.recordCount)
        }
        if slots.isEmpty || count * 4 >= slots.count * 3 { growSlots() }
        count += 1
        insert(append(row, previous: 0), hash: new.hash)
        return .inserted
    }

    /// Appends a record to the arena.
    ///
    /// - Returns: the slot that points to it.
    private mutating func append(_ row: borrowing RowBuffer, previous: UInt64) -> UInt64 {
        let offset = arena.count
        arena.append(contentsOf: row.bytes)
        arena.store(littleEndian: previous, at: offset + RowHeader.previousOffset)
        return Self.tag(row.header.hash) | UInt64(offset + 1)
    }

    private mutating func insert(_ entry: UInt64, hash: UInt64) {
        let mask = slots.count - 1
        var slot = Int(truncatingIfNeeded: hash) & mask
        while slots[slot] != 0 { slot = (slot + 1) & mask }
        slots[slot] = entry
    }

    private mutating func growSlots() {
        let old = slots
        slots = Array(repeating: 0, count: max(8, old.count * 2))
        for entry in old where entry != 0 {
            let offset = Int(entry & Self.offsetMask) - 1
            insert(entry, hash: unsafe arena.span.bytes.littleEndian(at: offset))
        }
    }
}

/// Whether two runs of bytes are the same, eight at a time.
func areEqual(_ left: RawSpan, _ right: RawSpan) -> Bool {
    guard left.byteCount == right.byteCount else { return false }
    var offset = 0
    while offset + 8 <= left.byteCount {
        if left.littleEndian(at: offset, as: UInt64.self) != right.littleEndian(at: offset, as: UInt64.self) { return false }
        offset += 8
    }
    while offset < left.byteCount {
        if left.littleEndian(at: offset, as: UInt8.self) != right.littleEndian(at: offset, as: UInt8.self) { return false }
        offset += 1
    }
    return true
}
