import FeatureModel
import NIOCore
import Synchronization
import Transport

/// The threads that requests block, apart by how long they take, so that none waits behind longer work.
struct Workers: Sendable {
    /// Joins and scans. A slow client's answer holds a thread until its pace runs out, but no permit to work.
    let long: WorkerPool
    /// Helpers of joins and scans, which share them.
    let helpers: HelperPool
    /// Helpers of the writing of chunks.
    let fileHelpers = HelperPool(threads: System.coreCount, .background)
    /// Transfers of a whole history, which hold a thread all the while.
    let transfers = WorkerPool(threads: bootstrapsMax, .background)
    let bootstraps = ConcurrencyLimit(bootstrapsMax, what: "followers that take the history")
    /// Gets with many keys, and those that waited for a position.
    let gets = WorkerPool(threads: 2)
    /// Checks of large writes.
    let writes = WorkerPool(threads: 2)
    /// Walks of audits, one at a time, when nothing else wants the processor.
    let audits = WorkerPool(threads: 1, .background)
    /// Reads of the log for followers, which share it: each read is short.
    let follow = SerialWorker()

    /// Joins and scans that are answered.
    static let longRequestsMax = 64
    /// Those of them that work at once.
    ///
    /// As many as there are cores, beside their helpers: a thread that the kernel has put aside with a lock in its hands must not
    /// wait long behind its like, as loops then wait for it.
    static let longWorksMax = max(2, System.coreCount)
    static let bootstrapsMax = 4

    /// - Parameter besideGets: whether the process serves gets, which must not notice joins and scans: these then give way to all
    ///   else, other programs too. An offline service alone takes its share of a machine that others keep busy.
    init(besideGets: Bool) {
        let priority = besideGets ? ThreadPriority.idle : .background
        long = WorkerPool(threads: Self.longRequestsMax, worksMax: Self.longWorksMax, priority)
        helpers = HelperPool(threads: System.coreCount, priority)
    }

    /// Requests that wait for a thread, by the threads that they wait for.
    var waitingCounts: [(pool: String, count: Int)] {
        [("gets", gets), ("writes", writes), ("history", long), ("audits", audits), ("transfers", transfers)]
            .map { ($0.0, $0.1.waitingCount) }
    }

    func shutdown() async {
        await follow.shutdown()
        for pool in [long, transfers, gets, writes, audits] { await pool.shutdown() }
        for pool in [helpers, fileHelpers] { await pool.shutdown() }
    }
}

/// How many works of one kind may run at once; whoever comes beyond it is refused, and comes again later.
final class ConcurrencyLimit: Sendable {
    private let taken = Atomic<Int>(0)
    private let most: Int
    private let what: String

    init(_ most: Int, what: String) { (self.most, self.what) = (most, what) }

    /// - Throws: `.unavailable` where all are taken.
    func take() throws(HeadwaterError) {
        guard taken.add(1, ordering: .relaxed).newValue <= most else {
            leave()
            throw HeadwaterError(.unavailable, "there are \(most) \(what) already: try again later")
        }
    }

    func leave() { taken.subtract(1, ordering: .relaxed) }
}

/// Worker threads behind a queue that has an end.
final class WorkerPool: Sendable {
    /// Jobs that may wait: each holds its request in memory.
    static let waitingMax = 1_024

    private let pool: ThreadPool
    private let waiting = Atomic<Int>(0)
    private let running = Atomic<Int>(0)
    private let ended = Atomic<Int>(0)
    /// For jobs that wait for clients; `nil` where all threads may work at once.
    let permits: WorkPermits?

    init(threads: Int, worksMax: Int? = nil, _ priority: ThreadPriority = .none) {
        let pool = ThreadPool(threads: threads, name: "worker") { priority.apply() }
        self.pool = pool
        permits = worksMax.map { WorkPermits($0, pool: pool) }
    }

    func shutdown() async {
        for work in permits?.close() ?? [] { work(false) }
        await pool.shutdown()
    }

    var waitingCount: Int { waiting.load(ordering: .relaxed) }

    /// Jobs that have ended, where none runs.
    var endedWhenIdle: Int? { running.load(ordering: .relaxed) == 0 ? ended.load(ordering: .relaxed) : nil }

