extension CatalogDescription {
    /// The parts that have a text in a name, a description, an owner or a tag, of a group's features and an entity's keys too, without regard
    /// to case.
    public func matching(_ text: String) -> CatalogDescription {
        let wanted = SearchedText(text)
        var found = CatalogDescription()
        found.entities = entities.filter { entity in
            wanted.isIn(entity.name, entity.description, tags: entity.tags)
                || entity.keys.contains { wanted.isIn($0.name, $0.description) }
        }
        found.featureGroups = featureGroups.map(\.definition).enumerated().filter { _, group in
            wanted.isIn(group.name, group.description, group.owner, tags: group.tags)
                || group.features.contains { wanted.isIn($0.name, $0.description, tags: $0.tags) }
        }.map { featureGroups[$0.offset] }
        found.featureServices = featureServices.filter { service in
            let definition = service.definition
            return wanted.isIn(definition.name, definition.description, definition.owner, tags: definition.tags)
                || service.outputs.contains { wanted.isIn($0.name, $0.feature) }
        }
        found.datasets = datasets.filter { wanted.isIn($0.name, $0.description, $0.owner, tags: $0.tags) }
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

/// A text that is looked for without regard to case.
private struct SearchedText {
    private let text: String

    init(_ text: String) { self.text = text.lowercased() }

    func isIn(_ texts: String?..., tags: [String: String] = [:]) -> Bool {
        texts.contains { has($0) } || tags.contains { has($0.key) || has($0.value) }
    }

    private func has(_ text: String?) -> Bool { text?.lowercased().contains(self.text) ?? false }
}
