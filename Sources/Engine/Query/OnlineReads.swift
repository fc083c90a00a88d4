public import Catalog
public import FeatureModel
public import OnlineStore

/// The answer of a get: a column and its statuses for each output of the plan.
public struct ServedVectors: Sendable {
    public let columns: [Column]
    public let statuses: [StatusColumn]
    /// The one position that the whole answer shows.
    public let position: Position
}

/// Reads from the online store, on any thread.
public enum OnlineReads {
    /// Serves a resolved feature list for the keys of a request.
    ///
    /// - Parameters:
    ///   - keys: a column for each of the plan's keys, in the plan's order and of its types.
    ///   - now: the clock for max_age.
    /// - Throws: `.dataLoss` for a damaged snapshot, `.failedPrecondition` where a schema moved since the plan was made.
    public static func get(
        _ plan: FeaturePlan, keys: [Column], rowCount: Int, from store: OnlineStore, now: Microseconds
    ) throws(HeadwaterError) -> ServedVectors {
        let packed = try read(Self.plan(plan), keys: keys, rowCount: rowCount, by: OnlineReader(store), now: now) {
            (answer) throws(HeadwaterError) in
            answer.count()
            return try answer.columns()
        }
        return ServedVectors(columns: packed.columns, statuses: packed.cellStatuses, position: packed.header.tag)
    }

    /// The one text of a get: by handle on a server, and of a directory where none runs.
    static func read<Result>(
        _ plan: OnlineReadPlan, keys: [Column], rowCount: Int, by reader: OnlineReader, now: Microseconds,
        _ body: (OnlineAnswer) throws(HeadwaterError) -> Result
    ) throws(HeadwaterError) -> Result {
        guard !keys.isEmpty || rowCount <= 1 else {
            throw HeadwaterError(.invalidArgument, "the list has no keys, so it has one row, not \(rowCount)")
        }
        return try reader.read(plan, keys: keys, rowCount: rowCount, now: now, body)
    }

    /// A resolved feature list as the online store reads it.
    public static func plan(_ plan: FeaturePlan) -> OnlineReadPlan {
        OnlineReadPlan(
            lookups: plan.lookups, outputs: plan.outputs.map { OnlineReadPlan.Output(lookup: $0.lookup, feature: $0.feature) })
    }

    /// Puts the key columns of a request into the plan's order and types.
    ///
    /// - Throws: `.invalidArgument` naming a key that is missing, unknown, or of a type that does not fit.
    public static func arrange(
        _ columns: [(name: String, column: Column)], for plan: FeaturePlan
    ) throws(HeadwaterError) -> [Column] { try arrange(columns, as: plan.keys) }

    /// Arranges a request's key columns in the order of `keys`.
    public static func arrange(
        _ columns: [(name: String, column: Column)], as keys: [Field]
    ) throws(HeadwaterError) -> [Column] {
        let wanted = keys.map { "\($0.name) (\($0.type))" }.joined(separator: ", ")
        func isNamed(_ name: String) -> (Field) -> Bool { { $0.name.utf8.elementsEqual(name.utf8) } }
        for (name, _) in columns where !keys.contains(where: isNamed(name)) {
            throw HeadwaterError(
                .invalidArgument, "'\(name)' is no key of this request; its keys are: \(wanted.isEmpty ? "none" : wanted)")
        }
        var arranged: [Column] = []
        for key in keys {
            guard let column = columns.first(where: { key.name.utf8.elementsEqual($0.name.utf8) })?.column else {
                throw HeadwaterError(.invalidArgument, "key '\(key.name)' is missing; give \(wanted)")
            }
            guard column.type.widens(to: key.type) else {
                throw HeadwaterError(.invalidArgument, "key '\(key.name)' is \(column.type); it must be \(key.type)")
            }
            arranged.append(column.type == key.type ? column : column.gather(0..<column.count, as: key.type))
        }
        return arranged
    }
}
