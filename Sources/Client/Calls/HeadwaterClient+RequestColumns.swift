public import Catalog
public import FeatureModel

extension HeadwaterClient {
    /// The columns that a feature list takes: what a spine must have beside its time.
    ///
    /// The online service resolves the list; where it is down, its definitions are read from the server that answers, so that
    /// history does not need it.
    /// - Parameter asOf: names mean what they meant at this position.
    /// - Throws: `.notFound` for what does not exist.
    public func requestColumns(
        of selection: FeatureSelection, asOf: Position? = nil
    ) async throws(HeadwaterError) -> (keys: [Field], request: [Field]) {
        do {
            let prepared = try await prepare(selection, fullFeatureNames: true, asOf: asOf)
            return (prepared.keys, prepared.request)
        } catch {
            guard error.code == .unavailable else { throw error }
        }
        var request: [Field] = []
        if case .service(let name) = selection { request = try await service(name, asOf: asOf).definition.request.map(\.field) }
        var keys: [Field] = []
        for (group, names) in try await groups(of: selection, asOf: asOf) {
            for key in try await self.group(group, asOf: asOf).schema.keys {
                let name = names[key.name] ?? key.name
                if !keys.contains(where: { $0.name.utf8.elementsEqual(name.utf8) }) { keys.append(Field(name, key.type)) }
            }
        }
        return (keys, request)
    }

    /// The groups of a feature list that drop old rows, each once.
    ///
    /// - Throws: `.notFound` for what does not exist.
    public func groupsWithRetention(of selection: FeatureSelection) async throws(HeadwaterError) -> [GroupDefinition] {
        var names: [String] = []
        for (name, _) in try await groups(of: selection, asOf: nil)
        where !names.contains(where: { $0.utf8.elementsEqual(name.utf8) }) {
            names.append(name)
        }
        var found: [GroupDefinition] = []
        for name in names {
            let definition = try await group(name).definition
            if definition.retention != nil { found.append(definition) }
        }
        return found
    }

    /// The groups of a list, each with what the request calls its keys.
    private func groups(
        of selection: FeatureSelection, asOf: Position?
    ) async throws(HeadwaterError) -> [(group: String, keys: [String: String])] {
        var groups: [(group: String, keys: [String: String])] = []
        func add(_ group: String, _ keys: [String: String]) {
            if !groups.contains(where: { $0.group == group && $0.keys == keys }) { groups.append((group, keys)) }
        }
        switch selection {
        case .features(let references):
            for reference in references { add("\(try FeatureReference.parse(reference).group)", [:]) }
        case .service(let name):
            for output in try await service(name, asOf: asOf).outputs {
                if let feature = output.feature { add("\(try FeatureReference.parse(feature).group)", output.keys) }
            }
        }
        return groups
    }

    private func service(_ name: String, asOf: Position?) async throws(HeadwaterError) -> ServiceDescription {
        let failure: HeadwaterError
        do {
            if let service = try await describe(name, asOf: asOf).value.promotedService { return service }
            failure = HeadwaterError(
                .notFound, "'\(name)' in project '\(project)' is no feature service: 'headwater list' shows them")
        } catch { failure = error }
        // `churn_v2` stands for `churn@2` where no service has exactly that name.
        guard failure.code == .notFound, let suffix = name.ranges(of: "_v").last else { throw failure }
        let versioned = "\(name[..<suffix.lowerBound])@\(name[suffix.upperBound...])"
        do {
            if let service = try await describe(versioned, asOf: asOf).value.promotedService { return service }
        } catch { if error.code == .unavailable { throw error } }
        throw failure
    }
}

extension CatalogDescription {
    /// What a name without a version means; a server from before promotion tells of none, and there the greatest version counted.
    fileprivate var promotedService: ServiceDescription? {
        featureServices.first { $0.promoted == true } ?? featureServices.max { $0.definition.version < $1.definition.version }
    }
}
