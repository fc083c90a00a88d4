public import Catalog
public import FeatureModel

extension HeadwaterClient {
    /// A saved training set.
    ///
    /// - Throws: `.notFound` where none goes by that name, also where something else does.
    public func dataset(_ name: String) async throws(HeadwaterError) -> DatasetDefinition {
        // The listing is asked first: it tells the datasets that there are, and nothing else.
        let names = try await list().value.datasets.map(\.name)
        guard names.contains(where: { $0.utf8.elementsEqual(name.utf8) }),
            let found = try await describe(name).value.datasets.first
        else {
            let known = names.isEmpty ? "there is none: 'headwater history --save NAME' makes one" : names.joined(separator: ", ")
            throw HeadwaterError(.notFound, "no dataset '\(name)' in project '\(project)': \(known)")
        }
        return found
    }

    /// Saves what a training set was made of, for ever. The same again is no change, so that it may be tried again.
    ///
    /// - Returns: the position of its record; where it was there already, that of the newest definitions.
    /// - Throws: `.failedPrecondition` where another dataset goes by that name,
    ///   `.invalidArgument` where its columns are not those of its query.
    @discardableResult
    public func save(_ dataset: DatasetDefinition) async throws(HeadwaterError) -> Position {
        try await apply(Definitions(project: project, datasets: [dataset])).position
    }

    /// Lets retention drop rows that a saved training set reads: what
    /// it is stays known, but in time it can be made no more. For ever.
    ///
    /// - Returns: the position of its record; where it was released already, that of the newest definitions.
    /// - Throws: `.notFound` where none goes by that name.
    @discardableResult
    public func release(dataset name: String) async throws(HeadwaterError) -> Position {
        var dataset = try await dataset(name)
        dataset.isReleased = true
        return try await save(dataset)
    }
}
