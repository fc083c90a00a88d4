internal import Glibc
internal import Synchronization

/// Lets go of large memory on a thread of its own: the system takes
/// milliseconds to take it back, in which an event loop would serve nobody.
enum Discards {
    private static let bytesLeast = 1 << 20
    /// A fraction of a millisecond's work for the system.
    private static let pieceBytes = 512 << 10
    private static let pool = ThreadPool(threads: 1, name: "discards")

    /// Takes what nobody else holds.
    static func take(_ bytes: consuming [UInt8]) {
        guard bytes.count >= bytesLeast else { return }
        let box = Box(consume bytes)
        pool.submit { _ in
            if var bytes = box.take() { empty(&bytes) }
        }
    }

    /// Discards the storage of a slice, which may be empty by now.
    static func take(_ bytes: consuming ArraySlice<UInt8>) {
        if bytes.endIndex >= bytesLeast { discard(Box(bytes)) }
    }

    /// Gives pages back piece by piece: while the system takes a large piece of memory back, no other thread gets a new one.
    private static func empty(_ bytes: inout [UInt8]) {
        let pageBytes = Int(sysconf(Int32(_SC_PAGESIZE)))
        unsafe bytes.withUnsafeMutableBytes { memory in
            guard let base = memory.baseAddress else { return }
            var start = (pageBytes - Int(bitPattern: base) % pageBytes) % pageBytes
            while start + pageBytes <= memory.count {
                let count = min(pieceBytes, (memory.count - start) / pageBytes * pageBytes)
                // The pages read as zeros from now on; where the call is refused, the whole memory is freed at once later.
                guard unsafe madvise(base + start, count, MADV_DONTNEED) == 0 else { return }
                start += count
            }
        }
    }

    private static func discard(_ box: Box<some Sendable>) { pool.submit { _ in _ = box.take() } }

    /// A box makes the discarding thread release the last reference, whichever of the two threads ends first.
    private final class Box<Value: Sendable>: Sendable {
        private let value: Mutex<Value?>

        init(_ value: consuming Value) { self.value = Mutex(value) }

        func take() -> Value? { value.withLock { $0.take() } }
    }
}
