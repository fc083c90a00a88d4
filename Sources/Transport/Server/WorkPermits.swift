internal import Dispatch
internal import Glibc
internal import Synchronization

/// A semaphore over the jobs of a pool: as many run at once as there
/// are permits; the others wait in their order, without a thread.
///
/// A thread that waits for its client lends its permit, and one that has had it
/// for long lets those that wait have theirs first (`HeldPermit`). For any thread.
public final class WorkPermits: Sendable {
    /// While so many jobs that have begun wait for a permit, no further job begins: each holds memory.
    private static let waitingThreadsMax = 6
    private static let pause = DispatchTimeInterval.milliseconds(20)
    /// Pauses for which jobs with a permit may wait for a thread.
    private static let pausesWithoutThreadMax = 10

    private struct State {
        var free: Int
        /// Jobs that the pool has taken and not ended.
        var begun = 0
        /// How many threads go on without a permit; as many returned permits do not become free.
        var owed = 0
        /// Waiting jobs, numbered in the order in which jobs and threads came.
        var works = FIFOQueue<(number: UInt64, work: ThreadPool.Job)>()
        /// Threads that want their permit back.
        var threads: [(number: UInt64, woken: DispatchSemaphore)] = []
        var lastNumber: UInt64 = 0
        var isClosed = false

        mutating func nextNumber() -> UInt64 {
            lastNumber += 1
            return lastNumber
        }
    }

    /// Who gets a permit.
    private enum Waiter {
        case work(ThreadPool.Job)
        case thread(DispatchSemaphore)
    }

    private let state: Mutex<State>
    private let hasWaiters = Atomic<Bool>(false)
    private let pool: ThreadPool

    public init(_ count: Int, pool: ThreadPool) {
        state = Mutex(State(free: count))
        self.pool = pool
    }

    /// Runs a work on a thread, now or when there is a permit. It is told `false` where they are closed.
    public func submit(_ work: @escaping ThreadPool.Job) {
        enum Step { case start, wait, refuse }
        let step = change { state -> Step in
            if state.isClosed { return .refuse }
            guard state.free > 0, state.begun < pool.threadsMax else {
                state.works.append((state.nextNumber(), work))
                return .wait
            }
            state.free -= 1
            state.begun += 1
            return .start
        }
        switch step {
        case .start: start(work)
        case .wait: break
        case .refuse: work(false)
        }
    }

    /// Starts no more works.
    ///
    /// - Returns: those that wait, to be told so.
    public func close() -> [ThreadPool.Job] {
        change { state in
            state.isClosed = true
            return state.works.takeAll().map(\.work)
        }
    }

    /// The permit of the work that this thread does.
    public func held() -> HeldPermit { HeldPermit(self) }

    /// Lends this thread's permit to others.
    fileprivate func giveBack() {
        switch change({ nextWaiter(&$0) }) {
        case .work(let work): start(work)
        case .thread(let woken): woken.signal()
        case nil: break
        }
    }

    /// Takes one again that was lent; where the work is over, which is
    /// asked while there is none, the thread goes on to its end without.
    fileprivate func retake(unless isOver: () -> Bool) {
        let woken = DispatchSemaphore(value: 0)
        let wasOver = isOver()
        let number = change { state -> UInt64? in
            if state.free > 0 {
                state.free -= 1
                return nil
            }
            if wasOver {
                state.owed += 1
                return nil
            }
            let number = state.nextNumber()
            state.threads.append((number, woken))
            return number
        }
        guard let number else { return }
        var pausesWithoutThread = 0
        while woken.wait(timeout: .now() + Self.pause) == .timedOut {
            // Where the system makes no more threads, jobs that have a permit and no thread wait for a thread like this one.
            pausesWithoutThread = pool.hasWaitingJobs ? pausesWithoutThread + 1 : 0
            guard isOver() || pausesWithoutThread > Self.pausesWithoutThreadMax else { continue }
            let isGivenUp = change { state in
                guard let index = state.threads.firstIndex(where: { $0.number == number }) else { return false }
                state.threads.remove(at: index)
                state.owed += 1
                return true
            }
            if isGivenUp { return }
        }
    }

    fileprivate var isWanted: Bool { hasWaiters.load(ordering: .relaxed) }

    private func start(_ work: @escaping ThreadPool.Job) {
        pool.submit { isActive in
            work(isActive)
            while let next = self.next() { next(isActive) }
        }
    }

    /// The work of this thread has ended.
    ///
    /// - Returns: the next one, for this thread to do with the same permit; `nil` where there is none.
    private func next() -> ThreadPool.Job? {
        let waiter = change { state in
            state.begun -= 1
            return nextWaiter(&state)
        }
        switch waiter {
        case .work(let work): return work
        case .thread(let woken): woken.signal()
        case nil: break
        }
        return nil
    }

    /// Hands a permit to the job or thread that came first; where none may have it, the permit is free.
    private func nextWaiter(_ state: inout State) -> Waiter? {
        if state.owed > 0 {
            state.owed -= 1
            return nil
        }
        // A work that found no thread would keep the permit from those that have one.
        let mayBegin = state.begun < pool.threadsMax && state.threads.count < Self.waitingThreadsMax
        let number = mayBegin ? state.works.first?.number : nil
        if let thread = state.threads.first, thread.number < number ?? .max {
            state.threads.removeFirst()
            return .thread(thread.woken)
        }
        guard number != nil, let next = state.works.popFirst() else {
            state.free += 1
            return nil
        }
        state.begun += 1
        return .work(next.work)
    }

    private func change<Answer>(_ body: (inout State) -> Answer) -> Answer {
        state.withLock { state in
            let answer = body(&state)
            hasWaiters.store(!(state.works.isEmpty && state.threads.isEmpty), ordering: .relaxed)
            return answer
        }
    }
}

/// The permit of one work, which its thread lends to others.
public final class HeldPermit: Sendable {
    /// Long beside what it takes to change threads, short for somebody who waits.
    private static let length = Duration.milliseconds(10)

    private let permits: WorkPermits
    private let thread = UInt(pthread_self())
    /// When it last got the permit.
    private let began = Mutex(ContinuousClock.now)

    fileprivate init(_ permits: WorkPermits) { self.permits = permits }

    /// Lends the permit, while the client is waited for.
    func giveBack() { permits.giveBack() }

    /// Takes one again; where the work is over, which is asked while there is none, the thread goes on to its end without.
    func retake(unless isOver: () -> Bool) {
        permits.retake(unless: isOver)
        began.withLock { $0 = .now }
    }

    /// Lets those that wait go first, where this work has gone on for long.
    /// For threads that help with it this does nothing: they have no permit.
    public func pass(unless isOver: () -> Bool) {
        guard permits.isWanted, thread == UInt(pthread_self()) else { return }
        guard began.withLock({ ContinuousClock.now - $0 }) >= Self.length else { return }
        giveBack()
        retake(unless: isOver)
    }
}
