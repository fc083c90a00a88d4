import Catalog
import Engine
import FeatureModel
import Transport
import Wire

/// apply, plan, list, describe.
struct DefinitionHandlers {
    let services: Services

    /// What grows with the definitions goes to another thread. A short `apply` does not, so that it stays before what comes behind it.
    func handle(_ request: IncomingRequest, _ responder: Responder) throws(HeadwaterError) {
        if request.method == .apply, request.body.count <= Limits.inlineDefinitionBytesMax { return try work(request, responder) }
        services.onWorker(services.workers.writes, request, responder) { () throws(HeadwaterError) in try work(request, responder)
        }
    }

    private func work(_ request: IncomingRequest, _ responder: Responder) throws(HeadwaterError) {
        switch request.method {
        case .apply:
            let head = try request.decode(ApplyRequest.self)
            let definitions = try Definitions.decode(json: request.body, project: head.project.isEmpty ? nil : head.project)
            try services.needOnline().submit(.define(definitions)) { outcome in
                switch outcome {
                case .defined(let plan, let position): answer(plan, position: position, responder)
                case .failed(let error): responder.fail(error)
                default: responder.fail(HeadwaterError(.internal, "definitions were answered by another outcome"))
                }
            }
        case .plan:
            let head = try request.decode(ApplyRequest.self)
            let definitions = try Definitions.decode(json: request.body, project: head.project.isEmpty ? nil : head.project)
            let catalog = try services.catalog()
            answer(try catalog.plan(definitions), position: catalog.position, responder)
        case .list:
            let catalog = try services.catalog()
            let head = try request.decode(ListRequest.self)
            responder.respond(
                head: JSONReply.with { $0.position = catalog.position }, body: catalog.listing(of: head.project).encodeJSON()[...]
            )
        default:
            let catalog = try services.catalog()
            let head = try request.decode(DescribeRequest.self)
            let description = try catalog.description(project: head.project, of: head.name)
            responder.respond(head: JSONReply.with { $0.position = catalog.position }, body: description.encodeJSON()[...])
        }
    }

    private func answer(_ plan: Plan, position: Position, _ responder: Responder) {
        let head = ApplyReply.with {
            $0.position = position
            $0.catalogVersion = position
            $0.changed = !plan.changes.isEmpty
        }
        responder.respond(head: head, body: JSON.encode(plan))
    }
}

extension Services {
    /// The catalog in force here: the online service's, or what the offline service has followed so far.
    func catalog() throws(HeadwaterError) -> Catalog {
        if let online { return online.state.catalog }
        return try needOffline().state.catalog
    }
}
