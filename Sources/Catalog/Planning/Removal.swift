public import FeatureModel

/// A request to remove one thing.
public struct Removal: Hashable, Sendable {
    public var project: String
    public var kind: RemovableKind
    /// `orders`, `orders@2`; of a feature `orders:total`, `orders@2:total`; of a project its own name.
    public var name: String
    /// Whether what depends on it is removed too.
    public var isForced: Bool
    /// Whether rows of groups stay for reads as of positions before.
    public var keepsHistory: Bool

    public init(project: String, _ kind: RemovableKind, _ name: String, isForced: Bool = false, keepsHistory: Bool = false) {
        self.project = kind == .project ? name : project
        self.kind = kind
        self.name = name
        self.isForced = isForced
        self.keepsHistory = keepsHistory
    }
}

extension Catalog {
    /// What removing something would do: all that depends on it is named, and goes with it where that is forced.
    ///
    /// Saved training sets are no part of the chain: the rows that they read stay until they are released.
    /// - Parameter figures: what groups hold; those that are left out hold nothing.
    /// - Throws: `.notFound` where there is no such thing, `.invalidArgument` where a name has several versions and says none.
    public func plan(_ removal: Removal, figures: [GroupID: GroupFigures]) throws(HeadwaterError) -> Plan {
        var remover = Remover(catalog: self, removal: removal, figures: figures)
        try remover.run()
        return remover.finish()
    }

    /// Saved training sets of a project that are not released, with what they read by the definitions of their positions.
    ///
    /// - Complexity: O(sets + history).
    func unreleasedDatasets(in project: String) -> [(dataset: DatasetDefinition, plan: FeaturePlan?)] {
        var history = history[...]
        var earlier = Catalog()
        return datasets(in: project).filter { !$0.isReleased }.sorted { $0.query.asOf < $1.query.asOf }.map { dataset in
            while let record = history.first, record.position <= dataset.query.asOf {
                earlier.apply(record.changes, position: record.position)
                history.removeFirst()
            }
            let plan = try? earlier.resolve(
                project: project, dataset.query.selection, fullNames: dataset.query.fullFeatureNames)
            return (dataset, plan)
        }
    }
}

/// Gathers what is removed, what depends on it first.
private struct Remover {
    let catalog: Catalog
    let removal: Removal
    let figures: [GroupID: GroupFigures]
    private let datasets: [(dataset: DatasetDefinition, plan: FeaturePlan?)]
    private var items: [Plan.Item] = []
    private var changes: [CatalogChange] = []
    private var taken: Set<String> = []
    private var groupsTaken: Set<GroupID> = []

    private var project: String { removal.project }

    init(catalog: Catalog, removal: Removal, figures: [GroupID: GroupFigures]) {
        self.catalog = catalog
        self.removal = removal
        self.figures = figures
        datasets = catalog.unreleasedDatasets(in: removal.project)
    }

    mutating func run() throws(HeadwaterError) {
        switch removal.kind {
        case .project: try removeProject()
        case .entity: try removeEntity()
        case .group: remove(try group(named: removal.name))
        case .feature: try removeFeature()
        case .service: remove(try service())
        case .dataset: remove(try catalog.dataset(project: project, name: removal.name))
        }
    }

    func finish() -> Plan {
        let isRefused = items.contains { $0.action == .refused }
        return Plan(project: project, items: items, changes: isRefused ? [] : changes)
    }

    // MARK: What is named

    private func group(named text: String) throws(HeadwaterError) -> CatalogGroup {
        let name = try VersionedName.parse(text)
        let group = try catalog.group(project: project, name)
        try checkVersion(name, catalog.groupVersions(project: project, name: group.name).map(\.reference))
        return group
    }

    private func service() throws(HeadwaterError) -> CatalogService {
        let service = try catalog.service(project: project, reference: removal.name)
        let name = try VersionedName.parse(removal.name)
        if service.name == name.name || name.version == nil {
            let versions = catalog.serviceVersions(project: project, name: service.name).map(\.reference)
            if !removal.name.hasSuffix("_v\(service.version)") || service.name == name.name { try checkVersion(name, versions) }
        }
        return service
    }

