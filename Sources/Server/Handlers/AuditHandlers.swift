import Catalog
import Engine
import FeatureModel
import OfflineStore
import OnlineStore
import Transport
import Wire

/// audit on the offline side; the digests and rows it compares with on the online side.
struct AuditHandlers {
    static let differencesListedMax = 100
    /// Bytes of an audited row beside its key.
    static let rowBytes = 40

    let services: Services

    func handle(_ request: IncomingRequest, _ responder: Responder) throws(HeadwaterError) {
        switch request.method {
        case .audit:
            let head = try request.decode(AuditRequest.self)
            let offline = try services.needOffline()
            try PositionedStore(offline, online: services.online).check(head.minPosition)
            let task = Task {
                do {
                    let report = try await audit(head, offline, request, responder)
                    responder.respond(head: JSONReply.with { $0.position = report.position }, body: JSON.encode(report))
                } catch { services.fail(request, responder, error) }
            }
            responder.onCancel { task.cancel() }
        case .auditDigest:
            let head = try request.decode(AuditDigestRequest.self)
            let bucketCount = Int(head.bucketCount)
            guard (1...65_536).contains(bucketCount) else { throw HeadwaterError(.invalidArgument, "1 to 65536 buckets") }
            let online = try services.needOnline()
            try services.whenApplied(
                [head.position], logID: [], in: PositionedStore(online), pool: services.workers.long, isShort: false, request,
                responder
            ) { () throws(HeadwaterError) in
                let (position, digests) = try local(online, request, responder).digests(bucketCount: bucketCount)
                responder.respond(
                    head: AuditDigestReply.with { $0.position = position }, body: GroupDigest.encode(digests)[...])
            }
        default:
            let head = try request.decode(AuditRowsRequest.self)
            let online = try services.needOnline()
            services.onWorker(services.workers.long, request, responder) { () throws(HeadwaterError) in
                try sendRows(head, online, request, responder)
            }
        }
    }

    private func local(_ online: OnlineNode, _ request: IncomingRequest, _ responder: Responder) -> LocalOnline {
        LocalOnline(services: services, node: online, request: request, responder: responder)
    }

    private func sendRows(
        _ head: AuditRowsRequest, _ online: OnlineNode, _ request: IncomingRequest, _ responder: Responder
    ) throws(HeadwaterError) {
        let bucketCount = Int(head.bucketCount)
        guard (1...65_536).contains(bucketCount), head.buckets.allSatisfy({ $0 < head.bucketCount }) else {
            throw HeadwaterError(.invalidArgument, "buckets are numbered from 0, and there are 1 to 65536")
        }
        let rows = try local(online, request, responder).rows(
            head.groupID, at: head.position, in: Set(head.buckets.map { Int($0) }), of: bucketCount)
        var pace = ClientPace(deadline: request.deadline)
        var next = 0
        repeat {
            let start = next
            var bytes = 0
            while next < rows.count, bytes < WireLimits.dataFrameBytesTarget {
                bytes += rows[next].key.count + Self.rowBytes
                next += 1
            }
            let data = RowsData.with { $0.rowOffset = UInt64(start) }
            let batch = AuditRow.batch(Array(rows[start..<next]))
            guard try responder.send(head: data, body: batch.bytes, pace: &pace) else { return }
        } while next < rows.count
        responder.respond(
            head: RowsEnd.with {
                $0.position = head.position
                $0.rows = UInt64(rows.count)
            })
    }

    /// Compares both stores at the position of the online cut.
    private func audit(
        _ head: AuditRequest, _ offline: OfflineNode, _ request: IncomingRequest, _ responder: Responder
    ) async throws -> AuditReport {
        let online: any AuditedOnline =
            if let node = services.online {
                local(node, request, responder)
            } else {
                RemoteOnline(connection: try await PeerFiles(services).connectToOnline(), request: request)
            }
        var cut: Position?
        do {
            try await services.wait(for: head.minPosition, offline.gate, request, responder)
            let (position, digests) = try await online.digests(after: head.minPosition, bucketCount: Audit.bucketCount)
            cut = position
            try await services.wait(for: position, offline.gate, request, responder)
            let report = try await compare(head, online, digests, offline, at: position, request, responder)
            await online.finish(cut)
            return report
        } catch {
            await online.finish(cut)
            throw error
        }
    }

    private func compare(
        _ head: AuditRequest, _ online: any AuditedOnline, _ onlineDigests: [GroupDigest], _ offline: OfflineNode,
        at position: Position, _ request: IncomingRequest, _ responder: Responder
    ) async throws -> AuditReport {
        let bucketCount = Audit.bucketCount
        let stops = request.stops(responder)
        let view = offline.store.view()
        let catalog = offline.state.catalog.asOf(position)
        let offlineDigests = try await services.work(request, responder) {
            try Audit.digests(view, asOf: position, catalog: catalog, bucketCount: bucketCount, isCancelled: stops)
        }
        var report = AuditReport(position: position, groups: [], differenceCount: 0, differences: [])
        for group in catalog.allGroups where head.project.isEmpty || group.project == head.project {
            let onlineDigest = onlineDigests.first { $0.groupID == group.id }
            let offlineDigest = offlineDigests.first { $0.groupID == group.id }
            let buckets = Audit.differingBuckets(onlineDigest, offlineDigest, count: bucketCount)
            var differences: [AuditDifference] = []
            if !buckets.isEmpty {
                let schema = group.newestSchema
                let offlineRows = try await services.work(request, responder) {
                    try Audit.rows(
                        view, schema: schema, asOf: position, buckets: buckets, bucketCount: bucketCount, isCancelled: stops)
                }
                let onlineRows = try await online.rows(group.id, at: position, buckets: buckets, bucketCount: bucketCount)
                differences = Audit.differences(online: onlineRows, offline: offlineRows)
            }
            report.groups.append(
                AuditReport.Group(
                    project: group.project, group: group.reference, onlineRows: onlineDigest?.rows ?? 0,
                    offlineRows: offlineDigest?.rows ?? 0, differences: differences.count))
            report.differenceCount += differences.count
            for difference in differences where report.differences.count < Self.differencesListedMax {
                report.differences.append(AuditReport.Difference(difference, group: group))
            }
        }
        return report
    }
}

extension AuditReport.Difference {
    fileprivate init(_ difference: AuditDifference, group: CatalogGroup) {
        func text(_ order: RowOrder?) -> String? {
            order.map {
                let time = $0.eventTime == EventTime.always ? "always" : TimeText.format($0.eventTime)
                return "event_time \(time), position \($0.position), row \($0.row)"
            }
        }
        let keys = group.newestSchema.keys
        let values = (try? KeyCodec.values(difference.key, types: keys.map(\.type))) ?? []
        let key = zip(keys, values).map { "\($0.name)=\($1.keyText)" }.joined(separator: ",")
        self.init(
            group: group.reference, key: key, kind: difference.kind.rawValue, online: text(difference.online),
            offline: text(difference.offline))
    }
}

extension Value {
    fileprivate var keyText: String {
        switch self {
        case .int32(let value): "\(value)"
        case .int64(let value): "\(value)"
        case .timestamp(let value): TimeText.format(value)
        case .string(let value), .bytes(let value): value.description
        default: "\(self)"
        }
    }
}
