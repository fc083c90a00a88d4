internal import CPrefetch

/// Loads ahead what an upsert will touch: a random row is in no cache, and waiting for memory would take half of the time.
extension StripeTable {
    /// Of a row's memory; what lies behind the processor loads ahead by itself.
    private static let loadedBytesMax = 512

    /// Starts to load the slot where a search for `hash` begins.
    func prefetchSlot(_ hash: UInt64) {
        guard !slots.isEmpty else { return }
        let slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        unsafe slots.withUnsafeBufferPointer { slots in
            if let base = slots.baseAddress { unsafe headwater_prefetch(base + slot) }
        }
    }

    /// Starts to load the row that this slot names, mostly the key's own, and the memory where a new one of `byteCount` bytes goes.
    func prefetchRow(_ hash: UInt64, byteCount: Int) {
        guard !slots.isEmpty else { return }
        let entry = slots[Int(truncatingIfNeeded: hash) & (slots.count - 1)]
        let end = arena.count
        let room = min(byteCount, Self.loadedBytesMax, arena.capacity - end)
        unsafe arena.withUnsafeBytes { arena in
            guard let base = arena.baseAddress else { return }
            if entry & ~Self.offsetMask == Self.tag(hash), entry != 0 {
                // Header, and what is behind it: the key.
                let offset = Int(entry & Self.offsetMask) - 1
                unsafe headwater_prefetch(base + offset)
                unsafe headwater_prefetch(base + offset + RowHeader.byteCount)
            }
            // An address behind the last byte is never read.
            for place in stride(from: end, to: end + room, by: 64) { unsafe headwater_prefetch_for_write(base + place) }
        }
    }
}