    private func checkVersion(_ name: VersionedName, _ versions: [String]) throws(HeadwaterError) {
        guard name.version == nil, versions.count > 1 else { return }
        throw HeadwaterError(
            .invalidArgument, "say which version of \(name) is removed: there are \(versions.joined(separator: ", "))")
    }

    // MARK: What is removed

    private mutating func removeProject() throws(HeadwaterError) {
        guard catalog.projectNames.contains(project) else {
            throw HeadwaterError(
                .notFound,
                "no project '\(project)': \(hint(for: project, in: catalog.projectNames, kind: "there are"))")
        }
        var differences = Differences()
        for (dataset, _) in datasets {
            differences.refuse(
                project, "dataset \(dataset.name) is not released, and the rows that it reads stay until it is",
                "'headwater dataset release \(dataset.name)'")
        }
        let groups = catalog.groups(in: project)
        let services = catalog.services(in: project)
        if !removal.isForced {
            differences.refuse(
                project,
                "the project has \(groups.count) groups, \(services.count) services, \(catalog.entities(in: project).count) entities and "
                    + "\(catalog.datasets(in: project).count) datasets",
                "remove it with all of them: --force (force=True)")
        }
        if differences.refusals.isEmpty {
            for dataset in catalog.datasets(in: project) { remove(dataset) }
            for service in services { take(service, Differences()) }
            for group in groups { take(group, Differences()) }
            for entity in catalog.entities(in: project) { take(entity, Differences()) }
        }
        note(.project, project, differences, change: .init(project: project, what: .project, name: project))
    }

    private mutating func removeEntity() throws(HeadwaterError) {
        guard let entity = catalog.entity(project: project, name: removal.name) else {
            let names = catalog.entities(in: project).map(\.name)
            throw HeadwaterError(
                .notFound,
                "no entity '\(removal.name)' in project '\(project)': \(hint(for: removal.name, in: names, kind: "there are"))")
        }
        var differences = Differences()
        let users = catalog.groups(in: project).filter { $0.definition.entity == entity.name }
        for group in users {
            if removal.isForced {
                remove(group, amongst: users)
            } else {
                depends("feature group \(group.reference) has its keys", on: entity.name, &differences)
            }
        }
        take(entity, differences)
    }

    /// - Parameter all: groups that are removed with it, so that no version of its name is left behind.
    private mutating func remove(_ group: CatalogGroup, amongst all: [CatalogGroup] = []) {
        guard !groupsTaken.contains(group.id) else { return }
        var differences = Differences()
        for service in catalog.services(in: project) where service.pins.contains(where: { $0.group == group.id }) {
            if removal.isForced {
                remove(service)
            } else {
                depends("feature service \(service.reference) reads it", on: group.reference, &differences)
            }
        }
        checkDatasets(group.reference, &differences) { plan in plan.lookups.contains { $0.groupID == group.id } }
        let left = catalog.groupVersions(project: project, name: group.name).filter { other in
            other.id != group.id && !all.contains { $0.id == other.id }
        }
        checkPromoted(
            .group, group.name, group.version, left.map(\.reference),
            catalog.group(project: project, name: group.name)?.version, &differences)
        take(group, differences)
    }

    private mutating func remove(_ service: CatalogService) {
        guard !taken.contains(service.reference) else { return }
        var differences = Differences()
        checkDatasets(service.reference, &differences) { $0.service == service.reference }
        let left = catalog.serviceVersions(project: project, name: service.name).filter { other in
            other.version != service.version && !taken.contains(other.reference)
        }
        // In a chain all services that read a group go; what the name means then is what is left of it.
        if removal.kind == .service {
            checkPromoted(
                .service, service.name, service.version, left.map(\.reference),
                catalog.service(project: project, VersionedName(service.name))?.version, &differences)
        }
        take(service, differences)
    }

    private mutating func remove(_ dataset: DatasetDefinition) {
        var differences = Differences()
        if !dataset.isReleased {
            differences.refuse(
                dataset.name, "dataset \(dataset.name) is not released, and the rows that it reads stay until it is",
                "'headwater dataset release \(dataset.name)'")
        }
        differences.note("= \(dataset.rows) rows as of \(dataset.query.asOf), hash \(dataset.features.hash)")
        note(.dataset, dataset.name, differences, change: .init(project: project, what: .dataset, name: dataset.name))
    }

