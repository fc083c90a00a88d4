internal import Synchronization
public import FeatureModel

/// A few words at the start of a file that several processes read and write at once, each word atomically.
///
/// This is how the owner of a log publishes its durable position to followers. Loads acquire and stores release: who sees
/// a word sees everything its writer did before the store. All methods may be called from any thread.
public final class SharedPage: Sendable {
    public let path: String
    public let isWritable: Bool
    package let words: SharedWords
    private let synchronize: @Sendable () throws(HeadwaterError) -> Void

    /// Words of 8 bytes.
    public let wordCount: Int

    /// The first `byteCount` bytes of `words`.
    package init(
        path: String, byteCount: Int, isWritable: Bool, words: SharedWords,
        synchronize: @escaping @Sendable () throws(HeadwaterError) -> Void
    ) {
        precondition(byteCount / 8 <= words.count)
        self.path = path
        wordCount = byteCount / 8
        self.isWritable = isWritable
        self.words = words
        self.synchronize = synchronize
    }

    /// The word at index `word`, with acquire order. Traps beyond the page.
    public func load(word: Int) -> UInt64 {
        precondition(word < wordCount, "word is outside the shared page")
        return words.load(word)
    }

    /// Sets the word at index `word`, with release order. Traps beyond the page, or where it was mapped for reading.
    public func store(_ value: UInt64, word: Int) {
        precondition(isWritable, "the page is mapped for reading")
        precondition(word < wordCount, "word is outside the shared page")
        words.store(value, word)
    }

    /// Makes the words durable (msync). A failure is final: never retry.
    public func sync() throws(HeadwaterError) { try synchronize() }
}

/// The atomic words behind a `SharedPage`.
///
/// Why raw memory may be used as `Atomic<UInt64>`: the type has the size and alignment of `UInt64` and no other state, each
/// bit pattern is a value of it, and its operations are single lock-free instructions on the address itself, which hold
/// across processes as they hold across threads. The initializer checks size and alignment.
///
/// The words are in the processor's own byte order; every machine we build for is little-endian.
package final class SharedWords: Sendable {
    package let count: Int
    private let memory: Memory

    /// Takes over memory of a multiple of 8 bytes, 8-aligned, that nobody touches but by atomic instructions or the kernel.
    init(_ memory: consuming Memory) {
        precondition(MemoryLayout<Atomic<UInt64>>.size == 8 && MemoryLayout<Atomic<UInt64>>.stride == 8)
        precondition(memory.count % 8 == 0, "a shared page has whole words")
        precondition(unsafe UInt(bitPattern: memory.base) % UInt(MemoryLayout<Atomic<UInt64>>.alignment) == 0)
        count = memory.count / 8
        unsafe _ = memory.base.bindMemory(to: Atomic<UInt64>.self, capacity: count)
        self.memory = memory
    }

    /// So many words of this process alone, all zero: for a disk in memory.
    package convenience init(zeros count: Int) { self.init(Memory(zeros: count * 8)) }

    package func load(_ word: Int) -> UInt64 {
        precondition(word >= 0 && word < count, "word is outside the memory")
        defer { extendLifetime(self) }
        return unsafe memory.base.assumingMemoryBound(to: Atomic<UInt64>.self)[word].load(ordering: .acquiring)
    }

    package func store(_ value: UInt64, _ word: Int) {
        precondition(word >= 0 && word < count, "word is outside the memory")
        defer { extendLifetime(self) }
        unsafe memory.base.assumingMemoryBound(to: Atomic<UInt64>.self)[word].store(value, ordering: .releasing)
    }

    /// Makes the words durable in the file they are mapped from. Returns an `errno`, or 0.
    func synchronizeMapping() -> Int32 {
        defer { extendLifetime(self) }
        return unsafe Kernel.sync(memory.base, memory.count)
    }
}
