internal import FeatureModel

/// Compares definitions with a catalog, thing by thing, building the catalog that would result.
struct Planner {
    let definitions: Definitions
    let project: String
    /// The catalog as it is, with what the files rename called by its new name.
    var before: Catalog
    /// What the catalog would be after the changes so far: services resolve against it.
    var after: Catalog
    var nextGroupID: GroupID
    var items: [Plan.Item] = []
    var changes: [CatalogChange] = []
    var problems = Problems()
    /// Old names of what was renamed, by its new one.
    var renamedFrom: [VersionedKind: [String: String]] = [:]
    /// The least version of each name in the files.
    private let listedGroups: [String: UInt32]
    private let listedServices: [String: UInt32]

    init(catalog: Catalog, definitions: Definitions) {
        self.definitions = definitions
        project = definitions.project
        before = catalog
        after = catalog
        nextGroupID = catalog.greatestGroupID + 1
        listedGroups = Dictionary(definitions.featureGroups.map { ($0.name, $0.version) }, uniquingKeysWith: min)
        listedServices = Dictionary(definitions.featureServices.map { ($0.name, $0.version) }, uniquingKeysWith: min)
    }

    mutating func plan() throws(HeadwaterError) -> Plan {
        if !before.projectNames.contains(project) { checkReserved(project, "project") }
        planRenames()
        for entity in definitions.entities { plan(entity) }
        for group in definitions.featureGroups { plan(group) }
        for service in definitions.featureServices { plan(service) }
        for dataset in definitions.datasets { plan(dataset) }
        try problems.throwIfAny()
        listKept()
        let isRefused = items.contains { $0.action == .refused }
        return Plan(project: project, items: items, changes: isRefused ? [] : changes)
    }

    /// Notes the outcome for one thing; `change` is what its fold would take.
    ///
    /// - Parameter promotion: what its name means, where that is said with it.
    mutating func finish(
        _ kind: Plan.Kind, _ name: String, path: String, exists: Bool, differences: Differences, change: CatalogChange?,
        promotion: CatalogChange? = nil
    ) {
        let action: Plan.Action
        if !differences.refusals.isEmpty {
            action = .refused
        } else if let change {
            action = exists ? .changed : .created
            let made = [change, promotion].compactMap { $0 }
            changes += made
            after.apply(made, position: after.position + 1)
        } else {
            action = .unchanged
        }
        items.append(
            Plan.Item(
                kind: kind, name: name, action: action, details: differences.lines, path: path, refusals: differences.refusals,
                warnings: differences.warnings.isEmpty ? nil : differences.warnings))
    }

    private mutating func plan(_ entity: EntityDefinition) {
        let path = DefinitionsCheck.path(of: entity)
        var differences = Differences()
        let old = before.entity(project: project, name: entity.name)
        if let old {
            if old.keys.map(\.field) != entity.keys.map(\.field) {
                differences.refuse(
                    "\(path).keys",
                    "the keys of entity '\(entity.name)' change from \(describe(old.keys)) to \(describe(entity.keys))",
                    "define a new entity, and a new version of the groups that use it")
            } else if old.keys != entity.keys {
                differences.note("~ descriptions of keys")
            }
            differences.compare(EntityDefinition.fields, old, entity)
        } else {
            checkReserved(entity.name, "\(path).name")
            for key in entity.keys { checkReserved(key.name, "\(path).keys[\(key.name)].name") }
            differences.note("+ keys \(describe(entity.keys))")
            for key in entity.keys {
                for field in KeyDefinition.fields {
                    if let text = field.spelt(key) { differences.note("+ key \(key.name): \(field.name) \(text)") }
                }
            }
            differences.noteNew(EntityDefinition.fields, of: entity)
        }
        let change = old == entity ? nil : CatalogChange.entity(EntityChange(project: project, entity: entity))
        finish(.entity, entity.name, path: path, exists: old != nil, differences: differences, change: change)
    }

