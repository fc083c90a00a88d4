internal import Synchronization

/// A set of numbers below a bound, one bit each, that threads read
/// and change at once: which blocks of a file have been found right.
///
/// Safe to share: the words are atomics that live as long as their owner, and each access checks its index.
@safe
final class AtomicBitSet: @unchecked Sendable {
    private let words: UnsafeMutablePointer<Atomic<UInt64>>
    private let count: Int
    private var wordCount: Int { (count + 63) / 64 }

    /// The empty set of numbers below `count`.
    init(count: Int) {
        self.count = count
        unsafe words = .allocate(capacity: (count + 63) / 64)
        for index in 0..<wordCount { unsafe (words + index).initialize(to: Atomic(0)) }
    }

    deinit {
        unsafe words.deinitialize(count: wordCount)
        unsafe words.deallocate()
    }

    func contains(_ number: Int) -> Bool {
        precondition(number >= 0 && number < count)
        return unsafe words[number >> 6].load(ordering: .relaxed) >> UInt64(number & 63) & 1 == 1
    }

    func insert(_ number: Int) {
        precondition(number >= 0 && number < count)
        unsafe _ = words[number >> 6].bitwiseOr(1 << UInt64(number & 63), ordering: .relaxed)
    }

    func remove(_ number: Int) {
        precondition(number >= 0 && number < count)
        unsafe _ = words[number >> 6].bitwiseAnd(~(1 << UInt64(number & 63)), ordering: .relaxed)
    }
}
