internal import FeatureModel

/// Which features of a row of one schema version a reader takes.
struct RowPlan: Sendable {
    let layout: RowLayout
    /// For each feature read, its index in `layout`; `nil` where the schema version does not have it.
    let features: [Int?]
}

/// Reads chosen features of rows of one group, whatever schema version each was written under.
struct RowReader {
    private let groupID: GroupID
    private let group: GroupState?
    private let features: [RequestedFeature]
    private var plans: [UInt32: RowPlan] = [:]

    /// - Throws: `.invalidArgument` where an ordinal is not a feature's.
    init(_ groupID: GroupID, _ group: GroupState?, _ features: [RequestedFeature]) throws(HeadwaterError) {
        self.groupID = groupID
        self.group = group
        self.features = features
        if let newest = group?.newest, let wrong = features.first(where: { $0.ordinal < newest.featureBase }) {
            throw HeadwaterError(.invalidArgument, "column \(wrong.ordinal) of group \(groupID) is not a feature")
        }
    }

    /// - Throws: `.failedPrecondition` where the row is of a newer schema than the reader asks for, and wider.
    mutating func plan(_ header: RowHeader) throws(HeadwaterError) -> RowPlan {
        if let plan = plans[header.schemaVersion] {
            if header.packedCount < plan.layout.fixedBytes { throw malformed(header) }
            return plan
        }
        guard let group, let version = group.versions[header.schemaVersion],
            header.packedCount >= version.layout.fixedBytes
        else { throw malformed(header) }
        var indexes: [Int?] = []
        for feature in features {
            let index = feature.ordinal - version.schema.featureBase
            guard index < version.layout.types.count else {
                indexes.append(nil)
                continue
            }
            let type = version.layout.types[index]
            guard type.widens(to: feature.type) else {
                let name = version.schema.features[index].name
                throw HeadwaterError(
                    .failedPrecondition, "feature '\(name)' is \(type) now, not \(feature.type): prepare the query again")
            }
            indexes.append(index)
        }
        let plan = RowPlan(layout: version.layout, features: indexes)
        plans[header.schemaVersion] = plan
        return plan
    }

    private func malformed(_ header: RowHeader) -> HeadwaterError {
        HeadwaterError(
            .dataLoss,
            "a row of group \(groupID) does not fit schema version \(header.schemaVersion): rebuild the online store")
    }
}
