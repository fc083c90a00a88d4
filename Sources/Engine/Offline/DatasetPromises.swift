internal import Catalog
internal import FeatureModel

/// What saved training sets ask of the history: that the rows which they read stay, whatever retention hides, until they are released.
struct DatasetPromises {
    private struct Name: Hashable {
        let project: ByteString
        let dataset: ByteString
    }

    private var groups: [Name: [GroupID]] = [:]
    /// Of each group that such a set reads, the least position at which one does.
    private(set) var oldestAsOf: [GroupID: Position] = [:]

    /// Takes over the sets of a catalog; those of the last one are in it too, as nothing deletes a set.
    ///
    /// - Complexity: O(sets), and for each that is new to it what resolving its query takes.
    mutating func update(_ catalog: Catalog) {
        oldestAsOf = [:]
        for project in catalog.projectNames {
            for dataset in catalog.datasets(in: project) where !dataset.isReleased {
                let asOf = dataset.query.asOf
                for group in groups(of: dataset, project, catalog) { oldestAsOf[group] = min(oldestAsOf[group] ?? .max, asOf) }
            }
        }
    }

    private mutating func groups(of dataset: DatasetDefinition, _ project: String, _ catalog: Catalog) -> [GroupID] {
        let name = Name(project: ByteString(project), dataset: ByteString(dataset.name))
        if let known = groups[name] { return known }
        // It resolved when it was saved, and definitions of a position do not change.
        let plan = try? catalog.asOf(dataset.query.asOf).resolve(project: project, dataset.query.selection)
        let found = plan?.lookups.map(\.groupID) ?? []
        groups[name] = found
        return found
    }
}
