internal import Catalog
internal import FeatureModel
internal import Wire

extension HeadwaterSession {
    /// Puts definitions in force.
    ///
    /// - Parameter text: YAML of the project `bench`.
    func define(_ text: String) throws(HeadwaterError) {
        let definitions = try DefinitionsFile.load(text: text, fileName: "bench.yaml").definitions
        _ = try call(.apply, ApplyRequest.with { $0.project = Rows.project }, body: definitions.encodeJSON()[...])
    }

    /// What a writer of the group has to know.
    func describe(group name: String) throws(HeadwaterError) -> GroupDescription {
        let description = try call(
            .describe,
            DescribeRequest.with {
                $0.project = Rows.project
                $0.name = name
            })
        return try CatalogDescription.decode(json: description.body).featureGroups[0]
    }

    /// Takes a snapshot; returns when it is in force.
    @discardableResult
    func snapshot() throws(HeadwaterError) -> SnapshotReply {
        try SnapshotReply(decoding: call(.snapshot, SnapshotRequest()).head)
    }
}
