internal import FeatureModel

extension Catalog {
    /// Takes one change. It asks nothing and refuses nothing: all was decided when it was planned.
    mutating func fold(_ change: CatalogChange, position: Position) {
        let key = ByteString(change.project)
        // Taken out, so that it is changed in place and not copied.
        var project = projects.removeValue(forKey: key) ?? Project()
        switch change {
        case .entity(let change): project.entities[ByteString(change.entity.name)] = change.entity
        case .group(let change): fold(change, &project)
        case .service(let change): project.fold(change)
        case .dataset(let change): project.datasets[ByteString(change.dataset.name)] = change.dataset
        case .promotion(let change): project.promote(change.what, ByteString(change.name), change.version)
        case .rename(let change): rename(change, &project)
        case .removal(let change): remove(change, &project, position)
        }
        projects[key] = project
    }

    private mutating func fold(_ change: GroupChange, _ project: inout Project) {
        let name = ByteString(change.group.name)
        if groups[change.id] != nil {
            groups[change.id]!.apply(change)
        } else {
            groups[change.id] = CatalogGroup(change)
            var ids = project.groups[name, default: []]
            let place = ids.firstIndex { groups[$0]!.version > change.group.version } ?? ids.count
            ids.insert(change.id, at: place)
            project.groups[name] = ids
        }
        let names = (project.groups[name] ?? []).flatMap { groups[$0]!.definition.renamedFrom }
        project.oldGroupNames.replace(with: names, meaning: name)
    }

    private mutating func remove(_ change: RemovalChange, _ project: inout Project, _ position: Position) {
        let name = ByteString(change.name)
        switch change.what {
        case .project: break
        case .entity: project.entities[name] = nil
        case .dataset: project.datasets[name] = nil
        case .service: project.removeService(name, version: change.version ?? 0)
        case .feature:
            if let id = change.id, let ordinal = change.ordinal { groups[id]?.removedFeatures[ordinal] = position }
        case .group:
            guard let id = change.id, let group = groups[id], group.removedAt == nil else { break }
            groups[id]!.removedAt = position
            groups[id]!.keepsHistory = change.keepsHistory == true
            let left = (project.groups[name] ?? []).filter { $0 != id }
            project.groups[name] = left.isEmpty ? nil : left
            project.removedGroups[name] = max(group.version, project.removedGroups[name] ?? 0)
            if project.promotedGroups[name] == group.version { project.promotedGroups[name] = nil }
            project.oldGroupNames.replace(with: left.flatMap { groups[$0]!.definition.renamedFrom }, meaning: name)
        }
    }

    private mutating func rename(_ change: RenameChange, _ project: inout Project) {
        let (old, new) = (ByteString(change.name), ByteString(change.to))
        switch change.what {
        case .group:
            let ids = project.groups.removeValue(forKey: old) ?? []
            project.groups[new] = ids
            project.promotedGroups[new] = project.promotedGroups.removeValue(forKey: old)
            for id in ids { groups[id]!.definition.name = change.to }
            project.keepOutputNames(of: Set(ids), called: change.name)
            project.oldGroupNames.replace(with: ids.flatMap { groups[$0]!.definition.renamedFrom }, meaning: new)
        case .service:
            let versions = (project.services.removeValue(forKey: old) ?? []).map { $0.renamed(change.to) }
            project.services[new] = versions
            project.promotedServices[new] = project.promotedServices.removeValue(forKey: old)
            project.oldServiceNames.replace(with: versions.flatMap(\.definition.renamedFrom), meaning: new)
        }
    }
}

extension Catalog.Project {
    mutating func fold(_ change: ServiceChange) {
        var service = CatalogService(
            project: change.project, definition: change.service, pins: change.pins, expressionPlaces: change.expressionPlaces)
        let name = ByteString(service.name)
        var versions = services[name, default: []]
        let place = versions.firstIndex { $0.version >= service.version } ?? versions.count
        if place < versions.count, versions[place].version == service.version {
            service.groupNames = versions[place].groupNames
            versions[place] = service
        } else {
            versions.insert(service, at: place)
        }
        services[name] = versions
        oldServiceNames.replace(with: versions.flatMap(\.definition.renamedFrom), meaning: name)
    }

    mutating func removeService(_ name: ByteString, version: UInt32) {
        let left = (services[name] ?? []).filter { $0.version != version }
        services[name] = left.isEmpty ? nil : left
        removedServices[name] = max(version, removedServices[name] ?? 0)
        if promotedServices[name] == version { promotedServices[name] = nil }
        oldServiceNames.replace(with: left.flatMap(\.definition.renamedFrom), meaning: name)
    }

    mutating func promote(_ kind: VersionedKind, _ name: ByteString, _ version: UInt32) {
        switch kind {
        case .group: promotedGroups[name] = version
        case .service: promotedServices[name] = version
        }
    }

    /// The full names of what services give stay as they were when they were pinned, whatever their groups are called later.
    mutating func keepOutputNames(of groups: Set<GroupID>, called name: String) {
        for (key, versions) in services {
            guard versions.contains(where: { $0.pins.contains { groups.contains($0.group) } }) else { continue }
            services[key] = versions.map { service in
                var service = service
                for pin in service.pins where groups.contains(pin.group) && service.groupNames[pin.group] == nil {
                    service.groupNames[pin.group] = name
                }
                return service
            }
        }
    }
}

extension [ByteString: ByteString] {
    /// The old names of one thing, in place of those that it had so far.
    fileprivate mutating func replace(with names: [String], meaning name: ByteString) {
        if !names.isEmpty || values.contains(name) { self = filter { $0.value != name } }
        for old in names { self[ByteString(old)] = name }
    }
}
