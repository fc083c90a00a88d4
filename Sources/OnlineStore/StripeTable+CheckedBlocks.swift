internal import Synchronization

/// One bit for each block of a mapped file: whether its checksum has been found right.
///
/// Safe to share: the words are atomics that live as long as their owner, and each access checks its index.
@safe
final class CheckedBlocks: @unchecked Sendable {
    private let words: UnsafeMutablePointer<Atomic<UInt64>>
    private let blockCount: Int
    private var wordCount: Int { (blockCount + 63) / 64 }

    init(blockCount: Int) {
        self.blockCount = blockCount
        unsafe words = .allocate(capacity: (blockCount + 63) / 64)
        for index in 0..<wordCount { unsafe (words + index).initialize(to: Atomic(0)) }
    }

    deinit {
        unsafe words.deinitialize(count: wordCount)
        unsafe words.deallocate()
    }

    func contains(_ block: Int) -> Bool {
        precondition(block >= 0 && block < blockCount)
        return unsafe words[block >> 6].load(ordering: .relaxed) >> UInt64(block & 63) & 1 == 1
    }

    func insert(_ block: Int) {
        precondition(block >= 0 && block < blockCount)
        unsafe _ = words[block >> 6].bitwiseOr(1 << UInt64(block & 63), ordering: .relaxed)
    }

    /// Has the block checked again at its next touch.
    func remove(_ block: Int) {
        precondition(block >= 0 && block < blockCount)
        unsafe _ = words[block >> 6].bitwiseAnd(~(1 << UInt64(block & 63)), ordering: .relaxed)
    }
}