    /// Runs `job` on a thread; it is told why it should not do its work, where nobody wants that any more.
    ///
    /// - Throws: `.resourceExhausted` where too many jobs wait.
    func submit(
        _ reasonToStop: @escaping @Sendable () -> HeadwaterError?, _ job: @escaping @Sendable (HeadwaterError?) -> Void
    ) throws(HeadwaterError) {
        guard waiting.add(1, ordering: .relaxed).newValue <= Self.waitingMax else {
            waiting.subtract(1, ordering: .relaxed)
            throw HeadwaterError(
                .resourceExhausted,
                "\(Self.waitingMax) requests wait for a thread already: try again later, or ask for less at once")
        }
        let work: ThreadPool.Job = { isActive in
            self.waiting.subtract(1, ordering: .relaxed)
            guard isActive else {
                return job(HeadwaterError(.unavailable, "the server is shutting down: connect again later"))
            }
            self.running.add(1, ordering: .relaxed)
            defer {
                self.running.subtract(1, ordering: .relaxed)
                self.ended.add(1, ordering: .relaxed)
            }
            job(reasonToStop())
        }
        if let permits { permits.submit(work) } else { pool.submit(work) }
    }
}

extension IncomingRequest {
    /// Why work on the request is in vain by now; `nil` while somebody waits for its answer.
    func reasonToStop(_ responder: Responder) -> HeadwaterError? {
        if responder.isCancelled { return HeadwaterError(.cancelled, "the request was cancelled") }
        if isExpired { return HeadwaterError(.deadlineExceeded, "the deadline came before the work was done: allow more time") }
        return nil
    }

    /// Asks `reasonToStop` from inside long work, and lets others have their turn there.
    func stops(_ responder: Responder, _ permit: HeldPermit?) -> @Sendable () -> Bool {
        let isOver: @Sendable () -> Bool = { responder.isCancelled || isExpired }
        return {
            permit?.pass(unless: isOver)
            return isOver()
        }
    }
}

extension Services {
    /// Runs blocking work on a thread of `pool`, and answers the request with what it throws.
    ///
    /// - Parameter mustRun: whether the work is done though its request was cancelled or its deadline has come; asked when its
    ///   turn comes.
    func onWorker(
        _ pool: WorkerPool, _ request: IncomingRequest, _ responder: Responder,
        mustRun: @escaping @Sendable () -> Bool = { false },
        _ work: @escaping @Sendable () throws(HeadwaterError) -> Void
    ) {
        // Who has more answers to read than it should has no further ones made, and holds no thread meanwhile.
        @Sendable func mustWait() -> Bool { !(responder.hasRoom || responder.isCancelled || responder.isDraining) }
        @Sendable func later() {
            responder.waits(for: .client)
            responder.whenWritable { self.onWorker(pool, request, responder, mustRun: mustRun, work) }
        }
        if mustWait() { return later() }
        submit(pool, request, responder, mustRun: mustRun) { () throws(HeadwaterError) in
            // Answers to its other requests may have been made since.
            if mustWait() { later() } else { try work() }
        }
    }

    /// An answer up to this is made without asking for room.
    private static let answerBytesFree = 256 << 10

    /// Makes an answer of about so many bytes, when there is room for it among those
    /// of all connections: at once on this thread of `pool`, or later on another one.
    func withRoom(
        forAnswer bytes: Int, _ pool: WorkerPool, _ request: IncomingRequest, _ responder: Responder,
        _ work: @escaping @Sendable () throws(HeadwaterError) -> Void
    ) throws(HeadwaterError) {
        let bytes = min(bytes, 2 * responder.frameBytesMax)
        guard bytes > Self.answerBytesFree else { return try work() }
        responder.waits(for: .memory)
        let room = responder.takeRoom(forAnswer: bytes) { room in
            self.submit(pool, request, responder) { () throws(HeadwaterError) in
                defer { withExtendedLifetime(room) {} }
                try work()
            }
        }
        guard let room else { return }
        responder.waits(for: .work)
        defer { withExtendedLifetime(room) {} }
        try work()
    }

    private func submit(
        _ pool: WorkerPool, _ request: IncomingRequest, _ responder: Responder,
        mustRun: @escaping @Sendable () -> Bool = { false },
        _ work: @escaping @Sendable () throws(HeadwaterError) -> Void
    ) {
        do throws(HeadwaterError) {
            let reasonToStop: @Sendable () -> HeadwaterError? = {
                mustRun() ? nil : request.reasonToStop(responder)
            }
            responder.waits(for: .thread)
            try pool.submit(reasonToStop) { reason in
                responder.waits(for: .work)
                if let reason { return self.fail(request, responder, reason) }
                do throws(HeadwaterError) { try work() } catch { self.fail(request, responder, error) }
            }
        } catch { responder.fail(error) }
    }

    /// Answers with an error: work that stopped itself because the deadline had come says so, and how far the store is.
    func fail(_ request: IncomingRequest, _ responder: Responder, _ error: any Error) {
        var error = asHeadwaterError(error)
        if error.code == .cancelled, let reason = request.reasonToStop(responder) { error = reason }
        responder.fail(error, appliedPosition: error.code == .deadlineExceeded ? appliedPosition(for: request.method) : nil)
    }
}
