#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif

/// One piece of raw memory with one owner: a mapping of a file, or an allocation that stands in for one.
///
/// The memory stays where it is until the owner goes, so that `base` is valid exactly as long as this value lives.
/// Safe to name: the pointer leaves only through `MappedFile` and `SharedWords`, which check bounds and keep the owner alive.
@safe
@usableFromInline
struct Memory: ~Copyable, @unchecked Sendable {
    // Sendable: the fields never change, and access to the bytes is for the owners to order
    // (`MappedFile` only reads, `SharedWords` uses atomic instructions).

    @usableFromInline let base: UnsafeMutableRawPointer
    @usableFromInline let count: Int
    private let isMapped: Bool

    /// Takes over `count` bytes at `base` from `mmap`.
    init(mapped base: UnsafeMutableRawPointer, count: Int) {
        unsafe self.base = base
        self.count = count
        isMapped = true
    }

    /// Allocates `count` zeros, aligned to a cache line.
    init(zeros count: Int) {
        unsafe base = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1), alignment: 64)
        unsafe base.initializeMemory(as: UInt8.self, repeating: 0, count: max(count, 1))
        self.count = count
        isMapped = false
    }

    func preferHugePages() {
        #if os(Linux)
            // Advice: a file system or a kernel that cannot do it refuses.
            if isMapped { unsafe _ = madvise(base, count, MADV_HUGEPAGE) }
        #endif
    }

    deinit {
        if isMapped { unsafe munmap(base, count) } else { unsafe base.deallocate() }
    }
}
