import Catalog
import FeatureModel
import Logging
import OfflineStore
import Transport
import Wire

/// bootstrap: the files of this service's history, for a new follower.
struct BootstrapHandler {
    let services: Services

    func handle(_ request: IncomingRequest, _ responder: Responder) throws(HeadwaterError) {
        let offline = try services.needOffline()
        let head = try request.decode(BootstrapRequest.self)
        guard head.logID == offline.logID else {
            throw HeadwaterError(.failedPrecondition, "the history here is of another log than the one that is asked for")
        }
        if services.followers[head.follower] == nil, let problem = Names.problem(with: head.follower) {
            throw HeadwaterError(.invalidArgument, "a follower's name: \(PlainText.quoted(problem))")
        }
        services.onWorker(services.workers.transfers, request, responder) { () throws(HeadwaterError) in
            try services.workers.bootstraps.take()
            defer { services.workers.bootstraps.leave() }
            services.logger.info("a new follower takes the history", metadata: ["follower": "\(PlainText.quoted(head.follower))"])
            try send(offline.store.export(), head.follower, request, responder)
        }
    }

    /// Blocks while the follower is slow; compaction goes on meanwhile.
    private func send(
        _ history: HistoryExport, _ follower: String, _ request: IncomingRequest, _ responder: Responder
    ) throws(HeadwaterError) {
        var pace = ClientPace(deadline: request.deadline)
        var isFirst = true
        var isWanted = true
        try history.forEachPiece(bytesMax: WireLimits.dataFrameBytesTarget) { piece throws(HeadwaterError) in
            guard !responder.isDraining else {
                throw HeadwaterError(.unavailable, "the server is shutting down: connect again later")
            }
            let data = BootstrapData.with {
                $0.file = piece.file
                $0.fileBytes = UInt64(piece.fileBytes)
                $0.offset = UInt64(piece.offset)
                $0.checksum = piece.checksum
                if isFirst { ($0.position, $0.totalBytes) = (history.position, UInt64(history.byteCount)) }
            }
            isFirst = false
            services.followers.heard(follower, now: services.clock.now())
            isWanted = try responder.send(head: data, body: piece.bytes, pace: &pace)
            return isWanted
        }
        guard isWanted else { return }
        responder.respond(
            head: BootstrapEnd.with { ($0.position, $0.totalBytes) = (history.position, UInt64(history.byteCount)) })
    }
}
