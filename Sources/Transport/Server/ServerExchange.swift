internal import Dispatch
internal import FeatureModel
internal import NIOCore
internal import Synchronization
internal import Wire

/// A message of another thread to a server connection's handler.
enum ServerMessage: Sendable {
    case frame(EncodedFrame)
    /// Data of the request's inbound stream was taken.
    case consumed(requestID: UInt64, bytes: Int)
    case drain
    case close
    /// It has not said hello, and others have come since.
    case dropGreeting
    /// The rest of the frame that has begun has room.
    case frameHasRoom
    /// Others need its place, if it is still idle.
    case makeRoom
}

/// One request's state, shared by the event loop and the thread that works on it.
final class ServerExchange: Sendable {
    private struct State {
        /// Bytes of data that may be sent.
        var window: Int
        var isCancelled = false
        var isAnswered = false
        var isDraining = false
        var waiters = 0
        /// Made by the first thread that waits: most requests are answered without.
        var changed: DispatchSemaphore?
        /// Bytes of frames that came for it, and that went out.
        var receivedBytes: Int
        var sentBytes = 0
        var times: RequestTimes
        /// What it is about, where its handler says so.
        var project: String?
        var subject: String?
        var onCancel: [@Sendable () -> Void] = []
        var onWritable: (@Sendable () -> Void)?
        var onDrain: (@Sendable () -> Void)?

        var hasCallbacks: Bool { onWritable != nil || onDrain != nil || !onCancel.isEmpty }

        mutating func takeWake() -> Wake {
            defer { waiters = 0 }
            return Wake(semaphore: changed, waiters: waiters)
        }
    }

    /// Threads to wake, outside of the lock.
    private struct Wake {
        var semaphore: DispatchSemaphore?
        var waiters = 0

        func signal() { for _ in 0..<waiters { semaphore?.signal() } }
    }

    let requestID: UInt64
    let method: Wire.Method
    /// Bytes of a frame that the client takes.
    let frameBytesMax: Int
    let mailbox: Mailbox<ServerMessage>
    /// The unsent bytes of the connection.
    let room: OutputRoom
    private let state: Mutex<State>
    private let activity: ConnectionActivity
    /// The trace that the client names.
    private let trace: TraceContext?
    /// When the request had come.
    private let began: NIODeadline

    /// - Parameter began: when the request had come.
    init(
        _ header: FrameHeader, method: Wire.Method, peer: WireLimits, mailbox: Mailbox<ServerMessage>, room: OutputRoom,
        activity: ConnectionActivity, trace: TraceContext?, began: NIODeadline
    ) {
        self.room = room
        self.activity = activity
        self.trace = trace
        self.began = began
        requestID = header.requestID
        self.method = method
        self.mailbox = mailbox
        frameBytesMax = peer.frameBytesMax
        // A small write is at the writer from its first moment on, so that it need not look at the clock.
        let first: RequestWait = method == .write || method == .openProducer ? .log : .work
        state = Mutex(
            State(
                window: peer.initialWindowBytes, receivedBytes: header.frameBytes, times: RequestTimes(first, at: began)))
        activity.figures.begin()
    }

    var isAnswered: Bool { state.withLock { $0.isAnswered } }
    var isCancelled: Bool { state.withLock { $0.isCancelled } }
    var isDraining: Bool { state.withLock { $0.isDraining } }
    /// Bytes of data that may be sent now.
    var window: Int { state.withLock { $0.window > 0 && !hasRoom ? 0 : $0.window } }
    /// Whether the connection has no more waiting than it should.
    var hasRoom: Bool { room.hasRoom(upTo: method.isStream ? OutputRoom.streamBytesMax : OutputRoom.answerBytesMax) }

    /// Hands a frame to the loop.
    @discardableResult
    func post(_ frame: EncodedFrame) -> Bool {
        room.post(frame.byteCount)
        return mailbox.post(.frame(frame))
    }

    /// Marks the request as answered; `false` where it was before. Lets go of callbacks, which may hold the responder.
    ///
    /// - Parameters:
    ///   - byteCount: of the answer.
    ///   - error: what it answers, where it fails.
    ///   - subject: what it is about.
    func takeAnswer(
        _ status: StatusCode, byteCount: Int, error: HeadwaterError? = nil, subject: @autoclosure () -> String? = nil
    ) -> Bool {
        // They are let go outside of the lock: the last one may free the responder, which comes back here.
        let (isFirst, callbacks) = state.withLock { state in
            let isFirst = !state.isAnswered
            state.isAnswered = true
            // What most requests have none of costs them nothing.
            if !state.hasCallbacks { return (isFirst, []) }
            defer { (state.onCancel, state.onWritable, state.onDrain) = ([], nil, nil) }
            return (isFirst, state.onCancel + [state.onWritable, state.onDrain].compactMap { $0 })
        }
        if isFirst { count(status, byteCount: byteCount, error, subject: subject()) }
        return withExtendedLifetime(callbacks) { isFirst }
    }

