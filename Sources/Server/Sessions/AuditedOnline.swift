import Catalog
import Engine
import FeatureModel
import OnlineStore
import Transport
import Wire

/// The online side of an audit: in this process, or behind a connection.
protocol AuditedOnline: Sendable {
    /// Takes a cut at or behind `position`, and digests all groups.
    func firstDigests(
        after position: Position, _ scope: AuditScope, _ caller: AuditCaller
    ) async throws -> (Position, [GroupDigest])
    /// Digests one group of that cut again, a part of it finer.
    func digest(
        _ group: GroupID, at position: Position, _ scope: AuditScope, _ caller: AuditCaller
    ) async throws -> GroupDigest?
    /// Rows of a part of one group of that cut.
    func rows(_ group: GroupID, at position: Position, _ scope: AuditScope, _ caller: AuditCaller) async throws -> [AuditRow]
    /// Lets go of the cut.
    func finish() async
}

/// The online store of this process, for an audit here or one that another process asks for.
struct LocalOnline: AuditedOnline {
    let services: Services
    let node: OnlineNode
    /// Whose cuts these are: they go with it.
    let owner: AuditViews.Owner

    // MARK: On a worker thread

    func firstDigests(
        _ scope: AuditScope, _ progress: (Int) throws(HeadwaterError) -> Void
    ) throws(HeadwaterError) -> (Position, [GroupDigest]) {
        let view = node.store.view()
        try services.auditViews.keep(view, owner: owner, now: Monotonic.now())
        // The cut comes first: rows of a schema are only written when the catalog that has it is published.
        let catalog = node.state.catalog.asOf(view.position)
        do throws(HeadwaterError) {
            return (view.position, try Audit.digests(view, catalog: catalog, scope: scope, progress: progress))
        } catch {
            // Nobody can ask about a cut whose position he was not told; the connection may have ended before it was kept.
            services.auditViews.drop(owner)
            throw error
        }
    }

    func digest(
        _ group: GroupID, at position: Position, _ scope: AuditScope, _ progress: (Int) throws(HeadwaterError) -> Void
    ) throws(HeadwaterError) -> GroupDigest? {
        let view = try services.auditViews.view(at: position, owner: owner, now: Monotonic.now())
        let catalog = node.state.catalog.asOf(position)
        return try Audit.digests(view, catalog: catalog, scope: scope, group: group, progress: progress).first
    }

    func rows(
        _ group: GroupID, at position: Position, _ scope: AuditScope, _ progress: (Int) throws(HeadwaterError) -> Void
    ) throws(HeadwaterError) -> [AuditRow] {
        let view = try services.auditViews.view(at: position, owner: owner, now: Monotonic.now())
        return try Audit.rows(
            view, catalog: node.state.catalog.asOf(position), scope: scope, group: group, progress: progress)
    }

    // MARK: From a task

    func firstDigests(
        after position: Position, _ scope: AuditScope, _ caller: AuditCaller
    ) async throws -> (Position, [GroupDigest]) {
        try await caller.wait(for: position, PositionedStore(node))
        return try await caller.work { () throws(HeadwaterError) in
            try firstDigests(scope) { (rows) throws(HeadwaterError) in try caller.walked(rows) }
        }
    }

    func digest(
        _ group: GroupID, at position: Position, _ scope: AuditScope, _ caller: AuditCaller
    ) async throws -> GroupDigest? {
        try await caller.work { () throws(HeadwaterError) in
            try digest(group, at: position, scope) { (rows) throws(HeadwaterError) in try caller.walked(rows) }
        }
    }

    func rows(_ group: GroupID, at position: Position, _ scope: AuditScope, _ caller: AuditCaller) async throws -> [AuditRow] {
        try await caller.work { () throws(HeadwaterError) in
            try rows(group, at: position, scope) { (rows) throws(HeadwaterError) in try caller.walked(rows) }
        }
    }

    func finish() async { services.auditViews.drop(owner) }
}

/// The online service behind a connection of the audit's own; its cut goes when the connection does.
struct RemoteOnline: AuditedOnline {
    let connection: ClientTransport

    func firstDigests(
        after position: Position, _ scope: AuditScope, _ caller: AuditCaller
    ) async throws -> (Position, [GroupDigest]) {
        let head = AuditDigestRequest.with {
            $0.position = position
            $0.scope = HashScope(scope)
        }
        let answer = try await connection.call(.auditDigest, head, deadline: caller.timeLeft, reply: AuditDigestReply.self)
        return (answer.head.position, try GroupDigest.decode(answer.body))
    }

    func digest(
        _ group: GroupID, at position: Position, _ scope: AuditScope, _ caller: AuditCaller
    ) async throws -> GroupDigest? {
        let head = AuditDigestRequest.with {
            $0.position = position
            $0.groupID = group
            $0.scope = HashScope(scope)
            $0.isSameCut = true
        }
        let answer = try await connection.call(.auditDigest, head, deadline: caller.timeLeft, reply: AuditDigestReply.self)
        return try GroupDigest.decode(answer.body).first
    }

    func rows(_ group: GroupID, at position: Position, _ scope: AuditScope, _ caller: AuditCaller) async throws -> [AuditRow] {
        let head = AuditRowsRequest.with {
            $0.position = position
            $0.groupID = group
            $0.scope = HashScope(scope)
        }
        var rows: [AuditRow] = []
        for try await item in connection.stream(.auditRows, head: head, deadline: caller.timeLeft) {
            rows += try AuditRow.rows(Batch(decoding: item.body))
        }
        return rows
    }

    func finish() async { await connection.close() }
}

extension HashScope {
    init(_ scope: AuditScope) {
        self = .with {
            $0.seed = scope.seed
            $0.prefixBits = UInt32(scope.prefixBits)
            $0.splitBits = UInt32(scope.splitBits)
            $0.prefixes = scope.prefixes
        }
    }

    /// - Throws: `.invalidArgument` where it is none.
    func checked() throws(HeadwaterError) -> AuditScope {
        try AuditScope(
            seed: seed, prefixes: prefixes, prefixBits: Int(clamping: prefixBits), splitBits: Int(clamping: splitBits))
    }
}
