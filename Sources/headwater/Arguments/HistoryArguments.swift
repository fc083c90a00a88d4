import Catalog
import Client
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

    /// The answer of a server.
    func rows(
        of client: HeadwaterClient, _ spine: SpineTable, dealingTo split: RowSplit? = nil
    ) async throws(HeadwaterError) -> ClientRows {
        var query = HistoryQuery(selection, spineColumns: spine.columns, spineTime: spineTime)
        query.fullFeatureNames = fullFeatureNames
        query.asOf = asOf
        query.availabilityIngest = availabilityIngest
        query.minPosition = minPosition
        return ClientRows(try await client.history(query) { () async throws(HeadwaterError) in try spine.next(dealingTo: split) })
    }

    /// The features of a data directory, and the keys that they take.
    func plan(in reader: DirectOffline, project: String) throws(HeadwaterError) -> FeaturePlan {
        try reader.catalog(asOf: asOf).resolve(project: project, selection, fullNames: fullFeatureNames)
    }

    /// The answer of a data directory.
    func rows(
        of reader: DirectOffline, _ plan: FeaturePlan, _ spine: SpineTable, dealingTo split: RowSplit? = nil
    ) throws(HeadwaterError) -> DirectJoin {
        try reader.history(
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