    private func count(
        _ status: StatusCode, byteCount: Int, _ error: HeadwaterError?, subject: @autoclosure () -> String?
    ) {
        let now = NIODeadline.now()
        let elapsed = (now - began).nanoseconds
        activity.figures.end(method, status, nanoseconds: elapsed)
        guard activity.figures.slow.wants(method, status, nanoseconds: elapsed, now: now, trace) else { return }
        let report = state.withLock { state in
            var report = SlowReport.Request(
                method: method.plainName, status: status.name, endedAt: SystemClock().now(), microseconds: elapsed / 1_000,
                waits: state.times.waits(until: now), receivedBytes: state.receivedBytes, sentBytes: state.sentBytes + byteCount)
            (report.project, report.subject) = (state.project?.keptPart, state.subject?.keptPart)
            return report
        }
        var described = report
        if let subject = subject() { described.subject = subject.keptPart }
        activity.describe(&described)
        let failure = status.isServersFault ? error?.description : nil
        activity.figures.slow.ended(
            EndedRequest(described, trace: trace, failure: failure), method, status, nanoseconds: elapsed, now: now)
    }

    /// Says where its time goes from now on.
    func enter(_ wait: RequestWait) {
        let now = NIODeadline.now()
        state.withLock { $0.times.enter(wait, at: now) }
    }

    /// Says what it is about.
    func concerns(_ project: String, _ subject: String?) {
        state.withLock { ($0.project, $0.subject) = (project.isEmpty ? nil : project, subject) }
    }

    /// Called on the event loop: data has come for it.
    func received(_ bytes: Int) { state.withLock { $0.receivedBytes += bytes } }

    /// Takes `bytes` off the window; `false` where nobody wants data any more.
    func takeWindow(_ bytes: Int) -> Bool {
        state.withLock { state in
            guard !state.isCancelled, !state.isAnswered else { return false }
            state.window -= bytes
            state.sentBytes += FrameHeader.byteCount + bytes
            return true
        }
    }

    /// Called on the event loop: the client has taken data.
    func grant(_ bytes: Int) { wake { $0.window += bytes } }

    /// Called on the event loop: the kernel has taken so much that the connection has room again.
    func roomOpened() { wake { _ in } }

    private func wake(_ change: (inout State) -> Void) {
        let (wake, callback) = state.withLock { state -> (Wake, (@Sendable () -> Void)?) in
            change(&state)
            guard state.window > 0, hasRoom else { return (Wake(), nil) }
            defer { state.onWritable = nil }
            return (state.takeWake(), state.onWritable)
        }
        wake.signal()
        callback?()
    }

    /// Called on the event loop: nobody waits for the answer any more.
    func cancel() {
        let (wake, callbacks) = state.withLock { state -> (Wake, [@Sendable () -> Void]) in
            guard !state.isCancelled else { return (Wake(), []) }
            state.isCancelled = true
            defer { (state.onWritable, state.onCancel) = (nil, []) }
            return (state.takeWake(), state.onCancel + [state.onWritable].compactMap { $0 })
        }
        wake.signal()
        for callback in callbacks { callback() }
    }

    /// Called on the event loop: the server is going down, and a stream without an end of its own should end.
    func drain() {
        let callbacks = state.withLock { state in
            state.isDraining = true
            defer { (state.onWritable, state.onDrain) = (nil, nil) }
            return [state.onWritable, state.onDrain]
        }
        for callback in callbacks { callback?() }
    }

    func onDrain(_ callback: @escaping @Sendable () -> Void) {
        let isTooLate = state.withLock { state in
            if !state.isDraining { state.onDrain = callback }
            return state.isDraining
        }
        if isTooLate { callback() }
    }

    func onCancel(_ callback: @escaping @Sendable () -> Void) {
        let isTooLate = state.withLock { state in
            if !state.isCancelled && !state.isAnswered { state.onCancel.append(callback) }
            return state.isCancelled && !state.isAnswered
        }
        if isTooLate { callback() }
    }

    func whenWritable(_ callback: @escaping @Sendable () -> Void) {
        let isReady = state.withLock { state in
            let isReady = state.isCancelled || state.isAnswered || state.isDraining || state.window > 0 && hasRoom
            if !isReady { state.onWritable = callback }
            return isReady
        }
        if isReady { callback() }
    }

    /// Blocks the calling thread until the window is above zero.
    func waitForWindow(until deadline: DispatchTime) -> CreditOutcome {
        while true {
            let (outcome, changed) = state.withLock { state -> (CreditOutcome, DispatchSemaphore?) in
                if state.isCancelled || state.isAnswered { return (.closed, nil) }
                if state.window > 0, hasRoom { return (.ready, nil) }
                state.waiters += 1
                let changed = state.changed ?? DispatchSemaphore(value: 0)
                state.changed = changed
                return (.timedOut, changed)
            }
            guard let changed else { return outcome }
            if changed.wait(timeout: deadline) == .timedOut {
                // The signal may have been sent just now; then it is waited for by nobody, and the next wait looks again.
                return state.withLock { state in
                    state.waiters = max(0, state.waiters - 1)
                    if state.isCancelled || state.isAnswered { return .closed }
                    return state.window > 0 && hasRoom ? .ready : .timedOut
                }
            }
        }
    }
}

/// The outcome of waiting for credit to send on a stream.
public enum CreditOutcome: Sendable {
    case ready
    /// The client cancelled, is gone, or was answered.
    case closed
    case timedOut
}
