internal import Synchronization

/// Lets go of large memory on a thread of its own: the system takes milliseconds to take it back, in which an event loop would serve nobody.
enum Discards {
    private static let bytesLeast = 1 << 20
    private static let pool = ThreadPool(threads: 1, name: "discards")

    /// Takes what nobody else holds.
    static func take(_ bytes: consuming [UInt8]) {
        if bytes.count >= bytesLeast { discard(Box(bytes)) }
    }

    /// The same of a slice, of which all may have been taken away.
    static func take(_ bytes: consuming ArraySlice<UInt8>) {
        if bytes.endIndex >= bytesLeast { discard(Box(bytes)) }
    }

    private static func discard(_ box: Box<some Sendable>) { pool.submit { _ in box.empty() } }

    /// So that the thread lets go of the last reference, whoever of the two is done first.
    private final class Box<Value: Sendable>: Sendable {
        private let value: Mutex<Value?>

        init(_ value: consuming Value) { self.value = Mutex(value) }

        func empty() { value.withLock { $0 = nil } }
    }
}
