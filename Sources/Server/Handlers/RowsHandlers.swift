import Catalog
import Engine
import FeatureModel
import OfflineStore
import Transport
import Wire

/// scan and latest: rows of one group, streamed block by block as the client reads.
struct RowsHandlers {
    let services: Services

    private struct Query: Sendable {
        var project: String
        var group: String
        var columns: [String]
        var start: Microseconds?
        var end: Microseconds?
        var asOf: Position?
        var deletes: Bool
        var isLatest: Bool
    }

    func handle(_ request: IncomingRequest, _ responder: Responder) throws(HeadwaterError) {
        let offline = try services.needOffline()
        let query: Query
        let positions: [Position]
        let logID: [UInt8]
        if request.method == .scan {
            let head = try request.decode(ScanRequest.self)
            query = Query(
                project: head.project, group: head.group, columns: head.columns, start: head.start, end: head.end,
                asOf: head.asOf, deletes: head.deletes, isLatest: false)
            (positions, logID) = ([head.minPosition, head.asOf ?? 0], head.logID)
        } else {
            let head = try request.decode(LatestRequest.self)
            query = Query(
                project: head.project, group: head.group, columns: head.columns, start: nil, end: nil, asOf: head.asOf,
                deletes: head.deletes, isLatest: true)
            (positions, logID) = ([head.minPosition, head.asOf ?? 0], head.logID)
        }
        try services.whenApplied(
            positions, logID: logID, in: PositionedStore(offline, services), pool: services.workers.long,
            isShort: false, request, responder
        ) { () throws(HeadwaterError) in try run(query, request, offline, responder) }
    }

    private func run(
        _ query: Query, _ request: IncomingRequest, _ offline: OfflineNode, _ responder: Responder
    ) throws(HeadwaterError) {
        let view = offline.store.view()
        let asOf = query.asOf ?? view.position
        let catalog = offline.state.catalog.asOf(asOf)
        let schema = try catalog.group(project: query.project, reference: query.group).newestSchema
        let ordinals = try query.columns.isEmpty ? nil : features(query.columns, of: schema)
        var scan =
            query.isLatest
            ? try view.latest(schema, columns: ordinals, asOf: asOf)
            : try view.scan(
                schema, columns: ordinals, start: query.start, end: query.end, asOf: asOf, includeDeletes: query.deletes)
        let layout = RowsLayout(schema: schema, ordinals: ordinals, deletes: query.deletes)
        var pace = ClientPace(deadline: request.deadline)
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
        while let next = try scan.next() {
            if let reason = request.reasonToStop(responder) { throw reason }
            var columns = layout.columns(next)
            var rowCount = next.rowCount
            if query.isLatest, !query.deletes {
                let kept = (0..<next.rowCount).filter { !next.isDelete.bool($0) }
                if kept.count < rowCount { columns = columns.map { $0.gather(kept) } }
                rowCount = kept.count
            }
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

    private func features(_ names: [String], of schema: GroupSchema) throws(HeadwaterError) -> [Int] {
        try names.map { (name) throws(HeadwaterError) in
            guard let ordinal = schema.ordinal(ofFeature: name) else {
                let known = schema.features.map(\.name).joined(separator: ", ")
                throw HeadwaterError(.invalidArgument, "'\(name)' is no feature of the group; there are: \(known)")
            }
            return ordinal
        }
    }
}

/// The columns of a scan's answer: keys, event_time, available time, ingest_time, position, row, deleted, features.
struct RowsLayout {
    let schema: GroupSchema
    let deletes: Bool
    let outputs: [Field]

    init(schema: GroupSchema, ordinals: [Int]?, deletes: Bool) {
        self.schema = schema
        self.deletes = deletes
        var outputs = schema.keys
        if !schema.isStatic { outputs.append(Field("event_time", .timestamp)) }
        if let name = schema.availableTimeName { outputs.append(Field(name, .timestamp)) }
        outputs += [Field("ingest_time", .timestamp), Field("position", .int64), Field("row", .int64)]
        if deletes { outputs.append(Field("deleted", .bool)) }
        outputs += (ordinals ?? Array(schema.featureBase..<schema.columnCount)).map { schema.columns[$0] }
        self.outputs = outputs
    }

    func columns(_ batch: RowBatch) -> [Column] {
        var columns = batch.keys
        if !schema.isStatic { columns.append(batch.eventTime) }
        if let available = batch.availableTime { columns.append(available) }
        columns += [batch.ingestTime, batch.position, batch.row]
        if deletes { columns.append(batch.isDelete) }
        return columns + batch.features
    }
}
