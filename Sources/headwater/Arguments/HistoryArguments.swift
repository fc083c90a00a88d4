import Catalog
import Client
import Engine
import FeatureModel
import OfflineStore

/// A point-in-time join, as the command line or a saved dataset states it.
struct HistoryArguments: Sendable {
    let selection: FeatureSelection
    let fullFeatureNames: Bool
    let spineTime: String
    let asOf: Position?
    let availabilityIngest: Bool
    var minPosition: Position = 0

    /// The outputs of a server's answer, by the definitions that it will be made with.
    ///
    /// - Parameter spine: keys and time.
    func outputs(of client: HeadwaterClient, spine: [Field]) async throws(HeadwaterError) -> [Field] {
        let answer = ClientRows(try await client.history(query(spine: spine)) { () async throws(HeadwaterError) in nil })
        guard let part = try await answer.next() else {
            throw HeadwaterError(.internal, "the answer has no columns: ask a server of this version")
        }
        return part.fields
    }

    /// The answer of a server.
    func rows(
        of client: HeadwaterClient, _ spine: SpineTable, dealingTo split: RowSplit? = nil
    ) async throws(HeadwaterError) -> ClientRows {
        ClientRows(
            try await client.history(query(spine: spine.columns)) { () async throws(HeadwaterError) in
                try spine.next(dealingTo: split)
            })
    }

    private func query(spine: [Field]) -> HistoryQuery {
        var query = HistoryQuery(selection, spineColumns: spine, spineTime: spineTime)
        query.fullFeatureNames = fullFeatureNames
        query.asOf = asOf
        query.availabilityIngest = availabilityIngest
        query.minPosition = minPosition
        return query
    }

    /// The features of a data directory, and the keys that they take.
    func plan(in reader: HistoryDirectory, project: String) throws(HeadwaterError) -> FeaturePlan {
        try reader.catalog.asOf(asOf ?? .max).resolve(project: project, selection, fullNames: fullFeatureNames)
    }

    /// The answer of a data directory.
    func rows(
        of reader: HistoryDirectory, _ plan: FeaturePlan, _ spine: SpineTable, dealingTo split: RowSplit? = nil
    ) throws(HeadwaterError) -> DirectJoin {
        try reader.join(
            plan, spine: spine, split: split, asOf: asOf, availability: availabilityIngest ? .ingest : .event)
    }
}

extension DatasetDefinition.Query {
    init(_ arguments: HistoryArguments, asOf: Position) {
        self.init(
            arguments.selection, fullFeatureNames: arguments.fullFeatureNames, availabilityIngest: arguments.availabilityIngest,
            asOf: asOf, spineTime: arguments.spineTime)
    }

    /// The same query, to be asked again.
    var arguments: HistoryArguments {
        HistoryArguments(
            selection: selection, fullFeatureNames: fullFeatureNames, spineTime: spineTime, asOf: asOf,
            availabilityIngest: availabilityIngest, minPosition: asOf)
    }
}
