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
    /// About what one of these requests holds, read or not: rows that
    /// are ready, blocks that they come from, and what waits to be sent.
    private static let workBytes = 12 << 20

    let services: Services

    func handle(_ request: IncomingRequest, _ responder: Responder) throws(HeadwaterError) {
        let offline = try services.needOffline()
        let (project, query, keyNames): (String, RowsQuery, [String])
        let (minPosition, logID): (Position, [UInt8])
        if request.method == .scan {
            let head = try request.decode(ScanRequest.self)
            (project, query, keyNames) = (head.project, RowsQuery(head), head.keyNames)
            (minPosition, logID) = (head.minPosition, head.logID)
        } else {
            let head = try request.decode(LatestRequest.self)
            (project, query, keyNames) = (head.project, RowsQuery(head), head.keyNames)
            (minPosition, logID) = (head.minPosition, head.logID)
        }
        responder.concerns(project, query.group)
        try services.whenApplied(
            [minPosition, query.asOf ?? offline.readFloor], logID: logID, in: PositionedStore(offline, services),
            pool: services.workers.long, request, responder
        ) { () throws(HeadwaterError) in
            try services.withRoom(forAnswer: Self.workBytes, services.workers.long, request, responder) {
                () throws(HeadwaterError) in
                var query = query
                query.keys = try Self.keys(keyNames, request.body)
                try run(query, project, request, offline, responder)
            }
        }
    }

    private func run(
        _ query: RowsQuery, _ project: String, _ request: IncomingRequest, _ offline: OfflineNode, _ responder: Responder
    ) throws(HeadwaterError) {
        let view = offline.store.view()
        let read = try RowsRead(
            query, project: project, catalog: offline.state.catalog, view: view, executor: services.workers.helpers.executor,
            bytesAtOnce: Self.bytesAtOnce)
        let permit = services.workers.long.permits?.held()
        var pace = ClientPace(deadline: request.deadline, permit: permit)
        let stops = request.stops(responder, permit)
        var rows = 0
        func send(_ columns: [Column], rowCount: Int) throws(HeadwaterError) -> Bool {
            let data = RowsData.with {
                $0.rowOffset = UInt64(rows)
                if rows == 0 { $0.outputs = read.outputs.map { Wire.Output($0) } }
            }
            rows += rowCount
            let batch = Batch(rowCount: rowCount, columns: columns.enumerated().map { ($0.offset, $0.element) })
            return try responder.send(head: data, body: batch.bytes, pace: &pace)
        }
        // Between batches and while none is found.
        func nextRows() throws(HeadwaterError) -> (columns: [Column], rowCount: Int)? {
            do throws(HeadwaterError) {
                return try read.next(isCancelled: stops)
            } catch { throw request.reasonToStop(responder) ?? error }
        }
        while let (columns, rowCount) = try nextRows() {
            if let reason = request.reasonToStop(responder) { throw reason }
            for range in RowPieces(columns, rowCount: rowCount) {
                guard try send(columns.map { $0.slice(range) }, rowCount: range.count) else { return }
            }
        }
        if rows == 0 {
            // One frame of no rows: it tells names and types.
            guard try send(read.outputs.map { Column.nulls($0.type, count: 0) }, rowCount: 0) else { return }
        }
        responder.respond(
            head: RowsEnd.with {
                $0.position = read.position
                $0.rows = UInt64(rows)
                $0.logID = offline.logID
            })
    }

    /// The keys in a request's body; `nil` where it names none.
    private static func keys(
        _ names: [String], _ body: ArraySlice<UInt8>
    ) throws(HeadwaterError) -> [(name: String, column: Column)]? {
        if names.isEmpty {
            guard body.isEmpty else { throw HeadwaterError(.invalidArgument, "keys without their names: give key_names") }
            return nil
        }
        let batch = try Batch(decoding: body)
        guard batch.ordinals == Array(names.indices) else {
            throw HeadwaterError(.invalidArgument, "\(names.count) key names for \(batch.columns.count) columns")
        }
        return zip(names, batch.columns).map { ($0, $1) }
    }
}

extension RowsQuery {
    init(_ head: ScanRequest) {
        self.init(group: head.group)
        (columns, start, end, asOf) = (head.columns, head.start, head.end, head.asOf)
        (deletes, brief) = (head.deletes, head.brief)
    }

    init(_ head: LatestRequest) {
        self.init(group: head.group)
        (columns, isLatest, at, asOf) = (head.columns, true, head.at, head.asOf)
        (deletes, brief) = (head.deletes, head.brief)
    }
}
