import Catalog
import Engine
import FeatureModel
import OfflineStore
import Transport
import Wire

/// history: takes a spine in, gives features out in its order.
///
/// Part by part: a part of the spine is read, joined and answered before the next is read, so that a spine of any length takes the memory of
/// a part, and its first rows are on their way while later ones have not come yet.
struct HistoryHandler {
    /// About what a part may hold, half of it for its spine. Larger parts share more reads of the history's blocks.
    private static let partBytesMax = 512 << 20
    private static let partBytesMin = 4 << 20
    /// Of the memory that other histories leave a part takes one of so many, so that each of many finds some.
    private static let shares = 4

    let services: Services

    func handle(_ request: IncomingRequest, _ responder: Responder) throws(HeadwaterError) {
        let offline = try services.needOffline()
        let head = try request.decode(HistoryRequest.self)
        try services.whenApplied(
            [head.minPosition, head.asOf ?? offline.readFloor], logID: head.logID, in: PositionedStore(offline, services),
            pool: services.workers.long, isShort: false, request, responder
        ) { () throws(HeadwaterError) in try run(head, request, offline, responder) }
    }

    private func run(
        _ head: HistoryRequest, _ request: IncomingRequest, _ offline: OfflineNode, _ responder: Responder
    ) throws(HeadwaterError) {
        let view = offline.store.view()
        let asOf = head.asOf ?? view.position
        let catalog = offline.state.catalog.asOf(asOf)
        let selection = try featureSelection(service: head.service, features: head.features)
        let plan = try catalog.resolve(project: head.project, selection, fullNames: head.fullFeatureNames)
        let memory = MemoryLease(services.historyMemory)
        var sizes = PartSizes(bytesPerRow: OfflineReads.historyBytes(plan, eventTimes: head.eventTimes))
        let turn = services.workers.long.permits?.turn()
        var pace = ClientPace(deadline: request.deadline, turn: turn)
        var spine = try SpineReader(head, request, plan)
        let stops = request.stops(responder, turn)
        var answer = HistoryAnswer(plan, eventTimes: head.eventTimes, responder)
        while try spine.hasMore(&pace) {
            try takeShare(memory, request, responder, &pace)
            let half = memory.bytes / 2
            let part = try spine.next(rowsMax: sizes.rowsMax(bytes: half), bytesMax: half, &pace)!
            let isWanted = try sizes.join(part, memory) { (rows, limitBytes) throws(HeadwaterError) in
                try OfflineReads.history(
                    plan, keys: part.keys.map { $0.slice(rows) }, times: part.times.slice(rows), view: view, asOf: asOf,
                    availability: head.availabilityIngest ? .ingest : .event, eventTimes: head.eventTimes,
                    crew: services.workers.crew.crew,
                    memoryLimitBytes: limitBytes, isCancelled: stops)
            } send: { (joined) throws(HeadwaterError) in
                try answer.send(joined, &pace)
            }
            guard isWanted else { return }
            memory.shrink(to: 0)
        }
        guard try answer.finish(&pace) else { return }
        responder.respond(
            head: RowsEnd.with {
                $0.position = asOf
                $0.rows = UInt64(answer.rowCount)
                $0.logID = offline.logID
            })
    }

    /// Takes memory for a part, which a history holds none of before: so those that wait for it hold nothing up.
    private func takeShare(
        _ memory: MemoryLease, _ request: IncomingRequest, _ responder: Responder, _ pace: inout ClientPace
    ) throws(HeadwaterError) {
        let least = min(Self.partBytesMin, memory.budget.bytesMax / Self.shares)
        let most = min(Self.partBytesMax, memory.budget.bytesMax / 2)
        while !memory.takeShare(Self.shares, least...most) {
            pace.pause(.milliseconds(10)) { request.reasonToStop(responder) != nil }
            if let reason = request.reasonToStop(responder) { throw reason }
        }
    }
}

/// How many rows of a spine are joined at once, so that they fit into memory.
private struct PartSizes {
    private static let rowsMin = 1_024
    /// What a join that turned out larger may grow to.
    private static let joinBytesMax = 256 << 20

    /// By types at first; how much texts take is known only by joining, so then by what was seen.
    var bytesPerRow: Int

