internal import Dispatch
internal import FeatureModel
internal import Synchronization

/// Threads that run jobs from one queue: made when there is a job and
/// none is free, ended when there has been nothing to do for a while.
public final class ThreadPool: Sendable {
    public typealias Job = @Sendable (_ isActive: Bool) -> Void

    private struct State {
        var jobs = FIFOQueue<Job>()
        var threadCount = 0
        /// Threads that wait, and have not been woken.
        var idleCount = 0
        var isEnding = false
        /// Told when the last thread has ended.
        var whenEnded: (@Sendable () -> Void)?

        enum Step {
            case run(Job)
            case wait
            /// The thread counts no more; whoever waits for the last one is to be told.
            case end(told: (@Sendable () -> Void)?)
        }

        mutating func nextStep() -> Step {
            if let job = jobs.popFirst() { return .run(job) }
            if isEnding { return end() }
            idleCount += 1
            return .wait
        }

        /// For a thread that nobody woke in time.
        mutating func stepAfterIdling() -> Step {
            guard idleCount > 0 else { return .wait }
            idleCount -= 1
            // In the same moment: a job that came in between would count on a thread that is no more.
            return end()
        }

        private mutating func end() -> Step {
            threadCount -= 1
            return .end(told: threadCount == 0 ? whenEnded.take() : nil)
        }
    }

    let threadsMax: Int
    private let name: String
    /// How long a thread waits for a job before it ends.
    private let idleLimit: DispatchTimeInterval
    private let prepare: @Sendable () -> Void
    private let state = Mutex(State())
    private let wake = DispatchSemaphore(value: 0)

    /// - Parameter prepare: called first on each thread.
    public convenience init(threads: Int, name: String, prepare: @escaping @Sendable () -> Void = {}) {
        self.init(threads: threads, name: name, idleLimit: .seconds(10), prepare: prepare)
    }

    init(threads: Int, name: String, idleLimit: DispatchTimeInterval, prepare: @escaping @Sendable () -> Void = {}) {
        threadsMax = threads
        self.name = name
        self.idleLimit = idleLimit
        self.prepare = prepare
    }

    /// Whether a job waits for a thread.
    var hasWaitingJobs: Bool { state.withLock { !$0.jobs.isEmpty } }

    /// Queues a job. It is told `false` where the pool has ended, or where the system has no room for a single thread.
    public func submit(_ job: @escaping Job) {
        enum Step { case wake, start, nothing, refuse }
        let step = state.withLock { state -> Step in
            if state.isEnding { return .refuse }
            state.jobs.append(job)
            if state.idleCount > 0 {
                state.idleCount -= 1
                return .wake
            }
            guard state.threadCount < threadsMax else { return .nothing }
            state.threadCount += 1
            return .start
        }
        switch step {
        case .wake: wake.signal()
        case .start: startThread()
        case .nothing: break
        case .refuse: job(false)
        }
    }

    private func startThread() {
        if OwnThread.start(name: name, stackBytes: Limits.threadStackBytes, { self.run() }) { return }
        // The others do it, later; where there are none nobody ever would.
        let (refused, told) = state.withLock { state -> ([Job], (@Sendable () -> Void)?) in
            state.threadCount -= 1
            guard state.threadCount == 0 else { return ([], nil) }
            return (state.jobs.takeAll(), state.whenEnded.take())
        }
        for job in refused { job(false) }
        told?()
    }

    private func run() {
        prepare()
        while let job = next() { job(true) }
    }

    /// Waits for a job; `nil` where the thread is to end.
    private func next() -> Job? {
        while true {
            switch state.withLock({ $0.nextStep() }) {
            case .run(let job): return job
            case .end(let told):
                told?()
                return nil
            case .wait: break
            }
            guard wake.wait(timeout: .now() + idleLimit) == .timedOut else { continue }
            switch state.withLock({ $0.stepAfterIdling() }) {
            case .end(let told):
                told?()
                return nil
            // Somebody has woken a thread just now: its signal is to be taken.
            case .run, .wait: wake.wait()
            }
        }
    }

    /// Ends the threads, after the jobs that they have begun; those that wait are told `false`.
    public func shutdown() async {
        await withCheckedContinuation { continuation in
            let (waiting, idle, isOver) = state.withLock { state -> ([Job], Int, Bool) in
                defer { state.idleCount = 0 }
                state.isEnding = true
                if state.threadCount > 0 { state.whenEnded = { continuation.resume() } }
                return (state.jobs.takeAll(), state.idleCount, state.threadCount == 0)
            }
            for job in waiting { job(false) }
            for _ in 0..<idle { wake.signal() }
            if isOver { continuation.resume() }
        }
    }
}
