import Catalog
import Engine
import FeatureModel
import NIOPosix
import OnlineStore
import Transport
import Wire

/// The online side of an audit: in this process, or behind a connection.
protocol AuditedOnline: Sendable {
    /// Takes a cut and digests it.
    func digests(
        _ bucketCount: Int, _ services: Services, _ isCancelled: @escaping @Sendable () -> Bool
    ) async throws -> (Position, [GroupDigest])
    /// Rows of one bucket of that cut.
    func rows(
        _ group: GroupID, _ position: Position, _ bucket: Int, _ bucketCount: Int, _ services: Services,
        _ isCancelled: @escaping @Sendable () -> Bool
    ) async throws -> [AuditRow]
}

struct LocalOnline: AuditedOnline {
    let services: Services
    let node: OnlineNode

    func digests(bucketCount: Int, isCancelled: () -> Bool) throws(HeadwaterError) -> (Position, [GroupDigest]) {
        let view = node.store.view()
        services.auditViews.keep(view, now: services.clock.now())
        // The cut comes first: rows of a schema are only written when the catalog that has it is published.
        let catalog = node.state.catalog.asOf(view.position)
        return (view.position, try Audit.digests(view, catalog: catalog, bucketCount: bucketCount, isCancelled: isCancelled))
    }

    func rows(
        _ group: GroupID, at position: Position, bucket: Int, bucketCount: Int, isCancelled: () -> Bool
    ) throws(HeadwaterError) -> [AuditRow] {
        let view = try services.auditViews.view(at: position)
        guard let schema = node.state.catalog.asOf(position).newestSchema(group) else {
            throw HeadwaterError(.notFound, "no feature group has the id \(group)")
        }
        guard bucketCount > 0, (0..<bucketCount).contains(bucket) else {
            throw HeadwaterError(.invalidArgument, "bucket \(bucket) of \(bucketCount)")
        }
        return try Audit.rows(view, schema: schema, bucket: bucket, bucketCount: bucketCount, isCancelled: isCancelled)
    }

    func digests(
        _ bucketCount: Int, _ services: Services, _ isCancelled: @escaping @Sendable () -> Bool
    ) async throws -> (Position, [GroupDigest]) {
        try await services.work { try digests(bucketCount: bucketCount, isCancelled: isCancelled) }
    }

    func rows(
        _ group: GroupID, _ position: Position, _ bucket: Int, _ bucketCount: Int, _ services: Services,
        _ isCancelled: @escaping @Sendable () -> Bool
    ) async throws -> [AuditRow] {
        try await services.work {
            try rows(group, at: position, bucket: bucket, bucketCount: bucketCount, isCancelled: isCancelled)
        }
    }
}

struct RemoteOnline: AuditedOnline {
    let connection: ClientTransport

    func digests(
        _ bucketCount: Int, _ services: Services, _ isCancelled: @escaping @Sendable () -> Bool
    ) async throws -> (Position, [GroupDigest]) {
        let request = AuditDigestRequest.with { $0.bucketCount = UInt32(bucketCount) }
        let answer = try await connection.call(.auditDigest, request, reply: AuditDigestReply.self)
        return (answer.head.position, try GroupDigest.decode(answer.body))
    }

    func rows(
        _ group: GroupID, _ position: Position, _ bucket: Int, _ bucketCount: Int, _ services: Services,
        _ isCancelled: @escaping @Sendable () -> Bool
    ) async throws -> [AuditRow] {
        let request = AuditRowsRequest.with {
            $0.position = position
            $0.groupID = group
            $0.bucketCount = UInt32(bucketCount)
            $0.bucket = UInt32(bucket)
        }
        var rows: [AuditRow] = []
        for try await item in connection.stream(.auditRows, head: request) {
            rows += try AuditRow.rows(Batch(decoding: item.body))
        }
        return rows
    }
}

extension Services {
    /// Runs blocking work on a worker thread and hands back its result.
    func work<Answer: Sendable>(_ body: @escaping @Sendable () throws -> Answer) async throws -> Answer {
        try await workers.runIfActive(body)
    }
}