    private mutating func plan(_ group: GroupDefinition) {
        let path = DefinitionsCheck.path(of: group)
        if let old = before.group(project: project, name: group.name, version: group.version) {
            let (merged, schemaVersion, differences) = compare(old, with: group, path)
            let change = GroupChange(project: project, id: old.id, schemaVersion: schemaVersion, keys: old.keys, group: merged)
            finish(
                .group, group.reference, path: path, exists: true, differences: differences,
                change: merged == old.definition && renamedFrom[.group]?[group.name] == nil ? nil : .group(change))
            return
        }
        guard let entity = after.entity(project: project, name: group.entity) else {
            let names = after.entities(in: project).map(\.name)
            problems.add(
                "\(path).entity", "no entity '\(group.entity)': \(hint(for: group.entity, in: names, kind: "there are"))")
            return
        }
        problems.append(DefinitionsCheck.clashes(in: group, keys: entity.keys.map(\.name)))
        checkName(.group, group.name, group.version, path)
        for feature in group.features { checkReserved(feature.name, "\(path).features[\(feature.name)].name") }
        var differences = Differences()
        differences.note("+ entity \(entity.name), keys \(describe(entity.keys)), event_time \(group.eventTime ?? "none")")
        differences.noteNew("available_time", group.availableTime)
        differences.noteNew(GroupDefinition.fields, of: group)
        for feature in group.features { differences.noteNew(feature) }
        let change = GroupChange(project: project, id: nextGroupID, schemaVersion: 1, keys: entity.keys, group: group)
        nextGroupID += 1
        let promotion = promotion(.group, group.name, group.version, &differences)
        finish(
            .group, group.reference, path: path, exists: false, differences: differences, change: .group(change),
            promotion: promotion)
    }

    /// What the name of something new means from here on. The first version is promoted as it
    /// is made, the least one where files bring several; a later one is not, and what the name
    /// meant until then is said once, where that was left to the rule of the greatest version.
    func promotion(
        _ kind: VersionedKind, _ name: String, _ version: UInt32, _ differences: inout Differences
    ) -> CatalogChange? {
        let known =
            kind == .group
            ? before.group(project: project, name: name)?.version
            : before.service(project: project, VersionedName(name))?.version
        let listed = kind == .group ? listedGroups[name] : listedServices[name]
        let promoted = known ?? listed ?? version
        if promoted != version {
            differences.note(
                "= not promoted: \(name) still means \(name)@\(promoted); "
                    + "'headwater promote \(kind.rawValue) \(name)@\(version)' moves it")
        }
        if after.isPromotionKnown(kind, project: project, name: name) { return nil }
        return .promotion(PromotionChange(project: project, what: kind, name: name, version: promoted))
    }

    /// What is in the project's catalog and not in the files; of datasets there may be many, and no file is meant to have them.
    private mutating func listKept() {
        func keep(_ kind: Plan.Kind, _ name: String, _ oldName: String? = nil) {
            items.append(
                Plan.Item(
                    kind: kind, name: name, action: oldName == nil ? .kept : .changed,
                    details: oldName.map { ["~ renamed: \($0) → \(name)"] } ?? [], path: "", refusals: [], warnings: nil))
        }
        let entities = Set(definitions.entities.map(\.name))
        for entity in before.entities(in: project) where !entities.contains(entity.name) { keep(.entity, entity.name) }
        let groups = Set(definitions.featureGroups.map(\.reference))
        for group in before.groups(in: project) where !groups.contains(group.reference) {
            keep(.group, group.reference, renamedFrom[.group]?[group.name].map { "\($0)@\(group.version)" })
        }
        let services = Set(definitions.featureServices.map(\.reference))
        for service in before.services(in: project) where !services.contains(service.reference) {
            keep(.service, service.reference, renamedFrom[.service]?[service.name].map { "\($0)@\(service.version)" })
        }
    }

    func describe(_ keys: [KeyDefinition]) -> String {
        keys.isEmpty ? "none (global)" : "(" + keys.map { "\($0.name) \($0.type)" }.joined(separator: ", ") + ")"
    }
}
