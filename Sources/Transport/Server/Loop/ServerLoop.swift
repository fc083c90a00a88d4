public import Dispatch
internal import FeatureModel
internal import Glibc
public import NIOCore
internal import NIOPosix
internal import Synchronization

/// Something whose socket a `ServerLoop` watches.
protocol SocketWatcher: AnyObject {
    /// The socket is ready. Called on the loop.
    func isReady(_ readiness: Readiness)
    /// The loop ends: the socket is to be closed.
    func loopEnds()
    /// Looks whether the client keeps memory and does not move on; asked a few times a second while memory is short.
    func lookWhetherSlow() -> SlowClient?
}

extension SocketWatcher {
    func lookWhetherSlow() -> SlowClient? { nil }
}

/// One thread that serves the sockets of a server: it waits until some are ready, lets each take what has come, has all of them
/// answered together, and runs what other threads handed it.
///
/// A loop of its own instead of swift-nio's: docs/internals/server-loop.md
/// has the figures. To everything else it is an `EventLoop`.
// What is not behind a lock belongs to the loop's thread, and is touched behind `assertInEventLoop` only.
public final class ServerLoop: EventLoop, @unchecked Sendable {
    private struct Timer {
        let id: UInt64
        let deadline: NIODeadline
        let task: @Sendable () -> Void
        /// Says that it will not run.
        let cancel: @Sendable () -> Void
    }

    /// Tasks and timers that other threads add.
    private struct Agenda {
        var tasks: [@Sendable () -> Void] = []
        /// Timers in no order: there are few, and they rarely come due.
        var timers: [Timer] = []
        /// The deadline of the next timer.
        var soonest = NIODeadline.distantFuture
        var lastTimerID: UInt64 = 0
        var isStopping = false
        /// Nobody runs anything any more.
        var isOver = false
        /// Whether the loop looks here before it waits, or the bell was rung.
        var isAwake = false
    }

    /// One slot of the table of sockets; the number tells a socket from one that had the same descriptor before.
    private struct Slot {
        var number: UInt32 = 0
        var watcher: (any SocketWatcher)?
    }

    private static let ofThread = ThreadSpecificVariable<ServerLoop>()
    /// The loop whose thread this is.
    public static var current: ServerLoop? { ofThread.currentValue }

    private let agenda = Mutex(Agenda())
    private let poller: Poller
    /// pthread_self(3) of the loop's thread; 0 before it runs.
    private let thread = Atomic<UInt>(0)
    private let end = DispatchGroup()

    // These belong to the loop's thread.
    private var slots: [Slot] = []
    private var lastNumber: UInt32 = 0
    /// When the loop last had something to do: a clock that costs its readers nothing.
    private(set) var turnBegan = NIODeadline.now()
    /// The duration of the last iteration.
    private var turnNanoseconds: Int64 = 0
    let turnTimes = TurnTimes()
    private var isWatchingPressure = false
    /// Tasks taken from the agenda and not yet run.
    private var tasks: [@Sendable () -> Void] = []
    let round = ReadRound()
    let figures = RequestFigures()

    private init() throws(SystemFailure) { poller = try Poller() }

    /// Starts loops, a thread each.
    static func start(count: Int) throws(SystemFailure) -> [ServerLoop] {
        var loops: [ServerLoop] = []
        for _ in 0..<count { loops.append(try ServerLoop()) }
        for (index, loop) in loops.enumerated() {
            loop.end.enter()
            guard OwnThread.start(name: "loop-\(index)", stackBytes: Limits.threadStackBytes, { loop.run() }) else {
                loop.end.leave()
                for started in loops[..<index] { started.stop() }
                throw SystemFailure("pthread_create")
            }
        }
        return loops
    }

    /// Ends the thread; sockets that are still watched are closed.
    func stop() {
        agenda.withLock { $0.isStopping = true }
        poller.ring()
    }

    // MARK: Sockets

    /// Starts to watch a socket.
    ///
    /// - Returns: the token to name the socket by.
    func watch(_ socket: Socket, for interest: Readiness, _ watcher: any SocketWatcher) throws(SystemFailure) -> UInt64 {
        assertInEventLoop()
        lastNumber &+= 1
        let token = UInt64(lastNumber) << 32 | UInt64(socket.descriptor)
        try poller.add(socket.descriptor, token: token, for: interest)
        let index = Int(socket.descriptor)
        if index >= slots.count { slots.append(contentsOf: repeatElement(Slot(), count: index + 1 - slots.count)) }
        slots[index] = Slot(number: lastNumber, watcher: watcher)
        return token
    }

