package import Catalog
package import Engine
package import FeatureModel
package import OfflineStore
import Transport
package import Wire

/// history: takes a spine in, gives features out in its order, part by part (`HistoryRead`).
struct HistoryHandler {
    /// Of the memory that other histories leave each part takes one of so many, so that each of many histories finds some.
    private static let memoryShares = 4

    let services: Services

    func handle(_ request: IncomingRequest, _ responder: Responder) throws(HeadwaterError) {
        let offline = try services.needOffline()
        let head = try request.decode(HistoryRequest.self)
        responder.concerns(head.project, head.service ?? FeatureSelection.features(head.features).subject)
        try services.whenApplied(
            [head.minPosition, head.asOf ?? offline.readFloor], logID: head.logID, in: PositionedStore(offline, services),
            pool: services.workers.long, request, responder
        ) { () throws(HeadwaterError) in try run(head, request, offline, responder) }
    }

    private func run(
        _ head: HistoryRequest, _ request: IncomingRequest, _ offline: OfflineNode, _ responder: Responder
    ) throws(HeadwaterError) {
        let view = offline.store.view()
        let permit = services.workers.long.permits?.held()
        let read = try HistoryRead(
            head, catalog: offline.state.catalog, view: view, memory: MemoryLease(services.historyMemory),
            shares: Self.memoryShares, nulls: services.expressionNulls, executor: services.workers.helpers.executor,
            isCancelled: request.stops(responder, permit))
        let pace = SharedPace(ClientPace(deadline: request.deadline, permit: permit))
        var spine = SpineFrames(request, pace)
        var answer = HistoryAnswer(read.plan, eventTimes: head.eventTimes) { (data, cells) throws(HeadwaterError) in
            try responder.send(head: data, body: cells.encode()[...], pace: &pace.pace)
        }
        func waitForMemory() throws(HeadwaterError) {
            responder.waits(for: .memory)
            defer { responder.waits(for: .work) }
            pace.pace.pause(.milliseconds(10)) { request.reasonToStop(responder) != nil }
            if let reason = request.reasonToStop(responder) { throw reason }
        }
        while let joined = try read.next(&spine, pause: waitForMemory) {
            guard try answer.send(joined) else { return }
        }
        guard try answer.finish() else { return }
        responder.respond(
            head: RowsEnd.with {
                $0.position = read.position
                $0.rows = UInt64(answer.rowCount)
                $0.logID = offline.logID
            })
    }
}

extension HistoryRead {
    /// The read that a request asks for.
    package convenience init(
        _ head: HistoryRequest, catalog: Catalog, view: OfflineView, memory: MemoryLease, shares: Int,
        nulls: ExpressionNulls? = nil,
        executor: ParallelExecutor, isCancelled: @escaping @Sendable () -> Bool
    ) throws(HeadwaterError) {
        let asOf = head.asOf ?? view.position
        let selection = try featureSelection(service: head.service, features: head.features)
        let plan = try catalog.asOf(asOf).resolve(project: head.project, selection, fullNames: head.fullFeatureNames)
        var options = Options()
        options.availability = head.availabilityIngest ? .ingest : .event
        options.eventTimes = head.eventTimes
        options.memoryShares = shares
        options.executor = executor
        options.nulls = nulls
        let columns = try head.spineColumns.map { (spec) throws(HeadwaterError) in try spec.field() }
        try self.init(
            plan, spineColumns: columns, spineTime: head.spineTime, view: view, asOf: asOf, options: options, memory: memory,
            isCancelled: isCancelled)
    }
}

/// How long a client may still keep a request's thread waiting: while its spine is read, and while it is answered.
private final class SharedPace {
    var pace: ClientPace

    init(_ pace: ClientPace) { self.pace = pace }
}

/// The spine of a request, from its frames.
private struct SpineFrames: SpineSource {
    private let request: IncomingRequest
    private let pace: SharedPace
    private var hasBegun = false
    private var isAtEnd = false

    init(_ request: IncomingRequest, _ pace: SharedPace) { (self.request, self.pace) = (request, pace) }

    mutating func next() throws(HeadwaterError) -> Batch? {
        try nextBody().map { (body) throws(HeadwaterError) in try Batch(decoding: body) }
    }

    /// The body of the next frame that has one; `nil` at the end.
    private mutating func nextBody() throws(HeadwaterError) -> ArraySlice<UInt8>? {
        if !hasBegun {
            hasBegun = true
            if !request.body.isEmpty { return request.body }
        }
        guard !isAtEnd, let inbound = request.inbound else { return nil }
        switch try inbound.next(pace: &pace.pace) {
        case .data(let body): return body
        case .end:
            isAtEnd = true
            return nil
        case .closed: throw HeadwaterError(.cancelled, "the client went away while it sent the spine")
        case .timedOut: throw pace.pace.overdue
        }
    }
}

/// Sends the joined rows of a history, one part behind the other.
package struct HistoryAnswer {
    private let plan: FeaturePlan
    private let wantsEventTimes: Bool
    /// Sends one frame; `false` where nobody wants it any more.
    private let sendFrame: (RowsData, Cells) throws(HeadwaterError) -> Bool
    package private(set) var rowCount = 0
    private var hasNames = false

    package init(_ plan: FeaturePlan, eventTimes: Bool, send: @escaping (RowsData, Cells) throws(HeadwaterError) -> Bool) {
        (self.plan, wantsEventTimes, sendFrame) = (plan, eventTimes, send)
    }

    /// - Returns: `false` where nobody wants it any more.
    package mutating func send(_ joined: [JoinedFeature]) throws(HeadwaterError) -> Bool {
        for range in RowPieces(joined.map(\.column), rowCount: joined.first?.column.count ?? 0) {
            let cells = Cells(
                rowCount: range.count, columns: joined.map { $0.column.slice(range) },
                statuses: joined.map { $0.statuses.slice(range) },
                eventTimes: wantsEventTimes ? joined.map { Array($0.eventTimes[range]) } : [])
            guard try send(cells) else { return false }
        }
        return true
    }

    /// Without rows one frame of none: it tells names and types.
    package mutating func finish() throws(HeadwaterError) -> Bool {
        if hasNames { return true }
        let outputs = plan.outputs
        return try send(
            Cells(
                rowCount: 0, columns: outputs.map { .nulls($0.type, count: 0) }, statuses: outputs.map { _ in StatusColumn() },
                eventTimes: wantsEventTimes ? outputs.map { _ in [] } : []))
    }

    private mutating func send(_ cells: Cells) throws(HeadwaterError) -> Bool {
        let data = RowsData.with {
            $0.rowOffset = UInt64(rowCount)
            if !hasNames { $0.outputs = plan.wireOutputs }
        }
        hasNames = true
        rowCount += cells.rowCount
        return try sendFrame(data, cells)
    }
}
