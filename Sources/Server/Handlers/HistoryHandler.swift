import Catalog
import Engine
import FeatureModel
import NIOPosix
import OfflineStore
import Transport
import Wire

/// history: takes a spine in, gives features out in its order.
struct HistoryHandler {
    /// Rows of one data frame of the answer.
    static let rowsPerFrame = 16_384

    let services: Services

    func handle(_ request: IncomingRequest, _ responder: Responder) throws(HeadwaterError) {
        let offline = try services.needOffline()
        let head = try request.decode(HistoryRequest.self)
        let position = max(head.minPosition, head.asOf ?? 0)
        try services.whenApplied(
            position, logID: head.logID, gate: offline.gate, request: request, responder: responder
        ) { () throws(HeadwaterError) in
            services.onWorker(responder) { try run(head, request, offline, responder) }
        }
    }

    private func run(
        _ head: HistoryRequest, _ request: IncomingRequest, _ offline: OfflineNode, _ responder: Responder
    ) throws(HeadwaterError) {
        let view = offline.store.view()
        let asOf = head.asOf ?? view.position
        let catalog = offline.state.catalog.asOf(asOf)
        let selection = try featureSelection(service: head.service, features: head.features)
        let plan = try catalog.resolve(project: head.project, selection, fullNames: head.fullFeatureNames)
        let spine = try Spine(head: head, request: request, bytesMax: services.configuration.historyBytesMax / 2)
        let keys = try OnlineReads.arrange(spine.keys, for: plan)
        let joined = try OfflineReads.history(
            plan, keys: keys, times: spine.times, view: view, asOf: asOf,
            availability: head.availabilityIngest ? .ingest : .event,
            memoryLimitBytes: services.configuration.historyBytesMax - spine.byteCount, isCancelled: { responder.isCancelled })
        let rows = spine.times.count
        var offset = 0
        repeat {
            let range = offset..<min(offset + Self.rowsPerFrame, rows)
            let columns = joined.enumerated().map { ($0.offset, $0.element.column.gather(range)) }
            let statuses = joined.map { feature in
                var statuses = StatusColumn()
                for row in range { statuses.append(feature.statuses[row]) }
                return statuses
            }
            let cells = Cells(batch: Batch(rowCount: range.count, columns: columns), statuses: statuses)
            let data = RowsData.with {
                $0.rowOffset = UInt64(offset)
                if offset == 0 { $0.outputs = plan.wireOutputs }
            }
            guard try sendWithCredit(responder, data, cells.encode()[...]) else { return }
            offset = range.upperBound
        } while offset < rows
        responder.respond(
            head: RowsEnd.with {
                $0.position = asOf
                $0.rows = UInt64(rows)
                $0.logID = offline.logID
            })
    }
}

/// Sends one item when the client is ready for it.
///
/// - Returns: `false` where nobody wants it any more.
/// - Throws: `.deadlineExceeded` where the client does not read for a minute: its answer's memory is needed by others.
func sendWithCredit(_ responder: Responder, _ head: RowsData, _ body: ArraySlice<UInt8>) throws(HeadwaterError) -> Bool {
    switch responder.waitForCredit() {
    case .ready: return responder.send(head: head, body: body)
    case .timedOut: throw HeadwaterError(.deadlineExceeded, "the client has not read its answer for a minute")
    case .closed: return false
    }
}

/// The spine of a history request, gathered from its frames.
struct Spine {
    let keys: [(name: String, column: Column)]
    let times: Column
    let byteCount: Int

    init(head: HistoryRequest, request: IncomingRequest, bytesMax: Int) throws(HeadwaterError) {
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
            guard bytes <= bytesMax else {
                throw HeadwaterError(.resourceExhausted, "a spine of more than \(bytesMax) bytes: ask for it in parts")
            }
            for (index, column) in batch.columns.enumerated() {
                for row in 0..<batch.rowCount { builders[index].append(from: column, row) }
            }
        }
        if !request.body.isEmpty { try take(request.body) }
        reading: while let inbound = request.inbound {
            switch inbound.next() {
            case .data(let body): try take(body)
            case .end: break reading
            case .closed: throw HeadwaterError(.cancelled, "the client went away while it sent the spine")
            case .timedOut: throw HeadwaterError(.deadlineExceeded, "the spine stopped coming for a minute")
            }
        }
        let columns = builders.map { $0.finish() }
        times = columns[timePlace]
        keys = fields.indices.filter { $0 != timePlace }.map { (fields[$0].name, columns[$0]) }
        byteCount = bytes
        guard times.type == .timestamp else {
            throw HeadwaterError(.invalidArgument, "the spine's time column '\(head.spineTime)' is \(times.type), not timestamp")
        }
    }
}
