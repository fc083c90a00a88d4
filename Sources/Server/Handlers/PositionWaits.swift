import Engine
import FeatureModel
import OfflineStore
import OnlineStore
import Synchronization
import Transport
import Wire

/// The store that a read asks, as far as positions go.
struct PositionedStore: Sendable {
    let gate: PositionGate
    /// What is applied now: the gate hears of it a moment later.
    let applied: Position
    let gaps: [ClosedRange<Position>]
    /// The last position that was given out, where this process knows.
    let lastPosition: Position?

    init(_ node: OnlineNode) {
        let state = node.state.current
        gate = node.gate
        applied = max(node.store.appliedPosition, node.gate.applied)
        gaps = state.gaps
        lastPosition = state.lastPosition
    }

    init(_ node: OfflineNode, online: OnlineNode?) {
        gate = node.gate
        applied = max(node.store.appliedPosition, node.gate.applied)
        gaps = node.state.gaps
        // Alone, the offline service does not know how far the log is just now: a read beyond waits until its deadline.
        lastPosition = online?.state.current.lastPosition
    }

    /// - Throws: `.dataLoss` for a position that was lost, `.outOfRange` for one that was never given out.
    func check(_ position: Position) throws(HeadwaterError) {
        // The gap's record stands at its last position: what reads show when the log was just recovered, and so may ask for.
        if let gap = gaps.first(where: { $0.contains(position) && position < $0.upperBound }) {
            throw HeadwaterError(
                .dataLoss,
                "position \(position) was lost in a power cut (positions \(gap.lowerBound) to \(gap.upperBound)): write it again")
        }
        if position > applied, let lastPosition, position > lastPosition {
            throw HeadwaterError(.outOfRange, "position \(position) lies beyond the log's end, \(lastPosition)")
        }
    }
}

extension IncomingRequest {
    /// The deadline that position waits go by, as `Monotonic` counts; a minute where the client named none.
    var waitDeadline: Microseconds {
        guard let deadline else { return Monotonic.now() + 60_000_000 }
        let (seconds, attoseconds) = (deadline - .now).components
        return Monotonic.now() + seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    }
}

extension Services {
    /// What the store that serves `method` shows.
    func appliedPosition(for method: Wire.Method) -> Position? {
        switch method {
        case .history, .scan, .latest, .audit, .compact: offline?.store.appliedPosition
        default: online?.store.appliedPosition ?? offline?.store.appliedPosition
        }
    }

    /// Runs `read` once all `positions` are applied: at once on this thread where they are and the read is `short`, else on
    /// a thread of `pool`.
    ///
    /// It is answered DEADLINE_EXCEEDED, with the applied position, at the deadline; and what `read` throws.
    ///
    /// - Parameter store: asked only where a position is wanted.
    /// - Throws: `.failedPrecondition` for a position of another log, and as `PositionedStore.check`.
    func whenApplied(
        _ positions: [Position], logID: [UInt8], in store: @autoclosure () -> PositionedStore, pool: WorkerPool, isShort: Bool,
        _ request: IncomingRequest, _ responder: Responder, _ read: @escaping @Sendable () throws(HeadwaterError) -> Void
    ) throws(HeadwaterError) {
        if !logID.isEmpty && logID != self.logID {
            throw HeadwaterError(
                .failedPrecondition, "the position is of another log: the store was replaced; forget the position")
        }
        guard let last = positions.max(), last > 0 else { return try begin(pool, isShort, request, responder, read) }
        let store = store()
        for position in positions where position > 0 { try store.check(position) }
        if last <= store.applied { return try begin(pool, isShort, request, responder, read) }
        wait(for: last, store.gate, request, responder) { result in
            switch result {
            // Not on this thread: it is the one that applies.
            case .success: self.onWorker(pool, request, responder, read)
            case .failure(let error): responder.fail(error, appliedPosition: store.gate.applied)
            }
        }
    }

    private func begin(
        _ pool: WorkerPool, _ isShort: Bool, _ request: IncomingRequest, _ responder: Responder,
        _ read: @escaping @Sendable () throws(HeadwaterError) -> Void
    ) throws(HeadwaterError) {
        if isShort { try read() } else { onWorker(pool, request, responder, read) }
    }

    /// Waits at a gate; a request that is cancelled meanwhile waits no longer: `resume` is called with CANCELLED.
    func wait(
        for position: Position, _ gate: PositionGate, _ request: IncomingRequest, _ responder: Responder,
        _ resume: @escaping PositionGate.Resume
    ) {
        let once = Once(resume)
        guard let ticket = gate.wait(for: position, deadline: request.waitDeadline, { once.call($0) }) else { return }
        responder.onCancel {
            gate.remove(ticket)
            once.call(.failure(HeadwaterError(.cancelled, "the request was cancelled while it waited for position \(position)")))
        }
    }

    /// Waits at a gate.
    ///
    /// - Throws: as `PositionGate.wait`, `.cancelled` where the request is.
    func wait(for position: Position, _ gate: PositionGate, _ request: IncomingRequest, _ responder: Responder) async throws {
        try await withCheckedThrowingContinuation { continuation in
            wait(for: position, gate, request, responder) { continuation.resume(with: $0) }
        }
    }
}

/// A callback for the first of several that would call it.
final class Once<Value: Sendable>: Sendable {
    private let callback: Mutex<(@Sendable (Value) -> Void)?>

    init(_ callback: @escaping @Sendable (Value) -> Void) { self.callback = Mutex(callback) }

    func call(_ value: Value) {
        let first = callback.withLock { callback in
            defer { callback = nil }
            return callback
        }
        first?(value)
    }
}
