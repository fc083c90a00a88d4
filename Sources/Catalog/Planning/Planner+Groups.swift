internal import FeatureModel

extension Planner {
    /// Compares a group with the same version in the catalog.
    ///
    /// - Returns: the definition that would stand after it, with features in ordinal order, and its schema version.
    mutating func compare(
        _ old: CatalogGroup, with new: GroupDefinition, _ path: String
    ) -> (merged: GroupDefinition, schemaVersion: UInt32, differences: Differences) {
        var differences = Differences()
        if let name = renamedFrom[.group]?[new.name] {
            differences.note("~ renamed: \(name)@\(old.version) → \(old.reference); \(name) still means it")
        }
        compareShape(old, with: new, path, &differences)
        differences.compare(GroupDefinition.fields, old.definition, new)

        var merged = new
        var schemaMoves = false
        merged.features = []
        let byName = Dictionary(new.features.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        let heirs = heirs(of: old, in: new, path, &differences)
        for (ordinal, feature) in zip(old.newestSchema.featureBase..., old.definition.features) {
            if let position = old.removedFeatures[ordinal] {
                if byName[feature.name] != nil {
                    differences.refuse(
                        "\(path).features[\(feature.name)].name",
                        "feature '\(feature.name)' of \(old.reference) was removed at \(position)",
                        "call it otherwise, or " + remedy(for: old))
                }
                merged.features.append(feature)
                continue
            }
            guard let newer = byName[feature.name] ?? heirs[feature.name] else {
                differences.note("= feature \(feature.name): kept (it is not in the files; nothing is deleted)")
                merged.features.append(feature)
                continue
            }
            if newer.name != feature.name {
                differences.note("~ feature \(newer.name): renamed from \(feature.name), which still means it")
                schemaMoves = true
            }
            if newer.type != feature.type {
                if feature.type.widens(to: newer.type) {
                    differences.note("~ feature \(feature.name): \(feature.type) → \(newer.type)")
                    schemaMoves = true
                } else {
                    differences.refuse(
                        "\(path).features[\(feature.name)].type",
                        "feature \(new.name):\(feature.name) changes \(feature.type) → \(newer.type)", remedy(for: old))
                }
            }
            compare(feature, with: newer, &differences)
            merged.features.append(newer)
        }
        let known = Set(merged.features.map(\.name))
        for feature in new.features where !known.contains(feature.name) {
            checkReserved(feature.name, "\(path).features[\(feature.name)].name")
            differences.noteNew(feature)
            schemaMoves = true
            merged.features.append(feature)
            if old.keys.contains(where: { $0.name == feature.name }) {
                differences.refuse(
                    "\(path).features[\(feature.name)].name", "feature '\(feature.name)' is also a key of \(old.reference)",
                    "give it another name")
            }
        }
        if merged.features.count > Limits.featuresMax {
            differences.refuse(
                "\(path).features", "\(merged.features.count) features, with those kept; the limit is \(Limits.featuresMax)",
                "put the new ones into another group")
        }
        return (merged, old.newestSchema.schemaVersion + (schemaMoves ? 1 : 0), differences)
    }

    private func compareShape(_ old: CatalogGroup, with new: GroupDefinition, _ path: String, _ differences: inout Differences) {
        if old.definition.entity != new.entity {
            differences.refuse(
                "\(path).entity", "the entity of \(old.reference) changes \(old.definition.entity) → \(new.entity)",
                remedy(for: old))
        }
        for (field, before, after) in [
            ("event_time", old.definition.eventTime, new.eventTime),
            ("available_time", old.definition.availableTime, new.availableTime),
        ] where before != after {
            differences.refuse(
                "\(path).\(field)", "\(field) of \(old.reference) changes \(before ?? "none") → \(after ?? "none")",
                remedy(for: old))
        }
    }

    /// Features of the files that are known by another name, by that name.
    private func heirs(
        of old: CatalogGroup, in new: GroupDefinition, _ path: String, _ differences: inout Differences
    ) -> [String: FeatureDefinition] {
        let known = Set(old.definition.features.map(\.name))
        var heirs: [String: FeatureDefinition] = [:]
        for feature in new.features {
            for name in feature.renamedFrom where known.contains(name) {
                if known.contains(feature.name) || heirs.values.contains(where: { $0.name == feature.name }) || heirs[name] != nil
                {
                    differences.refuse(
                        "\(path).features[\(feature.name)].renamed_from", "feature '\(name)' of \(old.reference) is there itself",
                        "one feature is renamed to one new name")
                } else {
                    heirs[name] = feature
                }
            }
        }
        return heirs
    }

    private func compare(_ old: FeatureDefinition, with new: FeatureDefinition, _ differences: inout Differences) {
        differences.compare(FeatureDefinition.lifecycle, old, new, of: "feature \(new.name): ")
        differences.compare(FeatureDefinition.words, old, new, of: "feature \(old.name): ")
        differences.compare(
            "feature \(old.name): checks", old.checks?.spelt(of: old.type), new.checks?.spelt(of: new.type))
    }

    private func remedy(for group: CatalogGroup) -> String {
        let greatest = before.groupVersions(project: project, name: group.name).last?.version ?? group.version
        return "make it a new version of the group (version: \(greatest + 1))"
    }
}

extension FeatureChecks {
    /// `{min: 0, max: 10}`, as the definitions of a feature of this type spell it.
    func spelt(of type: FeatureType) -> String {
        var parts: [String] = []
        if let min { parts.append("min: \(min.spelt(of: type))") }
        if let max { parts.append("max: \(max.spelt(of: type))") }
        if notNull { parts.append("not_null: true") }
        if let oneOf { parts.append("one_of: [\(oneOf.joined(separator: ", "))]") }
        if let maxLength { parts.append("max_length: \(maxLength)") }
        return "{\(parts.joined(separator: ", "))}"
    }
}
