internal import CHeadwaterProto

/// Memory for one head, freed as a whole: the allocator that protobuf-c gets, with a budget.
///
/// A few bytes of input can ask for a hundred times their size in memory; past the budget an allocation fails, and so does
/// the head, not the process.
@safe
final class ProtobufCArena {
    private static let alignment = 16
    /// Holds the heads of most requests, and is a size that malloc has at hand.
    private static let firstBlockBytes = 512

    private var first: UnsafeMutableRawPointer?
    private var others = unsafe [UnsafeMutableRawPointer]()
    private var next: UnsafeMutableRawPointer?
    private var left = 0
    private var blockBytes = firstBlockBytes
    private var budgetBytes: Int
    /// Whether an allocation has failed for want of budget.
    private(set) var isExhausted = false

    init(budgetBytes: Int) { self.budgetBytes = budgetBytes }

    deinit {
        unsafe first?.deallocate()
        unsafe others.forEach { unsafe $0.deallocate() }
    }

    /// Memory for `byteCount` bytes, aligned for any C type, that lives as long as the arena; `nil` past the budget.
    func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer? {
        guard byteCount >= 0, byteCount <= budgetBytes - Self.alignment else {
            isExhausted = true
            return nil
        }
        let rounded = max(1, (byteCount + Self.alignment - 1) / Self.alignment) * Self.alignment
        budgetBytes -= rounded
        if unsafe next == nil || left < rounded {
            let count = max(rounded, blockBytes)
            let block = UnsafeMutableRawPointer.allocate(byteCount: count, alignment: Self.alignment)
            if unsafe first == nil { unsafe first = block } else { unsafe others.append(block) }
            unsafe next = unsafe block
            left = count
            blockBytes = min(blockBytes * 2, 1 << 20)
        }
        defer {
            unsafe next = unsafe next?.advanced(by: rounded)
            left -= rounded
        }
        return unsafe next
    }

    /// Calls `body` with this arena as protobuf-c sees it; the arena outlives the call.
    func withAllocator<R>(_ body: (UnsafeMutablePointer<ProtobufCAllocator>) -> R) -> R {
        // Freeing one piece is left to the end of the arena.
        var allocator = unsafe ProtobufCAllocator(
            alloc: { data, size in
                guard let data = unsafe data else { return nil }
                return unsafe Unmanaged<ProtobufCArena>.fromOpaque(data).takeUnretainedValue().allocate(size)
            },
            free: { _, _ in },
            allocator_data: Unmanaged.passUnretained(self).toOpaque())
        return withExtendedLifetime(self) { unsafe body(&allocator) }
    }
}
