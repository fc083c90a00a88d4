import Catalog
import Engine
import FeatureModel
import OfflineStore
import Transport
import Wire

/// scan and latest: rows of one group, streamed block by block as the client reads.
struct RowsHandlers {
    /// More at once serves no client faster, and gets slower; and it is held while the client does not read.
    private static let bytesAtOnce = 4 << 20
    /// About what one of these requests holds, read or not: rows that are ready, blocks that they come from, and what waits to be sent.
    private static let workBytes = 12 << 20

    let services: Services

    /// What both kinds of request ask for.
    private struct Query: Sendable {
        var project: String
        var group: String
        var columns: [String]
        var start: Microseconds?
        var end: Microseconds?
        var at: Microseconds?
        var keyNames: [String]
        var asOf: Position?
        var deletes: Bool
        var brief: Bool
        var isLatest: Bool

        init(_ head: ScanRequest) {
            (project, group, columns, keyNames) = (head.project, head.group, head.columns, head.keyNames)
            (start, end, asOf) = (head.start, head.end, head.asOf)
            (deletes, brief, isLatest) = (head.deletes, head.brief, false)
        }

        init(_ head: LatestRequest) {
            (project, group, columns, keyNames) = (head.project, head.group, head.columns, head.keyNames)
            (at, asOf) = (head.at, head.asOf)
            (deletes, brief, isLatest) = (head.deletes, head.brief, true)
        }
    }

    func handle(_ request: IncomingRequest, _ responder: Responder) throws(HeadwaterError) {
        let offline = try services.needOffline()
        let query: Query
        let positions: [Position]
        let logID: [UInt8]
        if request.method == .scan {
            let head = try request.decode(ScanRequest.self)
            (query, positions, logID) = (Query(head), [head.minPosition, head.asOf ?? offline.readFloor], head.logID)
        } else {
            let head = try request.decode(LatestRequest.self)
            (query, positions, logID) = (Query(head), [head.minPosition, head.asOf ?? offline.readFloor], head.logID)
        }
        try services.whenApplied(
            positions, logID: logID, in: PositionedStore(offline, services), pool: services.workers.long,
            isShort: false, request, responder
        ) { () throws(HeadwaterError) in
            try services.withRoom(forAnswer: Self.workBytes, services.workers.long, request, responder) {
                () throws(HeadwaterError) in try run(query, request, offline, responder)
            }
        }
    }

    private func run(
        _ query: Query, _ request: IncomingRequest, _ offline: OfflineNode, _ responder: Responder
    ) throws(HeadwaterError) {
        let view = offline.store.view()
        let asOf = query.asOf ?? view.position
        let catalog = offline.state.catalog.asOf(asOf)
        let group = try catalog.group(project: query.project, reference: query.group)
        let schema = group.newestSchema
        try view.checkKept(schema.groupID, named: query.group, asOf: asOf)
        let ordinals = try OfflineReads.ordinals(of: query.columns, in: group)
        let keys = try keySet(query.keyNames, request.body, schema)
        let crew = services.workers.crew.crew
        let layout = try RowsLayout(
            schema: schema, ordinals: ordinals, deletes: query.deletes, brief: query.brief, isLatest: query.isLatest)
        var scan =
            query.isLatest
            ? try view.latest(schema, columns: ordinals, at: query.at, keys: keys, asOf: asOf, fields: layout.fields, crew: crew)
            : try view.scan(
                schema, columns: ordinals, start: query.start, end: query.end, keys: keys, asOf: asOf,
                includeDeletes: query.deletes, fields: layout.fields, crew: crew)
        scan.bytesAtOnce = Self.bytesAtOnce
        let turn = services.workers.long.permits?.turn()
        var pace = ClientPace(deadline: request.deadline, turn: turn)
        let stops = request.stops(responder, turn)
        var rows = 0
        func send(_ columns: [Column], rowCount: Int) throws(HeadwaterError) -> Bool {
            let data = RowsData.with {
                $0.rowOffset = UInt64(rows)
                if rows == 0 { $0.outputs = layout.outputs.map { Wire.Output($0) } }
            }
            rows += rowCount
            let batch = Batch(rowCount: rowCount, columns: columns.enumerated().map { ($0.offset, $0.element) })
            return try responder.send(head: data, body: batch.bytes, pace: &pace)
        }
        // Between batches and while none is found.
        func nextRows() throws(HeadwaterError) -> RowBatch? {
            do throws(HeadwaterError) {
                return try scan.next(isCancelled: stops)
            } catch { throw request.reasonToStop(responder) ?? error }
        }
        while let next = try nextRows() {
            if let reason = request.reasonToStop(responder) { throw reason }
            let (columns, rowCount) = layout.columns(next)
            for range in RowPieces(columns, rowCount: rowCount) {
                guard try send(columns.map { $0.slice(range) }, rowCount: range.count) else { return }
            }
        }
        if rows == 0 {
            // One frame of no rows: it tells names and types.
            guard try send(layout.outputs.map { Column.nulls($0.type, count: 0) }, rowCount: 0) else { return }
        }
        responder.respond(
            head: RowsEnd.with {
                $0.position = asOf
                $0.rows = UInt64(rows)
                $0.logID = offline.logID
            })
    }

    /// The keys in a request's body; `nil` where it names none.
    private func keySet(
        _ names: [String], _ body: ArraySlice<UInt8>, _ schema: GroupSchema
    ) throws(HeadwaterError) -> KeySet? {
        if names.isEmpty {
            guard body.isEmpty else { throw HeadwaterError(.invalidArgument, "keys without their names: give key_names") }
            return nil
        }
        let batch = try Batch(decoding: body)
        guard batch.ordinals == Array(names.indices) else {
            throw HeadwaterError(.invalidArgument, "\(names.count) key names for \(batch.columns.count) columns")
        }
        return KeySet(try OnlineReads.arrange(zip(names, batch.columns).map { ($0, $1) }, as: schema.keys))
    }
}
