import Catalog
import Engine
import FeatureModel
import OnlineStore
import Transport
import Wire

/// The online side of an audit: in this process, or behind a connection.
protocol AuditedOnline: Sendable {
    /// Takes a cut at or behind `position` and digests it.
    func digests(after position: Position, bucketCount: Int) async throws -> (Position, [GroupDigest])
    /// Rows of some buckets of that cut, of one group.
    func rows(_ group: GroupID, at position: Position, buckets: Set<Int>, bucketCount: Int) async throws -> [AuditRow]
    /// Lets go of the cut.
    func finish(_ position: Position?) async
}

/// The online store of this process, for an audit here or one that another process asks for.
struct LocalOnline: AuditedOnline {
    let services: Services
    let node: OnlineNode
    let request: IncomingRequest
    let responder: Responder

    // MARK: On a worker thread

    func digests(bucketCount: Int) throws(HeadwaterError) -> (Position, [GroupDigest]) {
        let view = node.store.view()
        // The cut comes first: rows of a schema are only written when the catalog that has it is published.
        let catalog = node.state.catalog.asOf(view.position)
        let digests = try Audit.digests(
            view, catalog: catalog, bucketCount: bucketCount, isCancelled: request.stops(responder))
        services.auditViews.keep(view, now: services.clock.now())
        return (view.position, digests)
    }

    func rows(
        _ group: GroupID, at position: Position, in buckets: Set<Int>, of bucketCount: Int
    ) throws(HeadwaterError) -> [AuditRow] {
        let view = try services.auditViews.view(at: position, now: services.clock.now())
        guard let schema = node.state.catalog.asOf(position).newestSchema(group) else {
            throw HeadwaterError(.notFound, "no feature group has the id \(group)")
        }
        let stops = request.stops(responder)
        var rows: [AuditRow] = []
        for pass in AuditPasses(buckets, of: bucketCount) {
            let found = try Audit.rows(
                view, schema: schema, bucket: pass.remainder, bucketCount: pass.modulus, isCancelled: stops)
            rows += found.filter { buckets.contains(Int(CRC32C.checksum($0.key)) % bucketCount) }
            _ = try services.auditViews.view(at: position, now: services.clock.now())
        }
        return rows
    }

    // MARK: From a task

    func digests(after position: Position, bucketCount: Int) async throws -> (Position, [GroupDigest]) {
        try await services.wait(for: position, node.gate, request, responder)
        return try await services.work(request, responder) { try digests(bucketCount: bucketCount) }
    }

    func rows(_ group: GroupID, at position: Position, buckets: Set<Int>, bucketCount: Int) async throws -> [AuditRow] {
        try await services.work(request, responder) { try rows(group, at: position, in: buckets, of: bucketCount) }
    }

    func finish(_ position: Position?) async { if let position { services.auditViews.drop(at: position) } }
}

/// Walks over a store that find the rows of all wanted buckets.
///
/// A walk finds the rows whose hash leaves one remainder. Few buckets take a walk each; many share walks that find more and
/// are sifted, so that neither the walks nor the rows held at once grow with the buckets.
struct AuditPasses: Sequence {
    static let passesMax = 8

    private let passes: [(remainder: Int, modulus: Int)]

    init(_ buckets: Set<Int>, of bucketCount: Int) {
        let modulus =
            buckets.count <= Self.passesMax ? bucketCount : bucketCount % Self.passesMax == 0 ? Self.passesMax : 1
        passes = Set(buckets.map { $0 % modulus }).sorted().map { ($0, modulus) }
    }

    func makeIterator() -> some IteratorProtocol<(remainder: Int, modulus: Int)> { passes.makeIterator() }
}

/// The online service behind a connection of the audit's own.
struct RemoteOnline: AuditedOnline {
    let connection: ClientTransport
    let request: IncomingRequest

    private var timeLeft: Duration? { request.deadline.map { Swift.max(.milliseconds(1), $0 - .now) } }

    func digests(after position: Position, bucketCount: Int) async throws -> (Position, [GroupDigest]) {
        let head = AuditDigestRequest.with {
            $0.position = position
            $0.bucketCount = UInt32(bucketCount)
        }
        let answer = try await connection.call(.auditDigest, head, deadline: timeLeft, reply: AuditDigestReply.self)
        return (answer.head.position, try GroupDigest.decode(answer.body))
    }

    func rows(_ group: GroupID, at position: Position, buckets: Set<Int>, bucketCount: Int) async throws -> [AuditRow] {
        let head = AuditRowsRequest.with {
            $0.position = position
            $0.groupID = group
            $0.bucketCount = UInt32(bucketCount)
            $0.buckets = buckets.sorted().map { UInt32($0) }
        }
        var rows: [AuditRow] = []
        for try await item in connection.stream(.auditRows, head: head, deadline: timeLeft) {
            rows += try AuditRow.rows(Batch(decoding: item.body))
        }
        return rows
    }

    func finish(_ position: Position?) async { await connection.close() }
}
