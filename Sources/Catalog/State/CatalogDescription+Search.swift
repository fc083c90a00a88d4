extension CatalogDescription {
    /// What has a text in a name, a description, an owner or a tag, of keys, features and outputs too; without regard to case.
    public func matching(_ text: String) -> CatalogDescription {
        var found = CatalogDescription()
        found.entities = entities.filter { !$0.places(of: text).isEmpty }
        found.featureGroups = featureGroups.filter { !$0.definition.places(of: text).isEmpty }
        found.featureServices = featureServices.filter { !$0.places(of: text).isEmpty }
        found.datasets = datasets.filter { !$0.places(of: text).isEmpty }
        return found
    }

    /// Takes in what another description has.
    public mutating func add(_ other: CatalogDescription) {
        entities += other.entities
        featureGroups += other.featureGroups
        featureServices += other.featureServices
        datasets += other.datasets
    }
}

extension EntityDefinition {
    /// Where a text stands: `name`, `key origin`, `tag team=core`.
    public func places(of text: String) -> [String] {
        var search = Search(text)
        search.look(in: name, description, tags: tags)
        for key in keys { search.look(in: key.name, key.description, of: "key") }
        return search.places
    }
}

extension GroupDefinition {
    /// Where a text stands: `name`, `owner`, `feature temp`.
    public func places(of text: String) -> [String] {
        var search = Search(text)
        search.look(in: name, description, owner, tags: tags)
        for feature in features { search.look(in: feature.name, feature.description, tags: feature.tags, of: "feature") }
        return search.places
    }
}

extension ServiceDescription {
    /// Where a text stands: `name`, `owner`, `output temp`.
    public func places(of text: String) -> [String] {
        var search = Search(text)
        search.look(in: definition.name, definition.description, definition.owner, tags: definition.tags)
        for output in outputs { search.look(in: output.name, output.feature, of: "output") }
        return search.places
    }
}

extension DatasetDefinition {
    /// Where a text stands: `name`, `owner`, `tag team=core`.
    public func places(of text: String) -> [String] {
        var search = Search(text)
        search.look(in: name, description, owner, tags: tags)
        return search.places
    }
}

/// Gathers where a text stands in one definition.
private struct Search {
    private let wanted: String
    private(set) var places: [String] = []

    init(_ text: String) { wanted = text.lowercased() }

    /// - Parameter part: of what the words are; `nil` for the definition itself, whose words are named by themselves.
    mutating func look(
        in name: String, _ description: String?, _ owner: String? = nil, tags: [String: String] = [:], of part: String? = nil
    ) {
        let words = [("name", name), ("description", description ?? ""), ("owner", owner ?? "")]
        let found =
            words.filter { has($0.1) }.map(\.0)
            + tags.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.filter(has).map { "tag \($0)" }
        if let part {
            if !found.isEmpty { places.append("\(part) \(name)") }
        } else {
            places += found
        }
    }

    private func has(_ text: String) -> Bool { text.lowercased().contains(wanted) }
}
