import Synchronization
import Transport

/// Threads that requests by HTTP are answered on, apart from all others of the process: however long one works, neither the loops
/// that answer gets nor what the server does by itself waits for it.
final class WebThreads: TaskExecutor {
    private let pool: ThreadPool

    init(_ count: Int, name: String) { pool = ThreadPool(threads: count, name: name) }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let executor = unsafe asUnownedTaskExecutor()
        // A job that came too late for the threads must run all the same: its task would never end.
        pool.submit { _ in unsafe job.runSynchronously(on: executor) }
    }

    /// Ends the threads; the tasks on them have ended before.
    func shutdown() async { await pool.shutdown() }
}
