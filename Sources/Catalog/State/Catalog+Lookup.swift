public import FeatureModel

extension Catalog {
    /// Names of all projects, sorted by bytes.
    public var projectNames: [String] { projects.filter { !$0.value.isEmpty }.keys.sorted().map(\.description) }

    /// Entities of a project, sorted by name.
    public func entities(in project: String) -> [EntityDefinition] {
        sorted(projects[ByteString(project)]?.entities)
    }

    /// Groups of a project, all versions, sorted by name and version.
    public func groups(in project: String) -> [CatalogGroup] {
        sorted(projects[ByteString(project)]?.groups).joined().map { groups[$0]! }
    }

    /// All groups of all projects, by id, but for those that were removed.
    public var allGroups: [CatalogGroup] { groups.values.filter { $0.removedAt == nil }.sorted { $0.id < $1.id } }

    /// How far ahead of the clock event times of each group may be, or might
    /// be at any time before, whichever is more; without static tables.
    ///
    /// - Complexity: O(history).
    public var greatestAhead: [GroupID: Microseconds] {
        var greatest: [GroupID: Microseconds] = [:]
        for case .group(let change) in history.flatMap(\.changes) where !change.group.isStatic {
            greatest[change.id] = max(greatest[change.id] ?? .min, change.group.aheadMicroseconds)
        }
        return greatest
    }

    /// Groups that were removed, by id.
    public var removedGroups: [CatalogGroup] { groups.values.filter { $0.removedAt != nil }.sorted { $0.id < $1.id } }

    /// Services of a project, all versions, sorted by name and version.
    public func services(in project: String) -> [CatalogService] {
        Array(sorted(projects[ByteString(project)]?.services).joined())
    }

    /// Saved training sets of a project, sorted by name.
    public func datasets(in project: String) -> [DatasetDefinition] { sorted(projects[ByteString(project)]?.datasets) }

    private func sorted<Value>(_ table: [ByteString: Value]?) -> [Value] {
        (table ?? [:]).sorted { $0.key < $1.key }.map(\.value)
    }

    public func entity(project: String, name: String) -> EntityDefinition? {
        projects[ByteString(project)]?.entities[ByteString(name)]
    }

    /// A saved training set.
    ///
    /// - Throws: `.notFound` with what there is.
    public func dataset(project: String, name: String) throws(HeadwaterError) -> DatasetDefinition {
        let found = projects[ByteString(project)]?.datasets ?? [:]
        if let dataset = found[ByteString(name)] { return dataset }
        throw HeadwaterError(
            .notFound,
            "no dataset '\(name)' in project '\(project)': "
                + hint(for: name, in: found.keys.map(\.description).sorted(), kind: "there are"))
    }

    /// A group by name; without a version the promoted one.
    public func group(project: String, name: String, version: UInt32? = nil) -> CatalogGroup? {
        let versions = groupVersions(project: project, name: name)
        if let version { return versions.first { $0.version == version } }
        return promoted(versions, projects[ByteString(project)]?.promotedGroups[ByteString(name)])
    }

    /// What goes by a name now: the name itself, or what lists it among those that it had before.
    func nameInUse(_ kind: VersionedKind, project: String, _ name: String) -> String {
        let isUsed =
            kind == .group
            ? !groupVersions(project: project, name: name).isEmpty : !serviceVersions(project: project, name: name).isEmpty
        return isUsed ? name : currentName(kind, project: project, of: name) ?? name
    }

    /// All versions of a group, rising.
    func groupVersions(project: String, name: String) -> [CatalogGroup] {
        (projects[ByteString(project)]?.groups[ByteString(name)] ?? []).compactMap { groups[$0] }
    }

    /// All versions of a service, rising.
    func serviceVersions(project: String, name: String) -> [CatalogService] {
        projects[ByteString(project)]?.services[ByteString(name)] ?? []
    }

    /// The one of rising versions that a name without a version means. Before promotion was a step of its own that was the
    /// greatest, and it is still where nothing else was ever said.
    private func promoted<Version: Versioned>(_ versions: [Version], _ promoted: UInt32?) -> Version? {
        versions.first { $0.version == promoted } ?? versions.last
    }

    /// The greatest version of what was removed and went by the name.
    func removedVersion(_ kind: VersionedKind, project: String, name: String) -> UInt32? {
        let project = projects[ByteString(project)]
        return (kind == .group ? project?.removedGroups : project?.removedServices)?[ByteString(name)]
    }