    func change(_ socket: Socket, _ token: UInt64, to interest: Readiness) throws(SystemFailure) {
        assertInEventLoop()
        try poller.modify(socket.descriptor, token: token, for: interest)
    }

    /// Closes a socket; its watcher is not called any more.
    func close(_ socket: Socket) {
        assertInEventLoop()
        slots[Int(socket.descriptor)].watcher = nil
        // The kernel stops watching what is closed.
        socket.close()
    }

    // MARK: The thread

    private func run() {
        thread.store(UInt(pthread_self()), ordering: .releasing)
        Self.ofThread.currentValue = self
        Scheduling.runInShortSlices()
        turnTimes.begin()
        turnBegan = .now()
        while let timeout = runAgenda() {
            endTurn()
            let noticesMax = turnNanoseconds > Self.longTurnNanoseconds ? Self.noticesLeast : Poller.noticesMax
            poller.wait(timeoutMilliseconds: round.isEmpty ? timeout : 0, noticesMax: noticesMax) {
                turnBegan = .now()
            } body: { token, readiness in
                let slot = slots[Int(truncatingIfNeeded: token & 0xFFFF_FFFF)]
                // Closed, or closed and opened anew, by one before it.
                guard slot.number == UInt32(truncatingIfNeeded: token >> 32) else { return true }
                slot.watcher?.isReady(readiness)
                return !isTurnLong()
            }
            let roundBegan = NIODeadline.now()
            round.run { Self.isLong(since: roundBegan, limit: Self.longRoundNanoseconds) }
        }
        repeat {
            for slot in slots { slot.watcher?.loopEnds() }
            // It may hold a connection that was on its way here.
            endAgenda()
        } while slots.contains { $0.watcher != nil }
        slots = []
        Self.ofThread.currentValue = nil
        // Its number may soon be another thread's.
        thread.store(0, ordering: .releasing)
        end.leave()
    }

    /// A turn that has taken this long leaves what is left to the next one, which takes in less.
    private static let longTurnNanoseconds: Int64 = 400_000
    private static let noticesLeast = 8

    /// Whether this turn has taken so long that what can wait should come in the next one.
    func isTurnLong() -> Bool { Self.isLong(since: turnBegan) }

    /// The duration at which a round of answers ends early: connections left for the next round are looked at twice.
    private static let longRoundNanoseconds: Int64 = 700_000

    private static func isLong(since begun: NIODeadline, limit: Int64 = longTurnNanoseconds) -> Bool {
        (NIODeadline.now() - begun).nanoseconds > limit
    }

    private func endTurn() {
        turnNanoseconds = (NIODeadline.now() - turnBegan).nanoseconds
        turnTimes.add(turnNanoseconds)
    }

    private static let pressureInterval = TimeAmount.milliseconds(250)

    /// Ends clients that keep memory without using it, readers first, until memory is no longer short. Called on the loop.
    func watchPressure(_ budget: NetworkBudget) {
        guard !isWatchingPressure, budget.isPressed else { return }
        isWatchingPressure = true
        let bound = NIOLoopBound(self, eventLoop: self)
        scheduleTask(in: Self.pressureInterval) {
            bound.value.isWatchingPressure = false
            bound.value.relieve(budget)
            bound.value.watchPressure(budget)
        }
    }

    private func relieve(_ budget: NetworkBudget) {
        let slow = slots.compactMap { $0.watcher?.lookWhetherSlow() }
        dismiss(slow.sorted { ($0.isReader ? 0 : 1, -$0.heldBytes) < ($1.isReader ? 0 : 1, -$1.heldBytes) }[...], budget)
    }

    private func dismiss(_ slow: ArraySlice<SlowClient>, _ budget: NetworkBudget) {
        var slow = slow
        while let client = slow.popFirst() {
            guard budget.isPressed else { return }
            client.end()
            guard isTurnLong(), !slow.isEmpty else { continue }
            let bound = NIOLoopBound((self, slow), eventLoop: self)
            return execute { bound.value.0.dismiss(bound.value.1, budget) }
        }
    }

    /// Runs the tasks that are left, and tells timers that they will not run.
    private func endAgenda() {
        for task in tasks { task() }
        tasks = []
        while true {
            let (tasks, timers) = agenda.withLock { agenda in
                defer { (agenda.tasks, agenda.timers) = ([], []) }
                agenda.isOver = agenda.tasks.isEmpty && agenda.timers.isEmpty
                return (agenda.tasks, agenda.timers)
            }
            if tasks.isEmpty && timers.isEmpty { return }
            for task in tasks { task() }
            for timer in timers { timer.cancel() }
        }
    }

