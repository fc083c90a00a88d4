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
    private let known: @Sendable () -> KnownPositions
    /// Tells where the log ends, where that has to be asked for.
    let logEnd: LogEnd?

    init(_ node: OnlineNode) {
        gate = node.gate
        known = { node.known }
        logEnd = nil
    }

    init(_ node: OfflineNode, _ services: Services) {
        gate = node.gate
        let online = services.online
        known = {
            // What is applied now: the gate hears of it a moment later.
            KnownPositions(
                applied: max(node.store.appliedPosition, node.gate.applied), gaps: node.state.gaps,
                last: online?.state.current.lastPosition)
        }
        logEnd = online == nil ? LogEnd(services: services, logID: node.logID) : nil
    }

    var applied: Position { known().applied }

    /// - Throws: as `KnownPositions.check`.
    func check(_ position: Position) throws(HeadwaterError) { try known().check(position) }
}

extension OnlineNode {
    var known: KnownPositions {
        let state = state.current
        return KnownPositions(
            applied: max(store.appliedPosition, gate.applied), gaps: state.gaps, last: state.lastPosition)
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

    /// Runs `read` on a thread of `pool` once all `positions` are applied.
    ///
    /// It is answered DEADLINE_EXCEEDED, with the applied position, at the deadline; and what `read` throws.
    ///
    /// - Parameter store: asked only where a position is wanted.
    /// - Throws: `.failedPrecondition` for a position of another log, and as `PositionedStore.check`.
    func whenApplied(
        _ positions: [Position], logID: [UInt8], in store: @autoclosure () -> PositionedStore, pool: WorkerPool,
        _ request: IncomingRequest, _ responder: Responder, _ read: @escaping @Sendable () throws(HeadwaterError) -> Void
    ) throws(HeadwaterError) {
        try checkLog(logID)
        guard let last = positions.max(), last > 0 else { return onWorker(pool, request, responder, read) }
        let store = store()
        @Sendable func checkAll() throws(HeadwaterError) {
            for position in positions where position > 0 { try store.check(position) }
        }
        try checkAll()
        if last <= store.applied {
            // The gap that one of them is in may have been applied between.
            try checkAll()
            return onWorker(pool, request, responder, read)
        }
        wait(for: last, store, request, responder) { result in
            switch result.flatMap({ Result { () throws(HeadwaterError) in try checkAll() } }) {
            // Not on this thread: it is the one that applies.
            case .success: self.onWorker(pool, request, responder, read)
            case .failure(let error): responder.fail(error, appliedPosition: store.gate.applied)
            }
        }
    }

    /// - Throws: `.failedPrecondition` for the id of another log than this store's; an empty one is not checked.
    func checkLog(_ logID: [UInt8]) throws(HeadwaterError) {
        guard logID.isEmpty || logID == self.logID else {
            throw HeadwaterError(
                .failedPrecondition, "the position is of another log: the store was replaced; forget the position")
        }
    }

    /// Waits at a store's gate. A request that is cancelled meanwhile waits no longer: `resume` is called with CANCELLED; nor
    /// does one for a position that turns out to lie beyond the log's end, or to be lost.
    func wait(
        for position: Position, _ store: PositionedStore, _ request: IncomingRequest, _ responder: Responder,
        _ resume: @escaping PositionGate.Resume
    ) {
        responder.waits(for: .position)
        let once = Once<Result<Void, HeadwaterError>> { result in
            responder.waits(for: .work)
            // The log may have brought the gap that the position is in only now.
            resume(result.flatMap { Result { () throws(HeadwaterError) in try store.check(position) } })
        }
        guard let ticket = store.gate.wait(for: position, deadline: request.waitDeadline, { once.call($0) }) else { return }
        @Sendable func giveUp(_ error: HeadwaterError) {
            store.gate.remove(ticket)
            once.call(.failure(error))
        }
        responder.onCancel {
            giveUp(HeadwaterError(.cancelled, "the request was cancelled while it waited for position \(position)"))
        }
        guard let logEnd = store.logEnd else { return }
        Task {
            if let error = await logEnd.refusal(of: position, isSettled: { store.gate.applied >= position || request.isExpired })
            {
                giveUp(error)
            }
        }
    }

    /// Waits at a store's gate.
    ///
    /// - Throws: as `PositionGate.wait`, `.cancelled` where the request
    ///   is, `.outOfRange` and `.dataLoss` as `PositionedStore.check`.
    func wait(
        for position: Position, _ store: PositionedStore, _ request: IncomingRequest, _ responder: Responder
    ) async throws {
        try await withCheckedThrowingContinuation { continuation in
            wait(for: position, store, request, responder) { continuation.resume(with: $0) }
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
