import Catalog
import Engine
import FeatureModel
import OfflineStore
import OnlineStore
import Synchronization
import Transport
import Wire

/// audit on the offline side; the digests and rows it compares with on the online side.
struct AuditHandlers {
    static let differencesListedMax = 100

    let services: Services

    func handle(_ request: IncomingRequest, _ responder: Responder) throws(HeadwaterError) {
        switch request.method {
        case .audit:
            let head = try request.decode(AuditRequest.self)
            let offline = try services.needOffline()
            let deadline = request.waitDeadline(services.clock)
            Task {
                do {
                    let report = try await audit(head, offline, deadline: deadline, responder)
                    responder.respond(head: JSONReply.with { $0.position = report.position }, body: JSON.encode(report))
                } catch { responder.fail(asHeadwaterError(error)) }
            }
        case .auditDigest:
            let head = try request.decode(AuditDigestRequest.self)
            let bucketCount = Int(head.bucketCount)
            guard (1...65_536).contains(bucketCount) else { throw HeadwaterError(.invalidArgument, "1 to 65536 buckets") }
            let online = try services.needOnline()
            services.onWorker(responder) {
                let (position, digests) = try LocalOnline(services: services, node: online).digests(
                    bucketCount: bucketCount, isCancelled: { responder.isCancelled })
                responder.respond(
                    head: AuditDigestReply.with { $0.position = position }, body: GroupDigest.encode(digests)[...])
            }
        default:
            let head = try request.decode(AuditRowsRequest.self)
            let online = try services.needOnline()
            services.onWorker(responder) {
                let rows = try LocalOnline(services: services, node: online).rows(
                    head.groupID, at: head.position, bucket: Int(head.bucket), bucketCount: Int(head.bucketCount),
                    isCancelled: { responder.isCancelled })
                let batch = AuditRow.batch(rows)
                guard try sendWithCredit(responder, RowsData(), batch.bytes) else { return }
                responder.respond(head: RowsEnd.with { $0.position = head.position })
            }
        }
    }

    /// Compares both stores at the position of the online cut.
    private func audit(
        _ head: AuditRequest, _ offline: OfflineNode, deadline: Microseconds, _ responder: Responder
    ) async throws -> AuditReport {
        let bucketCount = Audit.bucketCount
        let online: any AuditedOnline =
            if let node = services.online {
                LocalOnline(services: services, node: node)
            } else {
                RemoteOnline(connection: try await PeerFiles(services).connectToOnline())
            }
        let isCancelled: @Sendable () -> Bool = { responder.isCancelled }
        let (position, onlineDigests) = try await online.digests(bucketCount, services, isCancelled)
        try await withCheckedThrowingContinuation { continuation in
            offline.gate.wait(for: position, deadline: deadline) { continuation.resume(with: $0) }
        }
        let view = offline.store.view()
        let catalog = offline.state.catalog.asOf(position)
        let offlineDigests = try await services.work {
            try Audit.digests(view, asOf: position, catalog: catalog, bucketCount: bucketCount, isCancelled: isCancelled)
        }
        var report = AuditReport(position: position, groups: [], differenceCount: 0, differences: [])
        for group in catalog.allGroups where head.project.isEmpty || group.project == head.project {
            let onlineDigest = onlineDigests.first { $0.groupID == group.id }
            let offlineDigest = offlineDigests.first { $0.groupID == group.id }
            let buckets = Audit.differingBuckets(onlineDigest, offlineDigest, count: bucketCount)
            var differences: [AuditDifference] = []
            if !buckets.isEmpty {
                let schema = group.newestSchema
                let offlineRows = try await services.work {
                    try Audit.rows(
                        view, schema: schema, asOf: position, buckets: buckets, bucketCount: bucketCount, isCancelled: isCancelled
                    )
                }
                var onlineRows: [AuditRow] = []
                for bucket in buckets.sorted() {
                    onlineRows += try await online.rows(group.id, position, bucket, bucketCount, services, isCancelled)
                }
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
