import Catalog
import Engine
import FeatureModel
import Log
import OnlineStore
import Transport
import Wire

/// get, prepare, and gets by handle that are not answered at once.
struct GetHandlers {
    /// Keys of a get, their bytes, and cells of its answer, up to which it is served on the event loop; a larger one would hold others up.
    static let inlineKeysMax = 1_024
    static let inlineBytesMax = 32 << 10
    static let inlineCellsMax = 128 << 10

    let services: Services

    func handle(_ request: IncomingRequest, _ responder: Responder) throws(HeadwaterError) {
        switch request.method {
        case .prepare: try prepare(request, responder)
        case .getPrepared: try getPrepared(request, responder)
        default: try get(request, responder)
        }
    }

    private func get(_ request: IncomingRequest, _ responder: Responder) throws(HeadwaterError) {
        let online = try services.needOnline()
        let head = try request.decode(GetRequest.self)
        let rowsAnnounced = request.body.count < Batch.headerBytes ? 0 : request.body.littleEndian(at: 8, as: UInt32.self)
        try services.whenApplied(
            [head.minPosition], logID: head.logID, in: PositionedStore(online), pool: services.workers.gets,
            isShort: rowsAnnounced <= Self.inlineKeysMax && request.body.count <= Self.inlineBytesMax
                && isShort(head.features, head.service, project: head.project, online.state.catalog), request, responder
        ) { () throws(HeadwaterError) in
            let batch = try Batch(decoding: request.body)
            guard batch.ordinals == Array(0..<head.keyNames.count) || batch.columns.isEmpty && head.keyNames.isEmpty else {
                throw HeadwaterError(.invalidArgument, "\(head.keyNames.count) key names for \(batch.columns.count) columns")
            }
            let bytes = try answerBytes(head, online, rowCount: batch.rowCount)
            try services.withRoom(forAnswer: bytes, services.workers.gets, request, responder) { () throws(HeadwaterError) in
                do throws(HeadwaterError) { try serve(head, batch, online, responder) } catch
                    where error.code == .failedPrecondition
                {
                    // A schema moved between resolving the names and reading: the new definitions are there now. What does not fit
                    // them fails again.
                    try serve(head, batch, online, responder)
                }
            }
        }
    }

    /// About what an answer of many rows takes, by its types; of few rows it is not asked for.
    private func answerBytes(_ head: GetRequest, _ online: OnlineNode, rowCount: Int) throws(HeadwaterError) -> Int {
        if rowCount <= Self.inlineKeysMax { return 0 }
        let selection = try featureSelection(service: head.service, features: head.features)
        let plan = try online.state.catalog.resolve(project: head.project, selection, fullNames: head.fullFeatureNames)
        // As columns, and again as they are sent.
        return 2 * rowCount * plan.bytesPerRow(eventTimes: head.eventTimes)
    }

    private func serve(
        _ head: GetRequest, _ batch: Batch, _ online: OnlineNode, _ responder: Responder
    ) throws(HeadwaterError) {
        let selection = try featureSelection(service: head.service, features: head.features)
        let plan = try online.state.catalog.resolve(project: head.project, selection, fullNames: head.fullFeatureNames)
        let keys = try OnlineReads.arrange(zip(head.keyNames, batch.columns).map { ($0, $1) }, for: plan)
        let served = try OnlineReads.get(
            plan, keys: keys, rowCount: batch.rowCount, from: online.store, now: head.at ?? services.clock.now())
        let reply = GetReply.with {
            $0.position = served.position
            $0.logID = online.logID.bytes
            $0.outputs = plan.wireOutputs
        }
        responder.respond(head: reply, body: served.cells(eventTimes: head.eventTimes).encode()[...])
    }

    /// A get by handle that is large, waits for a position, or failed when it was to be answered at once.
    private func getPrepared(_ request: IncomingRequest, _ responder: Responder) throws(HeadwaterError) {
        let online = try services.needOnline()
        let head = try request.decode(GetPreparedRequest.self)
        let body = request.body
        let header = try body.withBytes { (bytes) throws(HeadwaterError) in try PackedColumns.Header(decoding: bytes) }
        let entry = try services.handles.entry(header.tag, connection: request.connectionID)
        try services.whenApplied(
            // What is short has been answered at once.
            [head.minPosition], logID: head.logID, in: PositionedStore(online), pool: services.workers.gets, isShort: false,
            request, responder
        ) { () throws(HeadwaterError) in
            let bytes = header.rowCount * entry.plan.bytesPerRow(eventTimes: head.eventTimes)
            try services.withRoom(forAnswer: bytes, services.workers.gets, request, responder) { () throws(HeadwaterError) in
                try serve(head, entry, body, rowCount: header.rowCount, online, responder)
            }
        }
    }

