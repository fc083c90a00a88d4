import Catalog
import Engine
import FeatureModel
import Foundation
import Log
import OfflineStore
import OnlineStore
import StorageIO
import Synchronization
import Transport
import Wire

/// status, snapshot, compact, acceptClock, report.
struct OperationHandlers {
    let services: Services

    func handle(_ request: IncomingRequest, _ responder: Responder) throws(HeadwaterError) {
        switch request.method {
        case .snapshot:
            let online = try services.needOnline()
            online.snapshot { result in
                switch result {
                case .failure(let error): responder.fail(error)
                case .success(let written):
                    services.onWorker(services.workers.gets, request, responder) { () throws(HeadwaterError) in
                        let size = try services.storage.open(written.path, .read).size()
                        let rows = online.store.statisticsAtMost.values.reduce(0) { $0 + $1.rows }
                        responder.respond(
                            head: SnapshotReply.with {
                                $0.position = written.position
                                $0.rows = UInt64(rows)
                                $0.bytes = UInt64(size)
                            })
                    }
                }
            }
        case .acceptClock:
            try services.needOnline().acceptClock { ahead, now in
                responder.respond(
                    head: AcceptClockReply.with {
                        $0.ahead = ahead
                        $0.now = now
                    })
            }
        case .compact:
            let offline = try services.needOffline()
            let wanted = try request.decode(CompactRequest.self)
            let group = try wanted.group.map { (name) throws(HeadwaterError) in
                try offline.state.catalog.group(project: wanted.project, reference: name).id
            }
            let before = offline.store.status().groups.filter { group == nil || $0.groupID == group }
            Task {
                do {
                    responder.onCancel { offline.noticeCancellation() }
                    try await offline.compact(group, isCancelled: { responder.isCancelled })
                    let after = offline.store.status()
                    let afterGroups = after.groups.filter { group == nil || $0.groupID == group }
                    responder.respond(
                        head: CompactReply.with {
                            $0.position = after.durablePosition
                            $0.chunksBefore = before.chunkCount
                            $0.chunksAfter = afterGroups.chunkCount
                            $0.bytesBefore = before.chunkBytes
                            $0.bytesAfter = afterGroups.chunkBytes
                        })
                } catch { responder.fail(asHeadwaterError(error)) }
            }
        case .report: try report(request.decode(ReportRequest.self).name, responder)
        default:
            Task {
                let report = await StatusReader(services: services).report()
                responder.respond(
                    head: JSONReply.with {
                        $0.position = report.online?.appliedPosition ?? report.offline?.appliedPosition ?? 0
                    },
                    body: JSON.encode(report: report))
            }
        }
    }
}

extension OperationHandlers {
    private func report(_ name: String, _ responder: Responder) throws(HeadwaterError) {
        // Not on the loop: a report may be of a thousand connections.
        switch name {
        case "clients": Task { responder.respond(head: JSONReply(), body: JSON.encode(report: services.clients())) }
        case "slow": Task { responder.respond(head: JSONReply(), body: JSON.encode(report: services.slowRequests())) }
        default:
            throw HeadwaterError(
                .unimplemented,
                "this server has no report '\(PlainText.quoted(name))': it has clients and slow; is it older than the client?")
        }
    }
}

extension [OfflineStatus.Group] {
    var chunkCount: UInt64 { UInt64(reduce(0) { $0 + $1.chunksByLevel.reduce(0, +) }) }
    var chunkBytes: UInt64 { UInt64(reduce(0) { $0 + $1.chunkBytes }) }
}
