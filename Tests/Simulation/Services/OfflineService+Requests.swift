import Catalog
import Engine
import FeatureModel
import OfflineStore
import Server
import Wire

extension OfflineService {
    /// Serves a history: the spine comes whole in the request's body.
    func handle(_ request: Request) throws(HeadwaterError) {
        guard let engine else { throw HeadwaterError(.unavailable, "the offline service is not here") }
        let head = try HistoryRequest(decoding: request.frame.head)
        let wanted = max(head.minPosition, head.asOf ?? 0)
        try check(head, engine)
        if wanted <= engine.store.appliedPosition { return try serve(head, request, engine) }
        nextParked += 1
        gate.park(nextParked, until: wanted, deadline: world.now + 400_000)
        parked[nextParked] = ParkedRead(
            resume: { [weak self] in
                guard let self, let engine = self.engine else { return }
                resume(head, request, engine)
            },
            expire: { [weak self] in
                request.fail(
                    HeadwaterError(.deadlineExceeded, "the deadline came before the position was applied"),
                    applied: self?.engine?.store.appliedPosition)
            })
    }

    /// What was waited for may turn out to be lost.
    private func resume(_ head: HistoryRequest, _ request: Request, _ engine: OfflineEngine) {
        do throws(HeadwaterError) {
            try check(head, engine)
            try serve(head, request, engine)
        } catch { request.fail(error) }
    }

    private func check(_ head: HistoryRequest, _ engine: OfflineEngine) throws(HeadwaterError) {
        // Alone, the offline service does not know how far the log is just now.
        let last = world.scenario.mode == .serve ? world.online.engine?.state.current.lastPosition : nil
        let known = KnownPositions(applied: engine.store.appliedPosition, gaps: engine.state.gaps, last: last)
        for position in [head.minPosition, head.asOf ?? 0] { try known.check(position) }
    }

    func expire() { for token in gate.expire(now: world.now) { parked.removeValue(forKey: token)?.expire() } }

    private func serve(_ head: HistoryRequest, _ request: Request, _ engine: OfflineEngine) throws(HeadwaterError) {
        let read = try HistoryRead(
            head, catalog: engine.state.catalog, view: engine.store.view(),
            memory: MemoryLease(MemoryBudget(bytesMax: 1 << 30)), shares: 1, executor: .serial, isCancelled: { false })
        var spine = WholeSpine(body: request.frame.body)
        var answer = HistoryAnswer(read.plan, eventTimes: head.eventTimes) { (data, cells) throws(HeadwaterError) in
            request.send(data, body: cells.encode())
            return true
        }
        while let joined = try read.next(&spine, pause: {}) { _ = try answer.send(joined) }
        _ = try answer.finish()
        request.respond(
            RowsEnd.with {
                $0.position = read.position
                $0.rows = UInt64(answer.rowCount)
            })
    }
}

/// A spine that came whole with its request.
private struct WholeSpine: SpineSource {
    var body: ArraySlice<UInt8>?

    mutating func next() throws(HeadwaterError) -> Batch? {
        defer { body = nil }
        guard let body else { return nil }
        return try Batch(decoding: body)
    }
}