    func rowsMax(bytes: Int) -> Int { max(bytes / bytesPerRow, Self.rowsMin) }

    /// Joins a part of a spine and sends the answer: with more memory where that does not do, and in halves, and their halves, where there is
    /// none. What the part may need for rows that wait stays taken.
    ///
    /// - Returns: `false` where nobody wants the answer any more.
    mutating func join(
        _ part: SpinePart, _ memory: MemoryLease,
        _ body: (_ rows: Range<Int>, _ limitBytes: Int) throws(HeadwaterError) -> [JoinedFeature],
        send: ([JoinedFeature]) throws(HeadwaterError) -> Bool
    ) throws(HeadwaterError) -> Bool {
        // The next one last.
        var waiting = [0..<part.times.count]
        memory.shrink(to: part.byteCount + waiting[0].count * bytesPerRow)
        if memory.bytes < part.byteCount { try memory.need(part.byteCount - memory.bytes, for: "the spine of a history") }
        while let rows = waiting.popLast() {
            let missing = part.byteCount + rows.count * bytesPerRow - memory.bytes
            let limit = memory.bytes - part.byteCount + max(missing, 0)
            let joined: [JoinedFeature]
            do throws(HeadwaterError) {
                if missing > 0 { try memory.need(missing, for: "a history") }
                joined = try body(rows, limit)
            } catch  where error.code == .resourceExhausted {
                let wasTaken = memory.bytes == part.byteCount + limit
                if wasTaken, 2 * limit <= Self.joinBytesMax || rows.count == 1, memory.grow(by: limit) {
                    bytesPerRow *= 2
                    waiting.append(rows)
                } else if rows.count > 1 {
                    let middle = rows.lowerBound + rows.count / 2
                    waiting += [middle..<rows.upperBound, rows.lowerBound..<middle]
                } else {
                    throw error
                }
                continue
            }
            let held = joined.reduce(0) { $0 + $1.column.byteCount + $1.statuses.packed.count + 8 * $1.eventTimes.count }
            memory.shrink(to: part.byteCount + (waiting.isEmpty ? held : max(held, limit)))
            guard try send(joined) else { return false }
        }
        return true
    }
}

/// Sends the joined rows of a history, one part behind the other.
private struct HistoryAnswer {
    private let plan: FeaturePlan
    private let wantsEventTimes: Bool
    private let responder: Responder
    private(set) var rowCount = 0
    private var hasNames = false

    init(_ plan: FeaturePlan, eventTimes: Bool, _ responder: Responder) {
        (self.plan, wantsEventTimes, self.responder) = (plan, eventTimes, responder)
    }

    /// - Returns: `false` where nobody wants it any more.
    mutating func send(_ joined: [JoinedFeature], _ pace: inout ClientPace) throws(HeadwaterError) -> Bool {
        for range in RowPieces(joined.map(\.column), rowCount: joined.first?.column.count ?? 0) {
            let cells = Cells(
                rowCount: range.count, columns: joined.map { $0.column.slice(range) },
                statuses: joined.map { $0.statuses.slice(range) },
                eventTimes: wantsEventTimes ? joined.map { Array($0.eventTimes[range]) } : [])
            guard try send(cells, &pace) else { return false }
        }
        return true
    }

    /// Without rows one frame of none: it tells names and types.
    mutating func finish(_ pace: inout ClientPace) throws(HeadwaterError) -> Bool {
        if hasNames { return true }
        let outputs = plan.outputs
        return try send(
            Cells(
                rowCount: 0, columns: outputs.map { .nulls($0.type, count: 0) }, statuses: outputs.map { _ in StatusColumn() },
                eventTimes: wantsEventTimes ? outputs.map { _ in [] } : []),
            &pace)
    }

    private mutating func send(_ cells: Cells, _ pace: inout ClientPace) throws(HeadwaterError) -> Bool {
        let data = RowsData.with {
            $0.rowOffset = UInt64(rowCount)
            if !hasNames { $0.outputs = plan.wireOutputs }
        }
        hasNames = true
        rowCount += cells.rowCount
        return try responder.send(head: data, body: cells.encode()[...], pace: &pace)
    }
}
