internal import CPrefetch
internal import FeatureModel

/// Bytes of one row that are prefetched; the processor loads what lies behind them by itself.
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
    /// Allocates memory that is aligned to cache lines and not cleared.
    static func allocate(byteCount: Int) -> UInt {
        UInt(bitPattern: UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 64))
    }

    /// Returns freed memory to the system: to be called after many maps were freed at once.
    static func returnFreedPages() { headwater_return_freed_pages() }

    static func free(_ addresses: [UInt]) {
        // Allocated by `allocate`, and freed only here, by the owner.
        for address in addresses { unsafe UnsafeMutableRawPointer(bitPattern: address)?.deallocate() }
    }
}
