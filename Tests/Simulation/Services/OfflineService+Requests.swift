import Catalog
import Engine
import FeatureModel
import OfflineStore
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
        let view = engine.store.view()
        let asOf = head.asOf ?? view.position
        let catalog = engine.state.catalog.asOf(asOf)
        let plan = try catalog.resolve(project: head.project, .features(head.features), fullNames: true)
        let spine = try Batch(decoding: request.frame.body)
        let names = head.spineColumns.map(\.name)
        guard let time = names.firstIndex(of: head.spineTime), spine.columns.count == names.count else {
            throw HeadwaterError(.invalidArgument, "the spine has no time")
        }
        let keys = try OnlineReads.arrange(
            names.indices.filter { $0 != time }.map { (names[$0], spine.columns[$0]) }, for: plan)
        let joined = try OfflineReads.history(
            plan, keys: keys, times: spine.columns[time], view: view, asOf: asOf,
            availability: head.availabilityIngest ? .ingest : .event, memoryLimitBytes: .max, isCancelled: { false })
        let cells = Cells(
            rowCount: spine.rowCount, columns: joined.map(\.column), statuses: joined.map(\.statuses))
        request.send(
            RowsData.with {
                $0.outputs = plan.outputs.map { Output(Field($0.name, $0.type), group: plan.lookups[$0.lookup].group) }
            }, body: cells.encode())
        request.respond(
            RowsEnd.with {
                $0.position = asOf
                $0.rows = UInt64(spine.rowCount)
            })
    }
}