    private func serve(
        _ head: GetPreparedRequest, _ entry: HandleTable.Entry, _ body: ArraySlice<UInt8>, rowCount: Int, _ online: OnlineNode,
        _ responder: Responder
    ) throws(HeadwaterError) {
        let prepared = PreparedGet(entry, catalog: { online.state.catalog })
        try prepared.refresh(online.state.catalogPosition)
        let keys = try PackedColumns(decoding: body, types: prepared.keyTypes)
        try prepared.read(
            keys.columns, rowCount: rowCount, by: OnlineReader(online.store), now: head.at ?? services.clock.now()
        ) { (answer) throws(HeadwaterError) in
            // Before memory is taken for it.
            let count = FrameHeader.byteCount + answer.byteCountMax(eventTimes: head.eventTimes)
            guard count <= responder.frameBytesMax else {
                throw HeadwaterError(
                    .resourceExhausted,
                    "an answer of up to \(count) bytes; the client takes \(responder.frameBytesMax): ask for fewer keys at once"
                )
            }
            answer.count()
            responder.respond(encodedHead: [], body: answer.encode(eventTimes: head.eventTimes)[...])
        }
    }

    /// Whether so few features are named that they are resolved at once.
    private func isShort(_ features: [String], _ service: String?, project: String, _ catalog: Catalog) -> Bool {
        if let service {
            return (try? catalog.service(project: project, reference: service))?.pins.count ?? 0 <= Limits.inlineNamesMax
        }
        // One that stands for all of a group may be thousands.
        return features.count <= Limits.inlineNamesMax && !features.contains { $0.utf8.last == UInt8(ascii: "*") }
    }

    private func prepare(_ request: IncomingRequest, _ responder: Responder) throws(HeadwaterError) {
        let head = try request.decode(PrepareRequest.self)
        let catalog = try services.catalog()
        // Definitions of the past are folded anew.
        guard head.asOf == nil, isShort(head.features, head.service, project: head.project, catalog) else {
            return services.onWorker(services.workers.gets, request, responder) { () throws(HeadwaterError) in
                try prepare(head, catalog.asOf(head.asOf ?? .max), request, responder)
            }
        }
        try prepare(head, catalog, request, responder)
    }

    private func prepare(
        _ head: PrepareRequest, _ catalog: Catalog, _ request: IncomingRequest, _ responder: Responder
    ) throws(HeadwaterError) {
        let selection = try featureSelection(service: head.service, features: head.features)
        let entry = try HandleTable.Entry(
            project: head.project, selection, fullNames: head.fullFeatureNames, catalog: catalog)
        // Of the past there are no latest values to get.
        let handle = head.asOf != nil ? 0 : try services.handles.insert(entry, connection: request.connectionID)
        let plan = entry.plan
        responder.respond(
            head: PrepareReply.with {
                $0.handle = handle
                $0.outputs = plan.wireOutputs
                $0.keys = plan.keys.map { ColumnSpec($0) }
                $0.warnings = plan.warnings
            })
    }
}

/// The service or the feature list of a request, of which one is given.
func featureSelection(service: String?, features: [String]) throws(HeadwaterError) -> FeatureSelection {
    switch (service, features.isEmpty) {
    case (let service?, true): return .service(service)
    case (nil, false): return .features(features)
    default: throw HeadwaterError(.invalidArgument, "name either a service or features")
    }
}

extension FeaturePlan {
    /// What a text or an array is taken for.
    private static let looseBytes = 16

    /// About what a row of an answer takes.
    func bytesPerRow(eventTimes: Bool) -> Int {
        outputs.reduce(0) { $0 + ($1.type.fixedWidth ?? Self.looseBytes) + (eventTimes ? 9 : 1) }
    }

    var wireOutputs: [Wire.Output] {
        outputs.map { output in
            Wire.Output(Field(output.name, output.type), group: lookups[output.lookup].group)
        }
    }
}

extension ServedVectors {
    func cells(eventTimes wantsTimes: Bool) -> Cells {
        let rowCount = columns.first?.count ?? 0
        let times =
            wantsTimes
            ? eventTimes.map { column in (0..<rowCount).map { column.isNull($0) ? EventTime.always : column.int64($0) } } : []
        return Cells(rowCount: rowCount, columns: columns, statuses: statuses, eventTimes: times)
    }
}
