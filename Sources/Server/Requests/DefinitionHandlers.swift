import Catalog
import Engine
import FeatureModel
import OfflineStore
import OnlineStore
import Transport
import Wire

/// apply, plan, promote, remove, list, describe.
struct DefinitionHandlers {
    let services: Services

    /// What grows with the definitions goes to another thread. A short
    /// `apply` does not, so that it stays before what comes behind it.
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
            submit(.define(definitions), to: try services.needOnline(), responder)
        case .plan:
            let head = try request.decode(ApplyRequest.self)
            let definitions = try Definitions.decode(json: request.body, project: head.project.isEmpty ? nil : head.project)
            let catalog = try services.catalog()
            answer(try catalog.plan(definitions), position: catalog.position, responder)
        case .remove: try remove(request.decode(RemoveRequest.self), responder)
        case .promote: try promote(request.decode(PromoteRequest.self), responder)
        case .list:
            let catalog = try services.catalog()
            let head = try request.decode(ListRequest.self)
            responder.respond(
                head: JSONReply.with { $0.position = catalog.position }, body: catalog.listing(of: head.project).encodeJSON()[...]
            )
        default:
            let head = try request.decode(DescribeRequest.self)
            let catalog = try services.catalog().asOf(head.asOf ?? .max)
            let description = try catalog.description(project: head.project, of: head.name)
            responder.respond(head: JSONReply.with { $0.position = catalog.position }, body: description.encodeJSON()[...])
        }
    }

    private func promote(_ head: PromoteRequest, _ responder: Responder) throws(HeadwaterError) {
        let online = try services.needOnline()
        guard let kind = VersionedKind(rawValue: head.kind) else {
            throw HeadwaterError(.invalidArgument, "'\(head.kind)' has no versions: promote a group or a service")
        }
        let promotion = Promotion(project: head.project, kind, head.name, isForced: head.force)
        if head.dryRun {
            let catalog = online.state.catalog
            let plan = try catalog.plan(promotion, figures: online.store.figures(history: historyRows()))
            return answer(plan, position: catalog.position, responder)
        }
        submit(.promote(promotion, history: historyRows()), to: online, responder)
    }

    private func remove(_ head: RemoveRequest, _ responder: Responder) throws(HeadwaterError) {
        let online = try services.needOnline()
        guard let kind = RemovableKind(rawValue: head.kind) else {
            let kinds = RemovableKind.allCases.map(\.rawValue).joined(separator: ", ")
            throw HeadwaterError(.invalidArgument, "'\(head.kind)' cannot be removed: it is one of \(kinds)")
        }
        let removal = Removal(
            project: head.project, kind, head.name, isForced: head.force, keepsHistory: head.keepHistory)
        if head.dryRun {
            let catalog = online.state.catalog
            let plan = try catalog.plan(removal, figures: online.store.figures(history: historyRows()))
            return answer(plan, position: catalog.position, responder)
        }
        submit(.remove(removal, history: historyRows()), to: online, responder)
    }

    /// Rows of history by group, where this server has it.
    private func historyRows() -> [GroupID: Int] {
        guard let offline = services.offline else { return [:] }
        return Dictionary(uniqueKeysWithValues: offline.store.status().groups.map { ($0.groupID, $0.rowCount) })
    }

    private func submit(_ command: OnlineCommand, to online: OnlineNode, _ responder: Responder) {
        responder.waits(for: .log)
        online.submit(command) { outcome in
            switch outcome {
            case .defined(let plan, let position): answer(plan, position: position, responder)
            case .failed(let error): responder.fail(error)
            default: responder.fail(HeadwaterError(.internal, "definitions were answered by another outcome"))
            }
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
