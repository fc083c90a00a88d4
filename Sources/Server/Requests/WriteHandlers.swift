import Catalog
import Engine
import FeatureModel
import Log
import Transport
import Wire

/// write and openProducer.
struct WriteHandlers {
    /// Bytes of a write up to which it is checked on the event loop; a larger one would hold others up.
    static let inlineBytesMax = 32 << 10

    let services: Services

    func handle(_ request: IncomingRequest, _ responder: Responder) throws(HeadwaterError) {
        let online = try services.needOnline()
        if request.method == .openProducer {
            return online.submit(.openProducer) { outcome in
                switch outcome {
                case .openedProducer(let position, let epoch):
                    responder.respond(
                        head: OpenProducerReply.with {
                            $0.producer = position
                            $0.epoch = epoch
                            $0.logID = online.logID.bytes
                        })
                case .failed(let error): responder.fail(error)
                default: responder.fail(HeadwaterError(.internal, "a session was answered by another outcome"))
                }
            }
        }
        let isLarge = request.body.count > Self.inlineBytesMax
        let ticket = services.writeOrder.ticket(connectionID: request.connectionID, isNeeded: isLarge)
        if isLarge {
            // Where others of its connection wait behind it, it is written though the connection is lost or its deadline came:
            // they will be taken, and a retry of it would come after them. Refused it can be: where too many wait, at a stop.
            let mustRun: @Sendable () -> Bool = { ticket?.hasOthersBehind == true }
            services.onWorker(services.workers.writes, request, responder, mustRun: mustRun) { () throws(HeadwaterError) in
                try check(request, online, ticket, responder)
            }
        } else {
            try check(request, online, ticket, responder)
        }
    }

    private func check(
        _ request: IncomingRequest, _ online: OnlineNode, _ ticket: WriteOrder.Ticket?, _ responder: Responder
    ) throws(HeadwaterError) {
        let head = try request.decode(WriteRequest.self)
        // What lies in the future is told by the clock that is never early: a wall clock set back must not refuse what is.
        let checked = try CheckedRequest(
            head, request.body, catalog: online.state.catalog, plans: online.state.plans,
            now: online.clock.ingestTime())
        // Of a large write the time before was work; a small one is at the writer from its first moment on.
        if request.body.count > Self.inlineBytesMax { responder.waits(for: .log) }
        guard let ticket else { return submit(checked, online, responder) }
        ticket.use { submit(checked, online, responder) }
    }

    private func submit(_ checked: CheckedRequest, _ online: OnlineNode, _ responder: Responder) {
        online.submit(checked.command) { outcome in
            switch outcome {
            case .written(let answer, let isDuplicate):
                responder.respond(
                    head: WriteReply(answer, isDuplicate: isDuplicate, rowCounts: checked.rowCounts),
                    body: answer.replyBody[...], subject: checked.subject(online.state.catalog))
            case .failed(let error): responder.fail(error)
            default: responder.fail(HeadwaterError(.internal, "a write was answered by another outcome"))
            }
        }
    }
}
