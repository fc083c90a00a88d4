internal import CPrefetch
internal import FeatureModel
internal import Synchronization

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

    /// Of a row in an arena: the address of the key's version before this one; 0 for none.
    var previous: UInt { unsafe base.load(fromByteOffset: -8, as: UInt.self) }

    var header: RowHeader { unsafe RowHeader(RawSpan(_unsafeStart: base, byteCount: RowHeader.byteCount), at: 0) }

    /// Calls `body` with the whole record.
    func withRecord<Result>(_ body: (RawSpan) -> Result) -> Result {
        body(unsafe RawSpan(_unsafeStart: base, byteCount: header.recordCount))
    }

    /// Of group id and key.
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
        // Line by line; an address that is never read may be any.
        var line = address & ~63
        let end = address + UInt(min(byteCount, prefetchedBytesMax))
        while line < end {
            unsafe headwater_prefetch(UnsafeRawPointer(bitPattern: line))
            line += 64
        }
    }
}

/// Of one row; what lies behind the processor loads ahead by itself.
let prefetchedBytesMax = 512

/// Memory of one stripe's rows: records are appended and never move, and each names the version before it.
@safe
struct RowArena: ~Copyable {
    private static let firstChunkBytes = 1 << 10
    private static let chunkBytesMax = 256 << 10

    private var chunks: [UInt] = []
    private var next: UInt = 0
    private var left = 0
    private var chunkBytes = firstChunkBytes
    /// Bytes of records.
    private(set) var usedBytes = 0
    /// Bytes of chunks.
    private(set) var byteCount = 0

    deinit { MapMemory.free(chunks) }

    /// Appends a record.
    mutating func append(_ record: RawSpan, previous: UInt) -> StoredRow {
        let count = record.byteCount + 8
        if count > left { addChunk(count) }
        let place = unsafe UnsafeMutableRawPointer(bitPattern: next)!
        // The chunk has room for `count` bytes, and nobody else knows them yet.
        unsafe place.storeBytes(of: previous, as: UInt.self)
        unsafe record.withUnsafeBytes { unsafe (place + 8).copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
        defer {
            next += UInt(count)
            left -= count
            usedBytes += count
        }
        return StoredRow(address: next + 8)
    }

    /// Starts to load the memory where the next record of about `byteCount` bytes goes.
    func prefetch(byteCount: Int) {
        for offset in stride(from: 0, to: min(byteCount, prefetchedBytesMax, left), by: 64) {
            unsafe headwater_prefetch_for_write(UnsafeRawPointer(bitPattern: next + UInt(offset)))
        }
    }

    /// Gives up all chunks: they go when no reader needs them.
    mutating func takeChunks() -> [UInt] {
        defer { (chunks, next, left, usedBytes, byteCount, chunkBytes) = ([], 0, 0, 0, 0, Self.firstChunkBytes) }
        return chunks
    }

    private mutating func addChunk(_ least: Int) {
        let count = max(least, chunkBytes)
        let chunk = MapMemory.allocate(byteCount: count)
        chunks.append(chunk)
        (next, left) = (chunk, count)
        byteCount += count
        chunkBytes = min(chunkBytes * 2, Self.chunkBytesMax)
    }
}

/// Memory of maps by its address: whoever gets an address owns the memory and frees it once.
@safe
enum MapMemory {
    /// Not cleared, aligned to cache lines.
    static func allocate(byteCount: Int) -> UInt {
        UInt(bitPattern: UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 64))
    }

    /// Gives freed memory back to the system: after many maps went at once.
    static func returnFreedPages() { headwater_return_freed_pages() }

    static func free(_ addresses: [UInt]) {
        // Allocated by `allocate`, and freed only here, by the owner.
        for address in addresses { unsafe UnsafeMutableRawPointer(bitPattern: address)?.deallocate() }
    }
}

/// The slots of one stripe in one word, so that place and number change together: 16 bits the logarithm of their count, 48 the address.
///
/// A slot is 0, or 16 bits of a hash and the address of the key's newest row.
@safe
struct Slots {
    static let addressBits: UInt = 48
    static let addressMask: UInt = 1 << addressBits - 1

    let word: UInt

    /// Empty slots, `1 << bits` of them.
    init(bits: Int) {
        let address = MapMemory.allocate(byteCount: 8 << bits)
        precondition(address & ~Self.addressMask == 0, "addresses of user space have 48 bits")
        let first = unsafe UnsafeMutablePointer<Atomic<UInt>>(bitPattern: address)!
        for index in 0..<1 << bits { unsafe (first + index).initialize(to: Atomic(0)) }
        word = UInt(bits) << Self.addressBits | address
    }

    init(word: UInt) { self.word = word }

    var address: UInt { word & Self.addressMask }
    var count: Int { word == 0 ? 0 : 1 << Int(word >> Self.addressBits) }
    private var mask: UInt { 1 << (word >> Self.addressBits) - 1 }
    private var first: UnsafeMutablePointer<Atomic<UInt>> { unsafe UnsafeMutablePointer(bitPattern: address)! }

    @inline(__always)
    static func tag(_ hash: UInt64) -> UInt { UInt(hash >> 40) << addressBits }

    @inline(__always)
    func index(_ hash: UInt64) -> Int { Int(UInt(hash) & mask) }

    /// The slot, and what it points to, whole.
    @inline(__always)
    subscript(index: Int) -> UInt {
        // `index` and `next` stay below the count.
        get { unsafe (first + index).pointee.load(ordering: .acquiring) }
        nonmutating set { unsafe (first + index).pointee.store(newValue, ordering: .releasing) }
    }

    @inline(__always)
    func next(_ index: Int) -> Int { Int(UInt(index + 1) & mask) }

    @inline(__always)
    func prefetch(_ hash: UInt64) { if word != 0 { unsafe headwater_prefetch(first + index(hash)) } }

    /// The newest row that a slot names; `nil` for a free one.
    @inline(__always)
    func row(at index: Int) -> StoredRow? {
        let slot = self[index]
        return slot == 0 ? nil : StoredRow(address: slot & Self.addressMask)
    }

    /// The row that the hash's first slot names, if it may be of that hash: mostly the key's own.
    @inline(__always)
    func firstRow(_ hash: UInt64) -> StoredRow? {
        if word == 0 { return nil }
        let slot = self[index(hash)]
        return slot != 0 && slot & ~Self.addressMask == Self.tag(hash) ? StoredRow(address: slot & Self.addressMask) : nil
    }

    /// The newest row of a key, and its slot.
    ///
    /// - Complexity: O(1) expected.
    @inline(__always)
    func find(_ hash: UInt64, _ groupID: GroupID, _ key: RawSpan) -> (index: Int, row: StoredRow)? {
        if word == 0 { return nil }
        var index = index(hash)
        while true {
            let slot = self[index]
            if slot == 0 { return nil }
            if slot & ~Self.addressMask == Self.tag(hash) {
                let row = StoredRow(address: slot & Self.addressMask)
                if row.isOf(groupID, key) { return (index, row) }
            }
            index = next(index)
        }
    }

    /// Puts a row of a key that is not there into the first free slot.
    func insert(_ row: StoredRow, hash: UInt64) {
        var index = index(hash)
        while self[index] != 0 { index = next(index) }
        self[index] = Self.tag(hash) | row.address
    }
}
