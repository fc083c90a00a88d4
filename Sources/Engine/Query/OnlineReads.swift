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
    ///   - columns: a column for each of the plan's keys, then for each of its request's columns, in its order and of its types.
    ///   - now: the clock for max_age.
    /// - Throws: `.dataLoss` for a damaged snapshot, `.failedPrecondition` where a schema moved since the plan was made.
    public static func get(
        _ plan: FeaturePlan, columns: [Column], rowCount: Int, from store: OnlineStore, now: Microseconds
    ) throws(HeadwaterError) -> ServedVectors {
        let keys = Array(columns.prefix(plan.keys.count))
        try check(rowCount: rowCount, of: plan)
        let packed = try read(Self.plan(plan), keys: keys, rowCount: rowCount, by: OnlineReader(store), now: now) {
            (answer) throws(HeadwaterError) in
            answer.count()
            return try answer.columns()
        }
        var evaluator = PlanEvaluator(plan, nulls: nil)
        return try evaluator.vectors(packed, request: Array(columns.dropFirst(keys.count)), now: now)
    }

    /// The one text of a get: by handle on a server, and of a directory where none runs.
    static func read<Result>(
        _ plan: OnlineReadPlan, keys: [Column], rowCount: Int, by reader: OnlineReader, now: Microseconds,
        _ body: (OnlineAnswer) throws(HeadwaterError) -> Result
    ) throws(HeadwaterError) -> Result {
        return try reader.read(plan, keys: keys, rowCount: rowCount, now: now, body)
    }

    /// A resolved feature list as the online store reads it.
    public static func plan(_ plan: FeaturePlan) -> OnlineReadPlan {
        OnlineReadPlan(
            lookups: plan.lookups, outputs: plan.reads.map { OnlineReadPlan.Output(lookup: $0.lookup, feature: $0.feature) })
    }

    /// Refuses several rows of a list that brings no columns to tell them apart.
    static func check(rowCount: Int, of plan: FeaturePlan) throws(HeadwaterError) {
        guard !plan.keys.isEmpty || !plan.request.isEmpty || rowCount <= 1 else {
            throw HeadwaterError(.invalidArgument, "the list has no keys, so it has one row, not \(rowCount)")
        }
    }

    /// Puts the columns of a request into the plan's order and types: the keys, then the others.
    ///
    /// - Throws: `.invalidArgument` naming a column that is missing, unknown, or of a type that does not fit.
    public static func arrange(
        _ columns: [(name: String, column: Column)], for plan: FeaturePlan
    ) throws(HeadwaterError) -> [Column] { try arrange(columns, keys: plan.keys, request: plan.request) }

    /// Arranges a request's columns in the order of `keys` and `request`.
    public static func arrange(
        _ columns: [(name: String, column: Column)], keys: [Field], request: [Field] = []
    ) throws(HeadwaterError) -> [Column] {
        let (keyCount, keys) = (keys.count, keys + request)
        let wanted = keys.map { "\($0.name) (\($0.type))" }.joined(separator: ", ")
        func isNamed(_ name: String) -> (Field) -> Bool { { $0.name.utf8.elementsEqual(name.utf8) } }
        for (name, _) in columns where !keys.contains(where: isNamed(name)) {
            throw HeadwaterError(
                .invalidArgument,
                "'\(name)' is no \(request.isEmpty ? "key" : "column") of this request; its \(request.isEmpty ? "keys" : "columns") are: "
                    + "\(wanted.isEmpty ? "none" : wanted)")
        }
        var arranged: [Column] = []
        for (place, key) in keys.enumerated() {
            let what = place < keyCount ? "key" : "request column"
            guard let column = columns.first(where: { key.name.utf8.elementsEqual($0.name.utf8) })?.column else {
                throw HeadwaterError(.invalidArgument, "\(what) '\(key.name)' is missing; give \(wanted)")
            }
            guard column.type.widens(to: key.type) else {
                throw HeadwaterError(.invalidArgument, "\(what) '\(key.name)' is \(column.type); it must be \(key.type)")
            }
            arranged.append(column.type == key.type ? column : column.gather(0..<column.count, as: key.type))
        }
        return arranged
    }
}
