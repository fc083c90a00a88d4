internal import Catalog
internal import FeatureModel
internal import Foundation
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

    /// Takes a snapshot, after one that the server takes by itself; returns when it is in force.
    func snapshot() throws(HeadwaterError) {
        for _ in 0..<6_000 {
            do throws(HeadwaterError) {
                _ = try call(.snapshot, SnapshotRequest())
                return
            } catch  where error.code == .aborted {
                Thread.sleep(forTimeInterval: 0.02)
            }
        }
        throw HeadwaterError(.deadlineExceeded, "the server took a snapshot of its own for two minutes")
    }
}
