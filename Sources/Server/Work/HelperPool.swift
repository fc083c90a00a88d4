import Dispatch
import OfflineStore
import Synchronization
import Transport

/// Threads that help long work of the offline store, whoever has pieces to do.
///
/// Each work runs on a thread of its own; beside it every helper takes one of its pieces,
/// then goes to the end of the queue, behind the helpers of all others. So works share the
/// helpers piece by piece, and one that has many pieces does not keep them from the next.
final class HelperPool: Sendable {
    private let helpers: Int
    private let pool: ThreadPool

    /// - Parameter threads: of one work and its helpers together.
    init(threads: Int, _ priority: ThreadPriority) {
        helpers = max(0, threads - 1)
        pool = ThreadPool(threads: max(1, helpers), name: "helper") { priority.apply() }
    }

    /// Runs one short job.
    func submit(_ job: @escaping @Sendable () -> Void) { pool.submit { isActive in if isActive { job() } } }

    /// The calling thread and the helpers.
    var executor: ParallelExecutor {
        if helpers == 0 { return .serial }
        return ParallelExecutor(size: helpers + 1) { count, body in self.each(count, body) }
    }

    func shutdown() async { await pool.shutdown() }

    private func each(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
        let work = SharedWork(count, body)
        for _ in 0..<min(helpers, count - 1) { help(work) }
        while work.doNext() {}
        work.waitForOthers()
    }

    private func help(_ work: SharedWork) {
        pool.submit { isActive in
            if isActive, work.doNext() { self.help(work) }
        }
    }
}

/// The pieces of one work. Whoever takes a piece does it; each is done once.
private final class SharedWork: Sendable {
    private let count: Int
    private let body: @Sendable (Int) -> Void
    private let next = Atomic<Int>(0)
    /// Entered by every piece that is being done.
    private let running = DispatchGroup()

    init(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
        self.count = count
        self.body = body
    }

    /// Does the next piece.
    ///
    /// - Returns: `false` where all are taken.
    func doNext() -> Bool {
        // Before the piece is taken: whoever finds none left then waits for this one too.
        running.enter()
        defer { running.leave() }
        let number = next.add(1, ordering: .relaxed).oldValue
        guard number < count else { return false }
        body(number)
        return true
    }

    /// Returns when the pieces that others have taken are done; all are taken by then.
    func waitForOthers() { running.wait() }
}
