import Catalog
import Client
import FeatureModel

/// The groups that a workload writes, as the server knows them, and when the workload began.
struct Groups: Sendable {
    static let project = "torture"
    /// The outputs of a read: the write behind each row, in both groups.
    static let selection = FeatureSelection.features(["alpha:write", "beta:write"])

    /// Every feature of both groups, for the checker.
    static let whole = FeatureSelection.features(["alpha:write", "alpha:note", "beta:write", "beta:weight"])

    /// What a read of `whole` shows of a key that this request wrote last.
    static func values(of request: Request, _ key: Int64) -> [Value] {
        let write = Value.int64(request.id.value)
        return [write, .string(ByteString(request.note(key))), write, .float64(request.weight(key))]
    }

    let alpha: GroupSchema
    let beta: GroupSchema
    let marks: GroupSchema
    /// What event times count from.
    let start: Microseconds

    static func apply(_ client: HeadwaterClient) async throws {
        _ = try await client.apply(DefinitionsFile.load(text: definitions, fileName: "torture.yaml").definitions)
    }

    init(_ client: HeadwaterClient, start: Microseconds) async throws {
        alpha = try await client.group("alpha").schema
        beta = try await client.group("beta").schema
        marks = try await client.group("marks").schema
        self.start = start
    }

    private static let definitions = """
        project: \(project)
        entities:
          - {name: thing, keys: [{name: id, type: int64}]}
          - {name: request, keys: [{name: request, type: int64}]}
        feature_groups:
          - name: alpha
            entity: thing
            event_time: seen
            features: [{name: write, type: int64}, {name: note, type: string}]
          - name: beta
            entity: thing
            event_time: seen
            features: [{name: write, type: int64}, {name: weight, type: float64}]
          - name: marks
            entity: request
            event_time: none
            features: [{name: rows, type: int64}]
        """
}
