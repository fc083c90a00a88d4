import Catalog
import Engine
import FeatureModel
import OfflineStore
import Transport
import Wire

/// history: takes a spine in, gives features out in its order.
struct HistoryHandler {
    let services: Services

    func handle(_ request: IncomingRequest, _ responder: Responder) throws(HeadwaterError) {
        let offline = try services.needOffline()
        let head = try request.decode(HistoryRequest.self)
        try services.whenApplied(
            [head.minPosition, head.asOf ?? 0], logID: head.logID, in: PositionedStore(offline, services),
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
        defer { memory.shrink(to: 0) }
        var pace = ClientPace(deadline: request.deadline)
        let spine = try Spine(head: head, request: request, memory: memory, pace: &pace)
        let keys = try OnlineReads.arrange(spine.keys(of: plan), for: plan)
        let joined = try join(memory) { (limitBytes) throws(HeadwaterError) in
            try OfflineReads.history(
                plan, keys: keys, times: spine.times, view: view, asOf: asOf,
                availability: head.availabilityIngest ? .ingest : .event, memoryLimitBytes: limitBytes,
                isCancelled: request.stops(responder))
        }
        let rows = spine.times.count
        memory.shrink(to: spine.byteCount + joined.reduce(0) { $0 + $1.column.byteCount + $1.statuses.packed.count })
        var pieces = RowPieces(joined.map(\.column), rowCount: rows)
        // Without rows one frame of none: it tells names and types.
        var range = pieces.next() ?? 0..<0
        while true {
            let columns = joined.map { $0.column.piece(range) }
            let statuses = joined.map { feature in
                var statuses = StatusColumn()
                for row in range { statuses.append(feature.statuses[row]) }
                return statuses
            }
            let cells = Cells(rowCount: range.count, columns: columns, statuses: statuses)
            let data = RowsData.with {
                $0.rowOffset = UInt64(range.lowerBound)
                if range.lowerBound == 0 { $0.outputs = plan.wireOutputs }
            }
            guard try responder.send(head: data, body: cells.encode()[...], pace: &pace) else { return }
            guard let next = pieces.next() else { break }
            range = next
        }
        responder.respond(
            head: RowsEnd.with {
                $0.position = asOf
                $0.rows = UInt64(rows)
                $0.logID = offline.logID
            })
    }

    /// Runs a join in a part of the memory that all histories share, and again in twice as much where it does not fit: how much a
    /// join needs is known only by joining, and to take all at once would leave nothing to others.
    private func join(
        _ memory: MemoryLease, _ body: (_ limitBytes: Int) throws(HeadwaterError) -> [JoinedFeature]
    ) throws(HeadwaterError) -> [JoinedFeature] {
        let held = memory.bytes
        var share = memory.budget.bytesMax / 8
        if !memory.grow(by: share) {
            share /= 2
            try memory.need(share, for: "a history")
        }
        while true {
            do throws(HeadwaterError) { return try body(memory.bytes - held) } catch  where error.code == .resourceExhausted {
                var more = memory.bytes - held
                while !memory.grow(by: more) {
                    more /= 2
                    // Its own message says how to ask for less.
                    guard more >= memory.budget.bytesMax / 16, more > 0 else { throw error }
                }
            }
        }
    }
}

/// The spine of a history request, gathered from its frames.
struct Spine {
    private let columns: [(name: String, column: Column)]
    private let timePlace: Int
    let times: Column
    let byteCount: Int

    /// The columns that may be keys: all but the time, and the time too where it is a key itself.
    func keys(of plan: FeaturePlan) -> [(name: String, column: Column)] {
        columns.indices.filter { place in
            place != timePlace || plan.keys.contains { $0.name.utf8.elementsEqual(columns[place].name.utf8) }
        }.map { columns[$0] }
    }

    /// Reads the spine to its end; `memory` is taken for it as it comes.
    init(
        head: HistoryRequest, request: IncomingRequest, memory: MemoryLease, pace: inout ClientPace
    ) throws(HeadwaterError) {
        let fields = try head.spineColumns.map { (spec) throws(HeadwaterError) in try spec.field() }
        guard let timePlace = fields.firstIndex(where: { $0.name.utf8.elementsEqual(head.spineTime.utf8) }) else {
            throw HeadwaterError(.invalidArgument, "the spine has no column '\(head.spineTime)': name its time column")
        }
        var builders = fields.map { ColumnBuilder($0.type) }
        var bytes = 0
        func take(_ body: ArraySlice<UInt8>) throws(HeadwaterError) {
            let batch = try Batch(decoding: body)
            guard batch.ordinals == Array(fields.indices), batch.columns.map(\.type) == fields.map(\.type) else {
                throw HeadwaterError(.invalidArgument, "a spine batch has other columns than the request names")
            }
            bytes += batch.bytes.count
            try memory.need(batch.bytes.count, for: "the spine of a history")
            for (index, column) in batch.columns.enumerated() {
                for row in 0..<batch.rowCount { builders[index].append(from: column, row) }
            }
        }
        if !request.body.isEmpty { try take(request.body) }
        reading: while let inbound = request.inbound {
            switch try inbound.next(pace: &pace) {
            case .data(let body): try take(body)
            case .end: break reading
            case .closed: throw HeadwaterError(.cancelled, "the client went away while it sent the spine")
            case .timedOut: throw pace.overdue
            }
        }
        let columns = builders.map { $0.finish() }
        times = columns[timePlace]
        self.columns = zip(fields.map(\.name), columns).map { ($0, $1) }
        self.timePlace = timePlace
        byteCount = bytes
        guard times.type == .timestamp else {
            throw HeadwaterError(.invalidArgument, "the spine's time column '\(head.spineTime)' is \(times.type), not timestamp")
        }
    }
}
