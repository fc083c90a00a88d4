internal import FeatureModel

/// Names: renames, names that are taken, and what is deprecated.
extension Planner {
    /// Groups and services that the files call otherwise are renamed before anything else is compared, all their versions.
    mutating func planRenames() {
        for group in definitions.featureGroups where !group.renamedFrom.isEmpty {
            rename(.group, to: group.name, from: group.renamedFrom, DefinitionsCheck.path(of: group))
        }
        for service in definitions.featureServices where !service.renamedFrom.isEmpty {
            rename(.service, to: service.name, from: service.renamedFrom, DefinitionsCheck.path(of: service))
        }
    }

    private mutating func rename(_ kind: VersionedKind, to name: String, from oldNames: [String], _ path: String) {
        for old in oldNames where versionCount(kind, old) > 0 {
            let isListed =
                kind == .group
                ? definitions.featureGroups.contains { $0.name == old } : definitions.featureServices.contains { $0.name == old }
            if isListed || versionCount(kind, name) > 0 {
                problems.add(
                    "\(path).renamed_from",
                    "'\(old)' is there itself, beside '\(name)': a \(kind.planKind.rawValue) is renamed by listing it once, by its new name"
                )
                continue
            }
            renamedFrom[kind, default: [:]][name] = old
            let change = CatalogChange.rename(RenameChange(project: project, what: kind, name: old, to: name))
            changes.append(change)
            before.apply([change], position: before.position + 1)
            after.apply([change], position: after.position + 1)
        }
    }

    private func versionCount(_ kind: VersionedKind, _ name: String) -> Int {
        kind == .group
            ? before.groupVersions(project: project, name: name).count
            : before.serviceVersions(project: project, name: name).count
    }

    /// Refuses a new thing whose name still means another one, one of the system's, and a version that was there before.
    mutating func checkName(_ kind: VersionedKind, _ name: String, _ version: UInt32, _ path: String) {
        checkReserved(name, "\(path).name")
        if let removed = before.removedVersion(kind, project: project, name: name), version <= removed {
            problems.add(
                "\(path).version",
                "\(name)@\(removed) was removed: its name is used again under the next version (version: \(removed + 1))")
        }
        guard let holder = before.currentName(kind, project: project, of: name) else { return }
        let listed =
            kind == .group
            ? definitions.featureGroups.filter { $0.name == holder }.map(\.renamedFrom)
            : definitions.featureServices.filter { $0.name == holder }.map(\.renamedFrom)
        if listed.isEmpty || listed.contains(where: { $0.contains(name) }) {
            problems.add(
                "\(path).name",
                "'\(name)' still means '\(holder)', which was called so before: take it out of its renamed_from first")
        }
    }

    /// Names of the system's own begin so; those that are there already stay.
    mutating func checkReserved(_ name: String, _ path: String) {
        if name.hasPrefix(Names.systemPrefix) {
            problems.add(path, "bad name '\(name)': names that begin with '\(Names.systemPrefix)' are the system's own")
        }
    }

    /// Notes what of a service's outputs should not be used any more.
    func warnOfDeprecated(_ pins: [ServicePin], _ differences: inout Differences) {
        var groups: Set<GroupID> = []
        for pin in pins {
            guard let group = after.group(id: pin.group) else { continue }
            if let text = group.definition.deprecated, groups.insert(group.id).inserted {
                differences.warn("\(group.reference) is deprecated: \(text)")
            }
            if let text = group.feature(ofOrdinal: pin.ordinal).deprecated {
                differences.warn("\(group.reference):\(pin.feature) is deprecated: \(text)")
            }
        }
    }
}