    /// What is called otherwise now and lists the name among those that it had before; `nil` where nothing does.
    func currentName(_ kind: VersionedKind, project: String, of old: String) -> String? {
        let project = projects[ByteString(project)]
        return (kind == .group ? project?.oldGroupNames : project?.oldServiceNames)?[ByteString(old)]?.description
    }

    /// Whether it was ever said which version a name means.
    func isPromotionKnown(_ kind: VersionedKind, project: String, name: String) -> Bool {
        let project = projects[ByteString(project)]
        return (kind == .group ? project?.promotedGroups : project?.promotedServices)?[ByteString(name)] != nil
    }

    /// A group by its id, also one that was removed.
    public func group(id: GroupID) -> CatalogGroup? { groups[id] }

    /// A group's schema at one schema version; `nil` where either is not known.
    public func schema(_ id: GroupID, _ schemaVersion: UInt32) -> GroupSchema? { groups[id]?.schema(schemaVersion) }

    public func newestSchema(_ id: GroupID) -> GroupSchema? { groups[id]?.newestSchema }

    /// The group that `weather` or `weather@2` names.
    ///
    /// - Throws: `.notFound` with what there is, `.invalidArgument` where the text is no name.
    public func group(project: String, reference: String) throws(HeadwaterError) -> CatalogGroup {
        try group(project: project, VersionedName.parse(reference))
    }

    func group(project: String, _ reference: VersionedName) throws(HeadwaterError) -> CatalogGroup {
        if let group = group(project: project, name: reference.name, version: reference.version) { return group }
        if let name = currentName(.group, project: project, of: reference.name),
            let group = group(project: project, name: name, version: reference.version)
        {
            return group
        }
        if let error = removalError(project: project, reference) { throw error }
        let names = groups(in: project).map { reference.version == nil ? $0.name : $0.reference }
        throw HeadwaterError(
            .notFound,
            "no feature group '\(reference)' in project '\(project)': "
                + "\(hint(for: "\(reference)", in: unique(names), kind: "there are"))"
        )
    }

    /// What is said of a name that nothing has, and a group had until it was removed.
    func removalError(project: String, _ reference: VersionedName) -> HeadwaterError? {
        guard projects[ByteString(project)]?.removedGroups[ByteString(reference.name)] != nil else { return nil }
        let removed = removedGroups.last {
            ByteString($0.project) == ByteString(project) && ByteString($0.name) == ByteString(reference.name)
                && (reference.version ?? $0.version) == $0.version
        }
        return removed.map { removed in
            HeadwaterError(
                .notFound,
                "feature group '\(removed.reference)' of project '\(project)' was removed at position \(removed.removedAt!); "
                    + "as of positions before it is there while its rows are")
        }
    }

    /// The service that `departure_delay`, `departure_delay@2` or, where no service has exactly that name, `departure_delay_v2`
    /// names; without a version the promoted one.
    ///
    /// - Throws: `.notFound` with what there is, `.invalidArgument` where the text is no name.
    public func service(project: String, reference: String) throws(HeadwaterError) -> CatalogService {
        let parsed = try VersionedName.parse(reference)
        if let service = service(project: project, parsed) { return service }
        if let name = currentName(.service, project: project, of: parsed.name),
            let service = service(project: project, VersionedName(name, version: parsed.version))
        {
            return service
        }
        if parsed.version == nil, let suffix = reference.ranges(of: "_v").last,
            let version = UInt32(digits: String(reference[suffix.upperBound...])),
            let service = service(project: project, VersionedName(String(reference[..<suffix.lowerBound]), version: version))
        {
            return service
        }
        let names = services(in: project).map { parsed.version == nil ? $0.name : $0.reference }
        throw HeadwaterError(
            .notFound,
            "no feature service '\(reference)' in project '\(project)': "
                + "\(hint(for: reference, in: unique(names), kind: "there are"))"
        )
    }

    func service(project: String, _ name: VersionedName) -> CatalogService? {
        let versions = serviceVersions(project: project, name: name.name)
        if let version = name.version { return versions.first { $0.version == version } }
        return promoted(versions, projects[ByteString(project)]?.promotedServices[ByteString(name.name)])
    }

    private func unique(_ names: [String]) -> [String] {
        var seen: Set<String> = []
        return names.filter { seen.insert($0).inserted }
    }
}
