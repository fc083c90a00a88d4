public import FeatureModel

/// What applying definitions would do: shown by `headwater plan`, and turned into a log record by `apply`.
public struct Plan: Sendable, Hashable, Codable {
    public enum Kind: String, Sendable, Hashable, Codable {
        case entity = "entity"
        case group = "feature group"
        case service = "feature service"
        case dataset = "dataset"
        case feature = "feature"
        case project = "project"
    }

    public enum Action: String, Sendable, Hashable, Codable {
        case created
        case changed
        case unchanged
        /// In the catalog and not in the files: nothing is deleted.
        case kept
        /// What the name without a version means from here on.
        case promoted
        case removed
        /// Not allowed; the details say what to do instead.
        case refused
    }

    /// The fate of one entity, group or service.
    public struct Item: Sendable, Hashable, Codable {
        public let kind: Kind
        /// `airport`, `weather@1`.
        public let name: String
        public let action: Action
        /// One line for each difference; lines start with `+`, `~`, `=` or `!`.
        public let details: [String]
        /// Where it stands in the definitions: `feature_groups[weather]`; empty for what is kept.
        let path: String
        /// What is not allowed: (path, reason and remedy).
        let refusals: [Refusal]
        /// What is allowed, and yet likely not meant; a server from before says none.
        public let warnings: [String]?
    }

    struct Refusal: Sendable, Hashable, Codable {
        let path: String
        let message: String
    }

    public let project: String
    public let items: [Item]
    /// What the log record would hold; empty where nothing changes, or something is refused.
    public let changes: [CatalogChange]

    /// Reasons, each with its path: `feature_groups[weather].features[temp].type: …`.
    public var refusals: [String] { items.flatMap(\.refusals).map { "\($0.path): \($0.message)" } }

    /// Whether applying would change nothing.
    public var isEmpty: Bool { changes.isEmpty && refusals.isEmpty }

    /// The changes, if nothing is refused.
    ///
    /// - Throws: `.failedPrecondition` with up to 20 refusals, one a line.
    public func approved() throws(HeadwaterError) -> [CatalogChange] {
        var problems = Problems()
        for refusal in items.flatMap(\.refusals) { problems.add(refusal.path, refusal.message) }
        try problems.throwIfAny(.failedPrecondition)
        return changes
    }

    /// Warnings, each with the thing that it is about: `feature service churn@1: …`.
    public var warnings: [String] {
        items.flatMap { item in (item.warnings ?? []).map { "\(item.kind.rawValue) \(item.name): \($0)" } }
    }

    /// `2 created, 1 changed, 0 refused; 4 stay as they are`.
    public var summary: String {
        func count(_ actions: Action...) -> Int { items.count { actions.contains($0.action) } }
        let others = [("promoted", count(.promoted)), ("removed", count(.removed))].filter { $0.1 > 0 }.map {
            ", \($0.1) \($0.0)"
        }.joined()
        let kept = count(.unchanged, .kept)
        return "\(count(.created)) created, \(count(.changed)) changed\(others), \(count(.refused)) refused; "
            + (kept == 1 ? "1 stays as it is" : "\(kept) stay as they are")
    }
}

extension Plan {
    /// JSON for `--json` and the wire.
    public func encodeJSON() -> [UInt8] { CanonicalJSON.encode(self) }

    /// - Throws: `.internal` where the bytes are not what `encodeJSON` makes.
    public static func decode(json bytes: ArraySlice<UInt8>) throws(HeadwaterError) -> Plan {
        try CanonicalJSON.decode(Plan.self, from: bytes, orElse: .internal, what: "plan")
    }
}

extension Catalog {
    /// The difference between definitions and this catalog.
    ///
    /// - Complexity: O(definitions + catalog of the project).
    /// - Throws: `.invalidArgument` with up to 20 problems, each behind its path, where the definitions do not hold by
    /// themselves or name
    ///   what does not exist. What is not allowed as a change is in the plan, and `approved()` throws it.
    public func plan(_ definitions: Definitions) throws(HeadwaterError) -> Plan {
        try definitions.validate()
        var planner = Planner(catalog: self, definitions: definitions)
        return try planner.plan()
    }
}
