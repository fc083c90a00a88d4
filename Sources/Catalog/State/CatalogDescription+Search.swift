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
        let search = Search(text)
        return search.places(in: self) + search.parts(keys, called: "key")
    }
}

extension GroupDefinition {
    /// Where a text stands: `name`, `owner`, `feature temp`.
    public func places(of text: String) -> [String] {
        let search = Search(text)
        return search.places(in: self) + search.parts(features, called: "feature")
    }
}

extension ServiceDescription {
    /// Where a text stands: `name`, `owner`, `output temp`.
    public func places(of text: String) -> [String] {
        let search = Search(text)
        return search.places(in: definition) + search.parts(definition.request, called: "request")
            + outputs.filter { search.matches($0.name) || search.matches($0.feature ?? $0.expr ?? "") }.map {
                "output \($0.name)"
            }
    }
}

extension DatasetDefinition {
    /// Where a text stands: `name`, `owner`, `tag team=core`.
    public func places(of text: String) -> [String] { Search(text).places(in: self) }
}

/// Looks for a text in the names of definitions, and in their words.
private struct Search {
    private let wanted: String

    init(_ text: String) { wanted = text.lowercased() }

    /// Where in a definition the text stands, but for its parts.
    func places<Thing: Definition>(in thing: Thing) -> [String] {
        (matches(thing.name) ? ["name"] : []) + Thing.words.flatMap { $0.places(thing, matches) }
    }

    /// The parts of a definition in which the text stands: `feature temp`.
    func parts<Thing: Definition>(_ parts: [Thing], called kind: String) -> [String] {
        parts.filter { !places(in: $0).isEmpty }.map { "\(kind) \($0.name)" }
    }

    func matches(_ text: String) -> Bool { text.lowercased().contains(wanted) }
}
