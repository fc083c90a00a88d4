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
    }

    private static let idleLimit = DispatchTimeInterval.seconds(10)

    let threadsMax: Int
    private let name: String
    private let prepare: @Sendable () -> Void
    private let state = Mutex(State())
    private let wake = DispatchSemaphore(value: 0)

    /// - Parameter prepare: called first on each thread.
    public init(threads: Int, name: String, prepare: @escaping @Sendable () -> Void = {}) {
        threadsMax = threads
        self.name = name
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
            let (job, isOver) = state.withLock { state -> (Job?, Bool) in
                if let job = state.jobs.popFirst() { return (job, false) }
                if state.isEnding { return (nil, true) }
                state.idleCount += 1
                return (nil, false)
            }
            if let job { return job }
            if isOver { return leave() }
            guard wake.wait(timeout: .now() + Self.idleLimit) == .timedOut else { continue }
            let ends = state.withLock { state in
                // Somebody may have woken us just now; then the signal is still to be taken.
                guard state.idleCount > 0 else { return false }
                state.idleCount -= 1
                return true
            }
            if ends { return leave() }
            wake.wait()
        }
    }

    private func leave() -> Job? {
        let told = state.withLock { state -> (@Sendable () -> Void)? in
            state.threadCount -= 1
            return state.threadCount == 0 ? state.whenEnded.take() : nil
        }
        told?()
        return nil
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
