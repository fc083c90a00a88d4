import FeatureModel
import Synchronization
import Transport
import Wire

/// On whose behalf an audit runs: a request that can be cancelled and has a deadline, or the scrub.
final class AuditCaller: Sendable {
    /// What an audit is at.
    enum Phase: String, Sendable {
        case online, offline, narrowing
    }

    private struct State {
        var phase = Phase.online
        var rows = 0
        var expectedRows = 0
    }

    private let services: Services
    private let exchange: (request: IncomingRequest, responder: Responder)?
    private let reasonToStop: @Sendable () -> HeadwaterError?
    private let state = Mutex(State())
    /// How long the scrub waits for a store to come to the other's position.
    private static let patience: Microseconds = 600_000_000

    /// An audit that a client asked for.
    init(_ services: Services, _ request: IncomingRequest, _ responder: Responder) {
        self.services = services
        exchange = (request, responder)
        reasonToStop = { request.reasonToStop(responder) }
    }

    /// An audit that nobody waits for.
    init(_ services: Services, reasonToStop: @escaping @Sendable () -> HeadwaterError?) {
        self.services = services
        exchange = nil
        self.reasonToStop = reasonToStop
    }

    var timeLeft: Duration? { exchange?.request.deadline.map { Swift.max(.milliseconds(1), $0 - .now) } }

    /// Runs blocking work on the thread of audits, which gives way to everything else.
    func work<Answer: Sendable>(_ work: @escaping @Sendable () throws(HeadwaterError) -> Answer) async throws -> Answer {
        try await withCheckedThrowingContinuation { continuation in
            do throws(HeadwaterError) {
                try services.workers.audits.submit(reasonToStop) { reason in
                    if let reason { return continuation.resume(throwing: reason) }
                    continuation.resume(with: Result { () throws(HeadwaterError) in try work() }.mapError { $0 as any Error })
                }
            } catch { continuation.resume(throwing: error) }
        }
    }

    /// Waits until a store has applied a position.
    func wait(for position: Position, _ store: PositionedStore) async throws {
        if let (request, responder) = exchange {
            return try await services.wait(for: position, store, request, responder)
        }
        try await withCheckedThrowingContinuation { continuation in
            store.gate.wait(for: position, deadline: Monotonic.now() + Self.patience) { result in
                continuation.resume(with: result.mapError { $0 as any Error })
            }
        }
    }

    // MARK: Progress

    /// Begins a walk over about so many rows.
    func begin(_ phase: Phase, expectedRows: Int) {
        state.withLock { $0 = State(phase: phase, rows: 0, expectedRows: expectedRows) }
    }

    /// Counts rows of a walk, and tells the client now and then.
    ///
    /// - Throws: why the audit should end.
    func walked(_ rows: Int) throws(HeadwaterError) {
        if let reason = reasonToStop() { throw reason }
        state.withLock { $0.rows += rows }
    }

    var progress: AuditProgress {
        state.withLock { AuditProgress(phase: $0.phase.rawValue, rows: $0.rows, expectedRows: $0.expectedRows) }
    }
}