    private mutating func removeFeature() throws(HeadwaterError) {
        let reference = try FeatureReference.parse(removal.name)
        let group = try group(named: "\(reference.group)")
        guard let name = reference.feature, let ordinal = group.ordinal(ofFeature: name) else {
            let names = group.visibleDefinition.features.map(\.name)
            throw HeadwaterError(
                .notFound,
                "no feature '\(reference.feature ?? "*")' in group \(group.reference): "
                    + hint(for: reference.feature ?? "*", in: names, kind: "there are"))
        }
        let feature = "\(group.reference):\(group.feature(ofOrdinal: ordinal).name)"
        var differences = Differences()
        if group.featureOrdinals.count == 1 {
            differences.refuse(feature, "it is the only feature of \(group.reference)", "remove the group")
        }
        for service in catalog.services(in: project)
        where service.pins.contains(where: { $0.group == group.id && $0.ordinal == ordinal }) {
            if removal.isForced {
                remove(service)
            } else {
                depends("feature service \(service.reference) reads it", on: feature, &differences)
            }
        }
        checkDatasets(feature, &differences) { plan in
            plan.lookups.contains { $0.groupID == group.id && $0.features.contains { $0.ordinal == ordinal } }
        }
        differences.note("= its values stay for reads as of positions before")
        let change = RemovalChange(
            project: project, what: .feature, name: feature, version: group.version, id: group.id, ordinal: ordinal)
        note(.feature, feature, differences, change: change)
    }

    // MARK: What stands against it

    private func depends(_ what: String, on name: String, _ differences: inout Differences) {
        differences.refuse(name, what, "remove that first, or all together with --force (force=True)")
    }

    /// Sets that are not released stand against it; where it is forced, they stay, and so does what they read.
    private func checkDatasets(_ name: String, _ differences: inout Differences, where reads: (FeaturePlan) -> Bool) {
        for (dataset, plan) in datasets {
            guard let plan, reads(plan) else { continue }
            if removal.isForced {
                differences.note(
                    "= dataset \(dataset.name) reads it as of \(dataset.query.asOf): that stays until it is released")
            } else {
                differences.refuse(
                    name, "dataset \(dataset.name) reads it as of \(dataset.query.asOf) and is not released",
                    "'headwater dataset release \(dataset.name)', or --force (force=True), which keeps what it reads until then")
            }
        }
    }

    private func checkPromoted(
        _ kind: VersionedKind, _ name: String, _ version: UInt32, _ left: [String], _ promoted: UInt32?,
        _ differences: inout Differences
    ) {
        guard promoted == version, let other = left.last else { return }
        differences.refuse(
            "\(name)@\(version)", "\(name) means \(name)@\(version), and there is \(left.joined(separator: ", ")) besides",
            "promote another version first: 'headwater promote \(kind.rawValue) \(other)'")
    }

    // MARK: Items

    private mutating func take(_ group: CatalogGroup, _ differences: Differences) {
        groupsTaken.insert(group.id)
        var differences = differences
        let rows =
            removal.keepsHistory
            ? "they leave online at once; history keeps them for reads as of positions before"
            : "they leave online at once, and history at its next compaction"
        differences.note("= \((figures[group.id] ?? GroupFigures(keys: 0)).text): \(rows)")
        let change = RemovalChange(
            project: project, what: .group, name: group.name, version: group.version, id: group.id,
            keepsHistory: removal.keepsHistory ? true : nil)
        note(.group, group.reference, differences, change: change)
    }

    private mutating func take(_ service: CatalogService, _ differences: Differences) {
        taken.insert(service.reference)
        let change = RemovalChange(project: project, what: .service, name: service.name, version: service.version)
        note(.service, service.reference, differences, change: change)
    }

    private mutating func take(_ entity: EntityDefinition, _ differences: Differences) {
        note(.entity, entity.name, differences, change: .init(project: project, what: .entity, name: entity.name))
    }

    private mutating func note(_ kind: Plan.Kind, _ name: String, _ differences: Differences, change: RemovalChange) {
        let isRefused = !differences.refusals.isEmpty
        items.append(
            Plan.Item(
                kind: kind, name: name, action: isRefused ? .refused : .removed, details: differences.lines, path: name,
                refusals: differences.refusals, warnings: nil))
        changes.append(.removal(change))
    }
}
