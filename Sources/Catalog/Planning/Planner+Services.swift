internal import FeatureModel

extension Planner {
    mutating func plan(_ service: ServiceDefinition) {
        let path = DefinitionsCheck.path(of: service)
        guard let old = before.service(project: project, VersionedName(service.name, version: service.version)) else {
            var differences = Differences()
            checkName(.service, service.name, service.version, path)
            guard let content = resolve(service, path, &differences) else { return }
            warnOfDeprecated(content.pins, &differences)
            differences.noteNew(ServiceDefinition.lifecycle + ServiceDefinition.words, of: service)
            for line in content.contentLines { differences.note("+ \(describe(line))") }
            let change = content.change
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
        if old.definition.content != service.content {
            guard let content = resolve(service, path, &differences) else { return }
            if content.contentLines != old.contentLines { refuseContent(old, content, path, &differences) }
        }
        let change = ServiceChange(
            project: project, service: service, pins: old.pins, expressionPlaces: old.expressionPlaces)
        finish(
            .service, service.reference, path: path, exists: true, differences: differences,
            change: old.definition == service && oldName == nil ? nil : .service(change))
    }

    private func refuseContent(_ old: CatalogService, _ new: CatalogService, _ path: String, _ differences: inout Differences) {
        let (oldLines, newLines) = (old.contentLines, new.contentLines)
        let (had, has) = (Set(oldLines), Set(newLines))
        for line in oldLines where !has.contains(line) { differences.note("- \(describe(line))") }
        for line in newLines where !had.contains(line) { differences.note("+ \(describe(line))") }
        let greatest = before.serviceVersions(project: project, name: old.name).last?.version ?? old.version
        differences.refuse(
            "\(path).features", "the features of service \(old.reference) change",
            "make it a new version of the service (version: \(greatest + 1))")
    }

    private func describe(_ line: CatalogService.ContentLine) -> String {
        guard case .pin(let pin) = line else { return line.text ?? "" }
        let group = after.group(id: pin.group).map(\.reference) ?? "group \(pin.group)"
        let alias = pin.alias.map { " as \($0)" } ?? ""
        let keys = pin.keys.sorted { $0.key < $1.key }.map { " \($0.key) from \($0.value)" }.joined(separator: ",")
        return "\(group):\(pin.feature)\(alias)\(keys.isEmpty ? "" : ", key\(keys)")\(pin.isHidden ? ", hidden" : "")"
    }

    /// Pins each line of a service to the groups as they would be, and checks its expressions; `nil`, with
    /// problems, where a line names nothing, or where nobody could read the service.
    private mutating func resolve(
        _ service: ServiceDefinition, _ path: String, _ differences: inout Differences
    ) -> CatalogService? {
        let before = problems.count
        var names = ServiceNames(request: service.request)
        var scope = ServiceScope(request: service.request.map(\.field))
        var places: [Int] = []
        var reads = 0
        for (index, line) in service.features.enumerated() {
            let place = "features[\(index)]"
            do throws(HeadwaterError) {
                switch line {
                case .feature(let feature):
                    for pin in try after.pins(feature, project: project) {
                        let group = after.group(id: pin.group)!
                        names.add(pin, of: group, at: place)
                        scope.add(Field(pin.shortName, group.newestSchema.type(ofOrdinal: pin.ordinal)), read: reads)
                        reads += 1
                    }
                case .expression(let expression):
                    places.append(reads)
                    names.add(expression, at: place)
                    _ = try scope.compile(expression)
                }
            } catch {
                problems.add("\(path).\(place)\(line.expression == nil ? "" : ".expr")", error)
            }
        }
        names.check()
        for (place, message) in names.clashes { problems.add("\(path).\(place)", message) }
        for warning in names.warnings { differences.warn(warning) }
        guard problems.count == before else { return nil }
        return CatalogService(project: project, definition: service, pins: names.pins, expressionPlaces: places)
    }
}

extension ServiceDefinition {
    /// What it says without the words that people add.
    fileprivate var content: ServiceDefinition {
        var lines = ServiceDefinition(
            name: "", request: request.map { RequestColumn(name: $0.name, type: $0.type) }, features: features)
        lines.features = features.map { line in
            guard case .expression(var expression) = line else { return line }
            expression.description = nil
            return .expression(expression)
        }
        return lines
    }
}

extension CatalogService {
    /// What may not change under one version.
    enum ContentLine: Hashable {
        case request(Field)
        case pin(ServicePin)
        case expression(name: String, text: String, isHidden: Bool)

        /// For people; `nil` of a pin, which needs its group's name.
        var text: String? {
            switch self {
            case .request(let field): "request \(field.name) \(field.type)"
            case .expression(let name, let text, let isHidden): "\(name) = \(text)\(isHidden ? ", hidden" : "")"
            case .pin: nil
            }
        }
    }

    var contentLines: [ContentLine] {
        let request: [ContentLine] = definition.request.map { .request($0.field) }
        return request
            + lines.map { line in
                switch line {
                case .pin(let pin): .pin(pin)
                case .expression(let it): .expression(name: it.name, text: it.text, isHidden: it.isHidden)
                }
            }
    }

    var change: ServiceChange {
        ServiceChange(project: project, service: definition, pins: pins, expressionPlaces: expressionPlaces)
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
                group: group.id, groupVersion: group.version, ordinal: ordinal, feature: name, alias: line.alias, keys: keys,
                isHidden: line.isHidden)
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
