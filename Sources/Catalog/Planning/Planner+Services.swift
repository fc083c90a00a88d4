internal import FeatureModel

extension Planner {
    mutating func plan(_ service: ServiceDefinition) {
        let path = DefinitionsCheck.path(of: service)
        guard let old = before.service(project: project, VersionedName(service.name, version: service.version)) else {
            var differences = Differences()
            checkName(.service, service.name, service.version, path)
            guard let pins = resolve(service, path, &differences) else { return }
            warnOfDeprecated(pins, &differences)
            differences.noteNew(ServiceDefinition.lifecycle + ServiceDefinition.words, of: service)
            for pin in pins { differences.note("+ \(describe(pin))") }
            let change = ServiceChange(project: project, service: service, pins: pins)
            let promotion = promotion(.service, service.name, service.version, &differences)
            finish(
                .service, service.reference, path: path, exists: false, differences: differences, change: .service(change),
                promotion: promotion)
            return
        }
        var differences = Differences()
        let oldName = renamedFrom[.service]?[service.name]
        if let oldName { differences.note("~ renamed: \(oldName)@\(old.version) → \(old.reference); \(oldName) still means it") }
        warnOfDeprecated(old.pins, &differences)
        differences.compare(ServiceDefinition.lifecycle + ServiceDefinition.words, old.definition, service)
        // The same text means what it meant when it was applied; only another text is resolved again.
        if old.definition.features != service.features {
            guard let pins = resolve(service, path, &differences) else { return }
            if pins != old.pins { refuseContent(old, pins, path, &differences) }
        }
        let change = ServiceChange(project: project, service: service, pins: old.pins)
        finish(
            .service, service.reference, path: path, exists: true, differences: differences,
            change: old.definition == service && oldName == nil ? nil : .service(change))
    }

    private func refuseContent(_ old: CatalogService, _ pins: [ServicePin], _ path: String, _ differences: inout Differences) {
        let (had, has) = (Set(old.pins), Set(pins))
        for pin in old.pins where !has.contains(pin) { differences.note("- \(describe(pin))") }
        for pin in pins where !had.contains(pin) { differences.note("+ \(describe(pin))") }
        let greatest = before.serviceVersions(project: project, name: old.name).last?.version ?? old.version
        differences.refuse(
            "\(path).features", "the features of service \(old.reference) change",
            "make it a new version of the service (version: \(greatest + 1))")
    }

    private func describe(_ pin: ServicePin) -> String {
        let group = after.group(id: pin.group).map(\.reference) ?? "group \(pin.group)"
        let alias = pin.alias.map { " as \($0)" } ?? ""
        let keys = pin.keys.sorted { $0.key < $1.key }.map { " \($0.key) from \($0.value)" }.joined(separator: ",")
        return "\(group):\(pin.feature)\(alias)\(keys.isEmpty ? "" : ", key\(keys)")"
    }

    /// Pins each line of a service to the groups as they would be; `nil`, with
    /// problems, where one names nothing, or where nobody could read the service.
    private mutating func resolve(_ service: ServiceDefinition, _ path: String, _ differences: inout Differences) -> [ServicePin]?
    {
        let before = problems.count
        var names = ServiceNames()
        for (index, line) in service.features.enumerated() {
            let place = "features[\(index)]"
            do {
                for pin in try after.pins(line, project: project) { names.add(pin, of: after.group(id: pin.group)!, at: place) }
            } catch {
                problems.add("\(path).\(place)", error.message)
            }
        }
        names.check()
        for (place, message) in names.clashes { problems.add("\(path).\(place)", message) }
        for warning in names.warnings { differences.warn(warning) }
        return problems.count == before ? names.pins : nil
    }
}

extension Catalog {
    /// The columns that one line of a service or of a request names.
    ///
    /// - Throws: `.notFound` with what there is; `.invalidArgument` where a mapped key is none of the group's.
    func pins(_ line: ServiceFeature, project: String) throws(HeadwaterError) -> [ServicePin] {
        let group = try group(project: project, line.feature.group)
        let schema = group.newestSchema
        for key in line.keys.keys.sorted() where !schema.keys.contains(where: { $0.name == key }) {
            let names = schema.keys.map(\.name)
            throw HeadwaterError(
                .invalidArgument,
                "'\(key)' is no key of \(group.reference): "
                    + "\(hint(for: key, in: names, kind: "its keys are"))")
        }
        // A key mapped to its own name is no mapping.
        let keys = line.keys.filter { $0.key != $0.value }
        func pin(_ ordinal: Int, called name: String) -> ServicePin {
            // An output is called as it is asked for, also by a name of before.
            ServicePin(
                group: group.id, groupVersion: group.version, ordinal: ordinal, feature: name, alias: line.alias, keys: keys)
        }
        guard let name = line.feature.feature else {
            return group.featureOrdinals.map { pin($0, called: schema.columns[$0].name) }
        }
        guard let ordinal = group.ordinal(ofFeature: name) else {
            // A newer version may have it that is not promoted: then the name alone does not reach it.
            let other = groupVersions(project: project, name: group.name).last { $0.ordinal(ofFeature: name) != nil }
            let names = group.visibleDefinition.features.map(\.name)
            let remedy =
                other.map { "\($0.reference) has it: write \($0.reference):\(name)" }
                ?? hint(for: name, in: names, kind: "there are")
            throw HeadwaterError(.notFound, "no feature '\(name)' in group \(group.reference): \(remedy)")
        }
        return [pin(ordinal, called: name)]
    }
}
