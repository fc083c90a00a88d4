import Foundation

/// A thread with half of the stack that a server gives its own.
struct SmallThread {
    private let thread: Thread

    init(_ body: @escaping @Sendable () -> Void) {
        thread = Thread(block: body)
        thread.stackSize = 2 << 20
    }

    func start() { thread.start() }
}
