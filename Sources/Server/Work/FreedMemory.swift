import Synchronization
import Transport

/// Gives memory that connections and their work have let go of back to the system: looks once a second whether there is any.
final class FreedMemory: Sendable {
    /// Freed memory of connections beyond which it is given back.
    private static let bytesLeast = 32 << 20
    /// Joins and scans after which it is.
    private static let worksLeast = 8

    private let workers: Workers
    /// Joins and scans that had ended when memory was last given back.
    private let worksSeen = Atomic<Int>(0)

    init(_ workers: Workers) { self.workers = workers }

    func look(_ transport: ServerTransport) {
        // Both are asked each time.
        let (isDropped, isRested) = (transport.isTrimDue(above: Self.bytesLeast), isRested())
        if isDropped || isRested { workers.fileHelpers.submit { EventLoops.returnFreedMemory() } }
    }

    /// Whether some joins and scans have ended and none runs.
    private func isRested() -> Bool {
        guard let ended = workers.long.endedWhenIdle, ended - worksSeen.load(ordering: .relaxed) >= Self.worksLeast else {
            return false
        }
        worksSeen.store(ended, ordering: .relaxed)
        return true
    }
}
