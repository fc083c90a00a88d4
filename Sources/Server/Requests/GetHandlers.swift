import Catalog
import Engine
import FeatureModel
import Log
import OnlineStore
import Transport
import Wire

/// prepare, and gets by handle that are not answered at once.
struct GetHandlers {
    /// Keys of a get, their bytes, and cells of its answer, up to which
    /// it is served on the event loop; a larger one would hold others up.
    static let inlineKeysMax = 1_024
    static let inlineBytesMax = 32 << 10
    static let inlineCellsMax = 128 << 10

    let services: Services

    func handle(_ request: IncomingRequest, _ responder: Responder) throws(HeadwaterError) {
        if request.method == .prepare { try prepare(request, responder) } else { try get(request, responder) }
    }

    /// A get by handle that is large, waits for a position, or failed when it was to be answered at once.
    private func get(_ request: IncomingRequest, _ responder: Responder) throws(HeadwaterError) {
        let online = try services.needOnline()
        let head = try request.decode(GetPreparedRequest.self)
        let body = request.body
        let header = try body.withBytes { (bytes) throws(HeadwaterError) in try PackedColumns.Header(decoding: bytes) }
        let entry = try services.handles.entry(header.tag, connection: request.connectionID)
        responder.concerns(entry.project, entry.selection.subject)
        try services.whenApplied(
            [head.minPosition], logID: head.logID, in: PositionedStore(online), pool: services.workers.gets,
            request, responder
        ) { () throws(HeadwaterError) in
            let bytes = header.rowCount * entry.plan.bytesPerRow(eventTimes: head.eventTimes)
            try services.withRoom(forAnswer: bytes, services.workers.gets, request, responder) { () throws(HeadwaterError) in
                let answer = try GetRequests.get(
                    head, body, entry, rowCount: header.rowCount, state: online.state, store: online.store,
                    now: services.clock.now(), nulls: services.expressionNulls, frameBytesMax: responder.frameBytesMax)
                responder.respond(encodedHead: [], body: answer[...])
            }
        }
    }

    /// Whether so few features are named that they are resolved at once.
    private func isShort(_ features: [String], _ service: String?, project: String, _ catalog: Catalog) -> Bool {
        if let service {
            guard let found = try? catalog.service(project: project, reference: service) else { return true }
            // Expressions are compiled.
            return found.pins.count <= Limits.inlineNamesMax && found.definition.features.allSatisfy { $0.expression == nil }
        }
        // One that stands for all of a group may be thousands.
        return features.count <= Limits.inlineNamesMax && !features.contains { $0.utf8.last == UInt8(ascii: "*") }
    }

    private func prepare(_ request: IncomingRequest, _ responder: Responder) throws(HeadwaterError) {
        let head = try request.decode(PrepareRequest.self)
        responder.concerns(head.project, head.service ?? FeatureSelection.features(head.features).subject)
        let catalog = try services.catalog()
        @Sendable func answer() throws(HeadwaterError) {
            responder.respond(
                head: try GetRequests.prepare(
                    head, catalog: catalog.asOf(head.asOf ?? .max), handles: services.handles, connection: request.connectionID))
        }
        // Definitions of the past are folded anew.
        guard head.asOf == nil, isShort(head.features, head.service, project: head.project, catalog) else {
            return services.onWorker(services.workers.gets, request, responder, answer)
        }
        try answer()
    }
}

extension FeatureSelection {
    /// What a request for it is about: the service, or the group of its first feature.
    var subject: String? {
        switch self {
        case .service(let name): name
        case .features(let features): features.first?.split(separator: ":").first.map(String.init)
        }
    }
}

extension FeaturePlan {
    /// What a text or an array is taken for.
    private static let looseBytes = 16

    /// About what a row of an answer takes, with what expressions are made of and make.
    func bytesPerRow(eventTimes: Bool) -> Int {
        let answered = outputs.map(\.type)
        let worked = isOnlyReads ? [] : reads.map(\.type) + request.map(\.type) + expressions.map(\.type)
        return (answered + worked).reduce(0) { $0 + ($1.fixedWidth ?? Self.looseBytes) + (eventTimes ? 9 : 1) }
    }
}
