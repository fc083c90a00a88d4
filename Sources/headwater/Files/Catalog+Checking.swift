import Catalog
import FeatureModel
import Foundation

extension Catalog {
    private struct History: Encodable {
        struct Record: Encodable {
            let changes: [Change]
            let position = 1
        }

        struct Change: Encodable {
            struct Key: Encodable {
                let name: String
                let type: FeatureType
            }

            let group: GroupDefinition
            let id: GroupID
            let keys: [Key]
            let kind = "group"
            let project: String
            let schemaVersion = 1

            enum CodingKeys: String, CodingKey {
                case group, id, keys, kind, project
                case schemaVersion = "schema_version"
            }
        }

        let format = 1
        let records: [Record]
    }

    /// A catalog that knows one group, at its newest schema, which it numbers 1: for checking rows before they are sent.
    ///
    /// - Throws: `.dataLoss` where the description does not hold together.
    init(checking group: GroupDescription) throws(HeadwaterError) {
        // Features that were removed keep their places.
        var definition = group.definition
        definition.features = group.columns.filter { $0.role == "feature" || $0.role == "removed" }.map { column in
            group.definition.features.first { $0.name == column.name } ?? FeatureDefinition(name: column.name, type: column.type)
        }
        let change = History.Change(
            group: definition, id: group.id,
            keys: group.schema.keys.map { History.Change.Key(name: $0.name, type: $0.type) },
            project: group.project)
        guard let json = try? JSONEncoder().encode(History(records: [History.Record(changes: [change])])) else {
            throw HeadwaterError(.internal, "the description of \(group.definition.reference) cannot be written as JSON")
        }
        try self.init(decodingHistory: Array(json)[...])
    }
}
