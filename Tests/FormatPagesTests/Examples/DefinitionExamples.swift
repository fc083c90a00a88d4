import Catalog
import Client
import FeatureModel
import Log
import StorageIO
import TestDisks

/// Definitions as the wire and the log have them, and the hash of a saved training set's column.
enum DefinitionExamples {
    static let makers: [String: @Sendable () throws -> [UInt8]] = [
        "definitions-yaml": { Array((ExampleStore.definitions + "\n").utf8) },
        "definitions": {
            try DefinitionsFile.load(text: ExampleStore.definitions, fileName: "features.yaml").definitions.encodeJSON()
        },
        "definitions-record": {
            let storage = try ExampleStore.life().storage
            return Array(try FileLog(in: "data", storage).openReader().read(after: 0, limitBytes: 1)[0].body)
        },
        "dataset-digest": {
            var hash = TableHash([Field("total", .float64)])
            hash.append([try ExampleStore.columns()[2]])
            let digits = Array(hash.finish().columns[0].hash)
            return stride(from: 0, to: digits.count, by: 2).map { UInt8(String(digits[$0..<$0 + 2]), radix: 16)! }
        },
    ]
}