    /// Runs what is due by now; what those tasks add comes after the sockets that are ready.
    ///
    /// - Returns: milliseconds to wait for sockets, below zero: for ever; `nil` when the loop is to end.
    private func runAgenda() -> Int32? {
        let (fresh, timeout) = agenda.withLock { agenda -> ([@Sendable () -> Void], Int32?) in
            if agenda.isStopping { return ([], nil) }
            let timeout = agenda.timers.isEmpty ? -1 : takeDue(&agenda)
            agenda.isAwake = !agenda.tasks.isEmpty || !tasks.isEmpty
            defer { agenda.tasks = [] }
            return (agenda.tasks, agenda.isAwake ? 0 : timeout)
        }
        runTasks(tasks.isEmpty ? fresh : tasks + fresh)
        return timeout
    }

    /// Runs tasks, each of which may make many others wait, until it is the sockets' turn.
    private func runTasks(_ all: [@Sendable () -> Void]) {
        tasks = []
        if all.isEmpty { return }
        let begun = NIODeadline.now()
        for (index, task) in all.enumerated() {
            task()
            guard Self.isLong(since: begun) else { continue }
            tasks = Array(all[(index + 1)...])
            return
        }
    }

    /// Moves the tasks of timers that are due to the tasks.
    ///
    /// - Returns: milliseconds to the next one.
    private func takeDue(_ agenda: inout Agenda) -> Int32 {
        let now = NIODeadline.now()
        if agenda.soonest <= now {
            for timer in agenda.timers where timer.deadline <= now { agenda.tasks.append(timer.task) }
            agenda.timers.removeAll { $0.deadline <= now }
            agenda.soonest = agenda.timers.lazy.map(\.deadline).min() ?? .distantFuture
        }
        if agenda.timers.isEmpty { return -1 }
        // Rounded up: waking too early would only be to wait again.
        return Int32(clamping: (agenda.soonest - now).nanoseconds / 1_000_000 + 1)
    }

    // MARK: EventLoop

    public var inEventLoop: Bool { thread.load(ordering: .acquiring) == UInt(pthread_self()) }

    /// Runs a task on the loop, when what is ready has been read; drops it where the loop has ended.
    public func execute(_ task: @escaping @Sendable () -> Void) {
        let mustRing = agenda.withLock { agenda in
            guard !agenda.isOver else { return false }
            agenda.tasks.append(task)
            defer { agenda.isAwake = true }
            return !agenda.isAwake
        }
        // The loop itself looks before it waits.
        if mustRing && !inEventLoop { poller.ring() }
    }

    @discardableResult
    public func scheduleTask<T>(deadline: NIODeadline, _ task: @escaping @Sendable () throws -> T) -> Scheduled<T> {
        let promise = makePromise(of: T.self)
        let cancel: @Sendable () -> Void = { promise.fail(EventLoopError.shutdown) }
        let id: UInt64? = agenda.withLock { agenda in
            guard !agenda.isOver else { return nil }
            agenda.lastTimerID += 1
            let run: @Sendable () -> Void = { promise.assumeIsolated().completeWith(Result { try task() }) }
            agenda.timers.append(Timer(id: agenda.lastTimerID, deadline: deadline, task: run, cancel: cancel))
            agenda.soonest = min(agenda.soonest, deadline)
            return agenda.lastTimerID
        }
        if id == nil { cancel() }
        if !inEventLoop { poller.ring() }
        return Scheduled(promise: promise) { self.cancelTimer(id) }
    }

    private func cancelTimer(_ id: UInt64?) {
        // Let go of outside of the lock: what its task holds may come back here when it ends.
        _ = agenda.withLock { agenda -> Timer? in
            agenda.timers.firstIndex { $0.id == id }.map { agenda.timers.remove(at: $0) }
        }
    }

    @discardableResult
    public func scheduleTask<T>(in delay: TimeAmount, _ task: @escaping @Sendable () throws -> T) -> Scheduled<T> {
        scheduleTask(deadline: .now() + delay, task)
    }

    public func next() -> any EventLoop { self }
    public func makeIterator() -> EventLoopIterator { EventLoopIterator([self]) }

    public func shutdownGracefully(queue: DispatchQueue, _ callback: @escaping @Sendable ((any Error)?) -> Void) {
        stop()
        end.notify(queue: queue) { callback(nil) }
    }
}
