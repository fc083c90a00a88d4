public import Catalog
public import FeatureModel
public import OnlineStore

/// What a get found: a column and its statuses for each output of the plan.
public struct ServedVectors: Sendable {
    public let columns: [Column]
    public let statuses: [StatusColumn]
    /// Event time of the row behind each output's cells; null where there is none.
    public let eventTimes: [Column]
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
        let results = try store.get(plan.lookups, keys: keys, rowCount: rowCount, now: now)
        return ServedVectors(
            columns: plan.outputs.map { results[$0.lookup].columns[$0.feature] },
            statuses: plan.outputs.map { results[$0.lookup].statuses[$0.feature] },
            eventTimes: plan.outputs.map { results[$0.lookup].eventTimes },
            position: results.first?.position ?? store.appliedPosition)
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

    /// The same for keys that are known.
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
