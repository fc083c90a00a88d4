import FeatureModel
import Glibc
import Transport

/// How far a thread gives way to others.
enum ThreadPriority {
    /// Not at all: threads that somebody waits for.
    case none
    /// By a niceness.
    case nice(Int32)
    /// To whatever else wants the processor: it is taken from such a thread at
    /// once, and where others never rest it gets a few parts in a thousand.
    case idle

    /// Audits, scrubs, flushes and compactions: beside one busy thread of a request they get a tenth of a processor.
    ///
    /// Not less: such a thread holds the lock of a store's state for a moment now and then, and a writer
    /// that waits for it must not wait long; and chunks must be written as fast as rows come.
    static let background = ThreadPriority.nice(10)

    /// Lets this thread give way from now on. Where it is refused, the thread only takes its full share.
    func apply() {
        switch self {
        case .none: break
        // On Linux 0 is the calling thread.
        case .nice(let niceness): _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, niceness)
        case .idle: Scheduling.runWhenIdle()
        }
    }
}

/// Runs jobs one after another on a thread of its own.
final class SerialWorker: Sendable {
    private let pool: ThreadPool

    /// - Parameter takesTurns: its jobs call `Scheduling.yield` often.
    init(_ priority: ThreadPriority = .none, takesTurns: Bool = false) {
        pool = ThreadPool(threads: 1, name: "serial") {
            priority.apply()
            if takesTurns { Scheduling.runInShortSlices() }
        }
    }

    /// Queues a job; `job` is told `false` where the worker has ended and does not run it.
    func submit(orNot job: @escaping @Sendable (Bool) -> Void) {
        pool.submit(job)
    }

    /// Queues a job. Jobs that come after `shutdown` do not run.
    func submit(_ job: @escaping @Sendable () -> Void) { submit(orNot: { if $0 { job() } }) }

    /// Waits for all jobs queued so far, then ends the thread.
    func shutdown() async {
        await withCheckedContinuation { continuation in submit(orNot: { _ in continuation.resume() }) }
        await pool.shutdown()
    }
}

/// A value that only one worker's jobs touch.
///
/// The engines are plain single-threaded objects; this carries one to its thread. Every access is a job on that worker.
final class Confined<Value>: @unchecked Sendable {
    // Sendable although the value is not: only jobs of `worker` touch it, and they run one after another on one thread.
    private let value: Value
    let worker: SerialWorker

    init(_ value: sending Value, to worker: SerialWorker) {
        self.value = value
        self.worker = worker
    }

    func run(_ job: @escaping @Sendable (Value) -> Void) {
        worker.submit { job(self.value) }
    }

    /// Runs a job with another value that is confined to the same worker.
    func run<Other>(with other: Confined<Other>, _ job: @escaping @Sendable (Value, Other) -> Void) {
        precondition(other.worker === worker, "both values live on one worker")
        worker.submit { job(self.value, other.value) }
    }

    /// Runs a job on the worker and hands its result back.
    ///
    /// - Throws: what the job throws; `.unavailable` where the worker has ended.
    func call<Answer: Sendable>(_ job: @escaping @Sendable (Value) throws -> Answer) async throws -> Answer {
        try await withCheckedThrowingContinuation { continuation in
            worker.submit(orNot: { isActive in
                guard isActive else {
                    return continuation.resume(
                        throwing: HeadwaterError(.unavailable, "the server is shutting down: connect again later"))
                }
                continuation.resume(with: Result { try job(self.value) })
            })
        }
    }
}
