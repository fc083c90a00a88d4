internal import Catalog
public import FeatureModel

/// The rows that retention must leave in the history: those that saved training sets read, until the sets are released.
public struct RetentionHolds {
    private struct Name: Hashable {
        let project: ByteString
        let dataset: ByteString
    }

    private var groups: [Name: [GroupID]] = [:]
    /// The positions at which saved training sets read each group.
    public private(set) var positions: [GroupID: Set<Position>] = [:]

    /// Takes over the sets of a catalog.
    ///
    /// - Complexity: O(sets), and O(history) where some are new to it.
    mutating func update(_ catalog: Catalog) {
        let sets = catalog.projectNames.flatMap { project in catalog.datasets(in: project).map { (project, $0) } }
        let names = Set(sets.map { Self.name($0, $1) })
        groups = groups.filter { names.contains($0.key) }
        resolve(sets.filter { groups[Self.name($0, $1)] == nil }, catalog)
        positions = [:]
        for (project, dataset) in sets where !dataset.isReleased {
            for group in groups[Self.name(project, dataset)]! { positions[group, default: []].insert(dataset.query.asOf) }
        }
    }

    /// Finds the groups of sets, by the definitions of their positions.
    private mutating func resolve(_ sets: [(project: String, dataset: DatasetDefinition)], _ catalog: Catalog) {
        var history = catalog.history[...]
        var earlier = Catalog()
        for (project, dataset) in sets.sorted(by: { $0.dataset.query.asOf < $1.dataset.query.asOf }) {
            let query = dataset.query
            while let record = history.first, record.position <= query.asOf {
                earlier.apply(record.changes, position: record.position)
                history.removeFirst()
            }
            // It was checked so when it was saved, and definitions of a position do not change.
            let plan = try? earlier.resolve(project: project, query.selection, fullNames: query.fullFeatureNames)
            groups[Self.name(project, dataset)] = plan?.lookups.map(\.groupID) ?? []
        }
    }

    private static func name(_ project: String, _ dataset: DatasetDefinition) -> Name {
        Name(project: ByteString(project), dataset: ByteString(dataset.name))
    }
}
