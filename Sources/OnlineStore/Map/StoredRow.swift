internal import CPrefetch
internal import FeatureModel

/// A row in a map's arena or in a mapped snapshot: its address. Valid while the maps it was found in are pinned.
///
/// Whoever holds one has pinned them, so reading through it is in bounds: a row is written whole before its address is given out,
/// and a row of a snapshot has passed its checksums and its bounds.
@safe
struct StoredRow {
    let address: UInt

    private var base: UnsafeRawPointer { unsafe UnsafeRawPointer(bitPattern: address)! }

    var order: RowOrder {
        RowOrder(
            eventTime: unsafe base.loadUnaligned(as: Int64.self), position: position,
            row: unsafe base.loadUnaligned(fromByteOffset: 16, as: UInt32.self))
    }

    var position: Position { unsafe base.loadUnaligned(fromByteOffset: 8, as: UInt64.self) }

    /// The address of the key's version before this one, 0 for none. Only rows in an arena have it.
    var previous: UInt { unsafe base.load(fromByteOffset: -8, as: UInt.self) }

    var header: RowHeader { unsafe RowHeader(RawSpan(_unsafeStart: base, byteCount: RowHeader.byteCount), at: 0) }

    /// Calls `body` with the whole record.
    func withRecord<Result>(_ body: (RawSpan) -> Result) -> Result {
        body(unsafe RawSpan(_unsafeStart: base, byteCount: header.recordCount))
    }

    /// The hash of group id and key.
    func hash(seed: UInt64) -> UInt64 {
        let header = header
        return KeyHash.hash(
            header.groupID, unsafe RawSpan(_unsafeStart: base + RowHeader.byteCount, byteCount: header.keyCount), seed: seed)
    }

    /// Whether this is the row of a group's key.
    @inline(__always)
    func isOf(_ groupID: GroupID, _ key: RawSpan) -> Bool {
        guard unsafe base.loadUnaligned(fromByteOffset: 20, as: UInt32.self) == groupID,
            Int(unsafe base.loadUnaligned(fromByteOffset: 28, as: UInt16.self)) == key.byteCount
        else { return false }
        return unsafe RawSpan(_unsafeStart: base + RowHeader.byteCount, byteCount: key.byteCount).hasSameBytes(as: key)
    }

    /// Walks from a key's newest version to the first that a reader at `visible` may see; only in an arena.
    @inline(__always)
    func version(at visible: Position) -> StoredRow? {
        var row = self
        while row.position > visible {
            let previous = row.previous
            if previous == 0 { return nil }
            row = StoredRow(address: previous)
        }
        return row
    }

    /// Starts to load the row's first `byteCount` bytes.
    @inline(__always)
    func prefetch(byteCount: Int) {
        // The row is prefetched cache line by cache line; an address that is only prefetched may be invalid.
        var line = address & ~63
        let end = address + UInt(min(byteCount, prefetchedBytesMax))
        while line < end {
            unsafe headwater_prefetch(UnsafeRawPointer(bitPattern: line))
            line += 64
        }
    }
}
