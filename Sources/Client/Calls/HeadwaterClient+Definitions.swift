public import Catalog
public import FeatureModel
import Wire

/// What an apply did, or would do.
public struct ApplyResult: Sendable {
    /// The position of the definitions; that of the newest ones where nothing changed.
    public let position: Position
    public let changed: Bool
    public let plan: Plan
    /// The plan as the server sent it.
    public let planJSON: [UInt8]
}

/// A JSON answer as the server sent it, and decoded.
public struct JSONAnswer<Value: Sendable>: Sendable {
    public let value: Value
    public let json: [UInt8]
    /// The position that the answer shows.
    public let position: Position
}

extension HeadwaterClient {
    /// Applies definitions of one project.
    ///
    /// - Throws: `.invalidArgument` or `.failedPrecondition` with up to 20 problems, each behind its path; `.unavailable` where
    ///   the answer was lost: applying the same definitions again is safe.
    public func apply(_ definitions: Definitions) async throws(HeadwaterError) -> ApplyResult {
        try await applyOrPlan(.apply, definitions, retry: .never)
    }

    /// What applying the definitions would do; what is not allowed is in the plan.
    public func plan(_ definitions: Definitions) async throws(HeadwaterError) -> ApplyResult {
        try await applyOrPlan(.plan, definitions, retry: .once)
    }

    private func applyOrPlan(
        _ method: Wire.Method, _ definitions: Definitions, retry: Retry
    ) async throws(HeadwaterError) -> ApplyResult {
        let request = ApplyRequest.with { $0.project = definitions.project }
        return try await planned(method, request, body: definitions.encodeJSON()[...], retry: retry)
    }

    private func planned(
        _ method: Wire.Method, _ request: some Head, body: ArraySlice<UInt8> = [], retry: Retry
    ) async throws(HeadwaterError) -> ApplyResult {
        let (head, json) = try await call(
            method, to: .online, request, body: body, deadline: configuration.callTimeout, retry: retry, answer: ApplyReply.self)
        return ApplyResult(
            position: head.position, changed: head.changed, plan: try Plan.decode(json: json), planJSON: Array(json))
    }

    /// Makes a name without a version mean another version from here on.
    ///
    /// - Parameters:
    ///   - name: `orders@2`.
    ///   - isForced: promotes a version without rows too.
    ///   - isDryRun: only says what it would do.
    /// - Throws: `.failedPrecondition` for a version without rows, `.notFound` where there is no such version; `.unavailable`
    ///   where the answer was lost: promoting again is safe.
    public func promote(
        _ kind: VersionedKind, _ name: String, isForced: Bool = false, isDryRun: Bool = false
    ) async throws(HeadwaterError) -> ApplyResult {
        let request = PromoteRequest.with {
            ($0.project, $0.kind, $0.name) = (project, kind.rawValue, name)
            ($0.force, $0.dryRun) = (isForced, isDryRun)
        }
        return try await planned(.promote, request, retry: isDryRun ? .once : .never)
    }

    /// Removes one thing, or says what that would do.
    ///
    /// - Parameters:
    ///   - name: `orders`, `orders@2`; of a feature `orders:total`; of a project its own name.
    ///   - isForced: removes what depends on it too, but for training sets: the rows that they read stay until they are released.
    ///   - keepsHistory: keeps rows of groups for reads as of positions before.
    ///   - isDryRun: only says what it would do.
    /// - Throws: `.failedPrecondition` that names what depends on it, `.notFound` where there is no such thing; `.unavailable`
    ///   where the answer was lost: removing again then says that it is not there.
    public func remove(
        _ kind: RemovableKind, _ name: String, isForced: Bool = false, keepsHistory: Bool = false, isDryRun: Bool = false
    ) async throws(HeadwaterError) -> ApplyResult {
        let request = RemoveRequest.with {
            ($0.project, $0.kind, $0.name) = (project, kind.rawValue, name)
            ($0.force, $0.keepHistory, $0.dryRun) = (isForced, keepsHistory, isDryRun)
        }
        return try await planned(.remove, request, retry: isDryRun ? .once : .never)
    }

    /// Everything in the project, in short.
    public func list() async throws(HeadwaterError) -> JSONAnswer<CatalogListing> {
        let request = ListRequest.with { $0.project = project }
        let (head, body) = try await call(
            .list, to: nil, request, deadline: configuration.callTimeout, retry: .once, answer: JSONReply.self)
        return JSONAnswer(value: try CatalogListing.decode(json: body), json: Array(body), position: head.position)
    }

    /// Names of all projects that have something.
    public func projects() async throws(HeadwaterError) -> [String] {
        // No project is called so: what is listed are the others.
        let request = ListRequest.with { $0.project = "" }
        let (_, body) = try await call(
            .list, to: nil, request, deadline: configuration.callTimeout, retry: .once, answer: JSONReply.self)
        return try CatalogListing.decode(json: body).otherProjects ?? []
    }

    /// What has a text in a name, a description, an owner or a tag, of a group's features too, without regard to case.
    public func search(_ text: String) async throws -> CatalogDescription {
        let everything = try await list().value
        var seen: Set<String> = []
        let names =
            (everything.entities + everything.featureGroups + everything.featureServices).map(\.name)
            + everything.datasets.map(\.name)
        var left = names.filter { seen.insert($0).inserted }[...]
        var found = CatalogDescription()
        while !left.isEmpty {
            for described in try await descriptions(of: Array(left.prefix(Self.describedAtOnce))) {
                found.add(described.matching(text))
            }
            left = left.dropFirst(Self.describedAtOnce)
        }
        return found
    }

    private static let describedAtOnce = 64

    /// Descriptions of several names, asked for at once, in their order.
    private func descriptions(of names: [String]) async throws -> [CatalogDescription] {
        try await withThrowingTaskGroup(of: (Int, CatalogDescription).self) { group in
            for (index, name) in names.enumerated() { group.addTask { [self] in (index, try await describe(name).value) } }
            var found: [Int: CatalogDescription] = [:]
            for try await (index, described) in group { found[index] = described }
            return names.indices.compactMap { found[$0] }
        }
    }

    /// All that goes by a name: `weather`, `weather@2`.
    ///
    /// - Parameter asOf: as definitions were at this position.
    /// - Throws: `.notFound` that says what there is.
    public func describe(
        _ name: String, asOf: Position? = nil
    ) async throws(HeadwaterError) -> JSONAnswer<CatalogDescription> {
        let request = DescribeRequest.with {
            $0.project = project
            ($0.name, $0.asOf) = (name, asOf)
        }
        let (head, body) = try await call(
            .describe, to: nil, request, deadline: configuration.callTimeout, retry: .once, answer: JSONReply.self)
        return JSONAnswer(value: try CatalogDescription.decode(json: body), json: Array(body), position: head.position)
    }

    /// The feature group that `weather` (its promoted version) or `weather@2` names.
    ///
    /// - Throws: `.notFound` where there is none, also where the name is that of something else.
    public func group(_ name: String, asOf: Position? = nil) async throws(HeadwaterError) -> GroupDescription {
        let found = try await describe(name, asOf: asOf).value
        // A server from before promotion tells of none: there the greatest version counted.
        let greatest = found.featureGroups.max { $0.definition.version < $1.definition.version }
        guard let group = found.featureGroups.first(where: { $0.promoted == true }) ?? greatest else {
            throw HeadwaterError(.notFound, "'\(name)' in project '\(project)' is no feature group: 'headwater list' shows them")
        }
        return group
    }
}
