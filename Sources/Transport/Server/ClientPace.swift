internal import Dispatch
public import FeatureModel
package import Wire

/// How long a worker thread lets one client keep it waiting, all its waits together.
///
/// A minute, and one second more for each 64 KiB that moved; never past the request's deadline. So a client that barely
/// reads, or barely sends, cannot hold a thread for ever, and the server's own work does not count against the client.
public struct ClientPace: Sendable {
    public static let bytesPerSecondMin = 64 << 10

    private let patience: Duration
    private let deadline: ContinuousClock.Instant?
    private let permit: HeldPermit?
    private var waited = Duration.zero
    private var movedBytes = 0

    /// - Parameters:
    ///   - patience: how long to wait beside what the bytes take.
    ///   - permit: the permit of the thread's work, which is lent to others while the client is waited for.
    public init(
        deadline: ContinuousClock.Instant?, patience: Duration = .seconds(60), permit: HeldPermit? = nil
    ) {
        self.deadline = deadline
        self.patience = patience
        self.permit = permit
    }

    /// The time left to wait, at most `patience` at once; zero where none is left.
    public var remaining: Duration {
        let earned: Duration = .milliseconds(movedBytes * 1_000 / Self.bytesPerSecondMin)
        var left: Duration = min(patience, patience + earned - waited)
        if let deadline { left = min(left, deadline - ContinuousClock.now) }
        return max(left, Duration.zero)
    }

    /// Counts bytes that the client took or sent.
    public mutating func moved(_ byteCount: Int) { movedBytes += byteCount }

    /// Runs `body`, which waits for the client no longer than it is told, and counts the time it took.
    ///
    /// - Parameter isOver: whether nobody wants more of the work; it then need not wait for its permit.
    public mutating func wait<Outcome>(
        _ body: (_ timeout: Duration) -> Outcome, isOver: (Outcome) -> Bool = { _ in false }
    ) -> Outcome {
        let start = ContinuousClock.now
        permit?.giveBack()
        let outcome = body(remaining)
        // Waiting ends here: what others do with the permit afterwards does not count against the client.
        waited += .now - start
        let deadline = deadline
        permit?.retake { isOver(outcome) || deadline.map { $0 <= .now } ?? false }
        return outcome
    }

    /// Waits for something else than the client: its time is not counted, and the permit is lent.
    public mutating func pause(_ duration: Duration, isOver: () -> Bool) {
        permit?.giveBack()
        _ = DispatchSemaphore(value: 0).wait(timeout: .now() + .nanoseconds(duration.nanoseconds))
        permit?.retake(unless: isOver)
    }

    /// Why the request ends when `remaining` was not enough.
    public var overdue: HeadwaterError {
        if let deadline, deadline <= .now {
            return HeadwaterError(
                .deadlineExceeded, "the deadline came before the answer was through: allow more time, or ask for less")
        }
        return HeadwaterError(
            .deadlineExceeded,
            "the client moved less than \(Self.bytesPerSecondMin) bytes a second for \(patience): read answers, and send data, faster"
        )
    }
}

extension Responder {
    /// Sends one item of a stream when the client is ready for it. Blocks; never call it on an event loop.
    ///
    /// - Returns: `false` where nobody wants it any more: stop.
    /// - Throws: `.deadlineExceeded` where the client is too slow, or the request's time is up.
    package func send(head: some Head, body: ArraySlice<UInt8>, pace: inout ClientPace) throws(HeadwaterError) -> Bool {
        if credit <= 0 {
            waits(for: .client)
            let outcome = pace.wait { timeout -> CreditOutcome in
                defer { waits(for: .thread) }
                return waitForCredit(timeout: timeout)
            } isOver: { outcome in
                outcome != .ready || isCancelled
            }
            waits(for: .work)
            switch outcome {
            case .closed: return false
            case .timedOut: throw pace.overdue
            case .ready: break
            }
        }
        pace.moved(body.count)
        return send(head: head, body: body)
    }
}

extension InboundStream {
    /// The next item. Blocks; never call it on an event loop.
    ///
    /// - Throws: `.deadlineExceeded` where the client is too slow, or the request's time is up; never returns `.timedOut`.
    public func next(pace: inout ClientPace) throws(HeadwaterError) -> Item {
        let item = tryNext() ?? wait(&pace)
        if case .timedOut = item { throw pace.overdue }
        if case .data(let body) = item { pace.moved(body.count) }
        return item
    }
    private func wait(_ pace: inout ClientPace) -> Item {
        enter(.client)
        defer { enter(.work) }
        return pace.wait { timeout -> Item in
            defer { enter(.thread) }
            return next(timeout: timeout)
        } isOver: { item in
            switch item {
            case .closed, .timedOut: true
            case .data, .end: false
            }
        }
    }
}
