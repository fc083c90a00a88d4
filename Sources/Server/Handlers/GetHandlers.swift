import Catalog
import Engine
import FeatureModel
import Log
import OnlineStore
import Synchronization
import Transport
import Wire

/// Feature lists that connections prepared.
final class HandleTable: Sendable {
    struct Entry: Sendable {
        let project: String
        let selection: FeatureSelection
        let fullNames: Bool
        let plan: FeaturePlan
        /// Position of the catalog that the plan was resolved in.
        let catalogPosition: Position
    }

    /// Handles of one connection.
    static let handlesMax = 4_096

    private let entries = Mutex<[UInt64: [UInt64: Entry]]>([:])

    func insert(_ entry: Entry, connection: UInt64) throws(HeadwaterError) -> UInt64 {
        try entries.withLock { table throws(HeadwaterError) in
            let handle = UInt64(table[connection]?.count ?? 0) + 1
            guard handle <= Self.handlesMax else {
                throw HeadwaterError(
                    .resourceExhausted, "\(Self.handlesMax) handles on one connection: use those you have, or connect anew")
            }
            table[connection, default: [:]][handle] = entry
            return handle
        }
    }

    /// Forgets the handles of a connection that has closed.
    func remove(connection: UInt64) { _ = entries.withLock { $0.removeValue(forKey: connection) } }

    func entry(_ handle: UInt64, connection: UInt64) throws(HeadwaterError) -> Entry {
        guard let entry = entries.withLock({ $0[connection]?[handle] }) else {
            throw HeadwaterError(.notFound, "handle \(handle) was not prepared on this connection: prepare again")
        }
        return entry
    }
}

/// get and prepare.
struct GetHandlers {
    /// Keys of a get, and their bytes, up to which it is served on the event loop; a larger one would hold others up.
    static let inlineKeysMax = 1_024
    static let inlineBytesMax = 32 << 10

    let services: Services

    func handle(_ request: IncomingRequest, _ responder: Responder) throws(HeadwaterError) {
        if request.method == .prepare { return try prepare(request, responder) }
        let online = try services.needOnline()
        let head = try request.decode(GetRequest.self)
        let rowsAnnounced = request.body.count < Batch.headerBytes ? 0 : request.body.littleEndian(at: 8, as: UInt32.self)
        try services.whenApplied(
            [head.minPosition], logID: head.logID, in: PositionedStore(online), pool: services.workers.gets,
            isShort: rowsAnnounced <= Self.inlineKeysMax && request.body.count <= Self.inlineBytesMax, request, responder
        ) { () throws(HeadwaterError) in
            let batch = try Batch(decoding: request.body)
            guard batch.ordinals == Array(0..<head.keyNames.count) || batch.columns.isEmpty && head.keyNames.isEmpty else {
                throw HeadwaterError(.invalidArgument, "\(head.keyNames.count) key names for \(batch.columns.count) columns")
            }
            do throws(HeadwaterError) { try serve(head, batch, request, online, responder) } catch
                where error.code == .failedPrecondition
            {
                // A schema moved between resolving the names and reading: the new definitions are there now. What does not fit
                // them fails again.
                try serve(head, batch, request, online, responder)
            }
        }
    }

    private func serve(
        _ head: GetRequest, _ batch: Batch, _ request: IncomingRequest, _ online: OnlineNode, _ responder: Responder
    ) throws(HeadwaterError) {
        let plan = try plan(head, request, online.state.catalog)
        let keys = try OnlineReads.arrange(zip(head.keyNames, batch.columns).map { ($0, $1) }, for: plan)
        let served = try OnlineReads.get(
            plan, keys: keys, rowCount: batch.rowCount, from: online.store, now: head.at ?? services.clock.now())
        let reply = GetReply.with {
            $0.position = served.position
            $0.logID = online.logID.bytes
            if head.handle == nil { $0.outputs = plan.wireOutputs }
        }
        responder.respond(head: reply, body: served.cells(eventTimes: head.eventTimes).encode()[...])
    }

    private func plan(_ head: GetRequest, _ request: IncomingRequest, _ catalog: Catalog) throws(HeadwaterError) -> FeaturePlan {
        guard let handle = head.handle else {
            let selection = try featureSelection(service: head.service, features: head.features)
            return try catalog.resolve(project: head.project, selection, fullNames: head.fullFeatureNames)
        }
        let entry = try services.handles.entry(handle, connection: request.connectionID)
        if entry.catalogPosition == catalog.position { return entry.plan }
        // Definitions came since: the same list may mean other columns now, and then the client must know.
        let plan = try catalog.resolve(project: entry.project, entry.selection, fullNames: entry.fullNames)
        guard plan.outputs == entry.plan.outputs, plan.keys == entry.plan.keys else {
            throw HeadwaterError(.failedPrecondition, "the definitions behind handle \(handle) have changed: prepare again")
        }
        return plan
    }

    private func prepare(_ request: IncomingRequest, _ responder: Responder) throws(HeadwaterError) {
        let head = try request.decode(PrepareRequest.self)
        let catalog = try services.catalog()
        let selection = try featureSelection(service: head.service, features: head.features)
        let plan = try catalog.resolve(project: head.project, selection, fullNames: head.fullFeatureNames)
        let handle = try services.handles.insert(
            HandleTable.Entry(
                project: head.project, selection: selection, fullNames: head.fullFeatureNames, plan: plan,
                catalogPosition: catalog.position),
            connection: request.connectionID)
        responder.respond(
            head: PrepareReply.with {
                $0.handle = handle
                $0.outputs = plan.wireOutputs
                $0.keys = plan.keys.map { ColumnSpec($0) }
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
    var wireOutputs: [Wire.Output] {
        outputs.map { output in
            Wire.Output(Field(output.name, output.type), group: lookups[output.lookup].group)
        }
    }
}

extension ServedVectors {
    func cells(eventTimes wantsTimes: Bool) -> Cells {
        let rowCount = columns.first?.count ?? 0
        let batch = Batch(rowCount: rowCount, columns: columns.enumerated().map { ($0.offset, $0.element) })
        let times =
            wantsTimes
            ? eventTimes.map { column in (0..<rowCount).map { column.isNull($0) ? EventTime.always : column.int64($0) } } : []
        return Cells(batch: batch, statuses: statuses, eventTimes: times)
    }
}
