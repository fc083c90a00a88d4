/// A whole file as memory that nobody changes: written once, synced, renamed into place, then only read or unlinked.
///
/// A file that is truncated while it is mapped kills its readers (SIGBUS); formats therefore never truncate what they map.
/// All methods may be called from any thread. The mapping goes when the last reference goes.
public final class MappedFile: Sendable {
    public let path: String
    /// Bytes of the file; 0 is allowed.
    public let count: Int
    @usableFromInline let memory: Memory

    /// Takes over a mapping of the file at `path`.
    init(path: String, memory: consuming Memory) {
        self.path = path
        count = memory.count
        self.memory = memory
    }

    /// A file that never was on a disk: a copy of `bytes`, aligned to 64 bytes.
    public convenience init(path: String, bytes: [UInt8]) {
        let memory = Memory(zeros: bytes.count)
        // The allocation has room for `bytes.count` bytes, and nobody else knows it yet.
        unsafe bytes.withUnsafeBytes {
            unsafe memory.base.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(memory.base), byteCount: $0.count)
        }
        self.init(path: path, memory: memory)
    }

    /// Asks the system to hold what is read from here on in pages as large as it has: for a file that is read all over, where
    /// looking up which page is where costs as much as reading. What the system holds already stays as it is.
    public func preferHugePages() { memory.preferHugePages() }

    /// Lends the bytes of `range` for the length of `body`, without a copy. Traps where `range` leaves the file.
    ///
    /// - Complexity: O(1) besides `body`.
    @inlinable
    public func withBytes<Result: ~Copyable, Failure: Error>(
        _ range: Range<Int>, _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "range is outside the mapped file")
        defer { extendLifetime(self) }
        // In bounds by the precondition; `self` owns the memory, outlives the call, and nobody writes to it.
        let bytes = unsafe UnsafeRawBufferPointer(start: memory.base + range.lowerBound, count: range.count)
        return try unsafe body(bytes.bytes)
    }

    /// A copy of `count` bytes at `offset`. Traps where they leave the file.
    public func bytes(at offset: Int, count: Int) -> [UInt8] {
        precondition(count >= 0, "a negative count")
        return withBytes(offset..<offset + count) { span in
            // The array is filled from the whole span, which has just `count` bytes.
            unsafe span.withUnsafeBytes { unsafe Array($0) }
        }
    }
}
