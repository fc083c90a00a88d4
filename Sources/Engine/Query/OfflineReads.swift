public import Catalog
public import FeatureModel
public import OfflineStore

/// Reads from the offline store, on a worker thread.
public enum OfflineReads {
    /// The point-in-time join of a resolved feature list.
    ///
    /// - Parameters:
    ///   - columns: spine columns: the plan's keys, then the columns of its request, in its order and of its types.
    ///   - times: the spine's times.
    ///   - eventTimes: whether the answer says when each value became true.
    ///   - executor: does the work.
    /// - Returns: a feature for each output of the plan, in its order.
    /// - Throws: as `OfflineView.join`.
    public static func history(
        _ plan: FeaturePlan, columns: [Column], times: Column, view: OfflineView, asOf: Position, availability: Availability,
        eventTimes: Bool = false, executor: ParallelExecutor = .serial, memoryLimitBytes: Int, nulls: ExpressionNulls? = nil,
        isCancelled: @escaping @Sendable () -> Bool
    ) throws(HeadwaterError) -> [JoinedFeature] {
        for lookup in plan.lookups { try view.checkKept(lookup.groupID, named: lookup.group, asOf: asOf) }
        let joined = try view.join(
            spineTimes: times, keys: Array(columns.prefix(plan.keys.count)), plan.lookups, asOf: asOf, availability: availability,
            eventTimes: eventTimes,
            executor: executor, isCancelled: isCancelled, memoryLimitBytes: memoryLimitBytes)
        let reads = plan.reads.map { joined[$0.lookup][$0.feature] }
        var evaluator = PlanEvaluator(plan, nulls: nulls)
        let outputs = try evaluator.outputs(
            of: reads.map { PlanEvaluator.ReadCells(column: $0.column, statuses: $0.statuses) },
            request: Array(columns.dropFirst(plan.keys.count)), time: .column(times), rowCount: times.count,
            bytesMax: memoryLimitBytes, isCancelled: isCancelled)
        return zip(plan.outputs, outputs).map { output, cells in
            if case .read(let place) = output.source { return reads[place] }
            // No single row is behind what an expression makes.
            let never = eventTimes ? Array(repeating: EventTime.always, count: times.count) : []
            return JoinedFeature(column: cells.column, statuses: cells.statuses, eventTimes: never)
        }
    }

    /// Ordinals of a group's features, as a scan asks for them.
    ///
    /// - Throws: `.invalidArgument` for a name that is none, with what there is.
    /// - Returns: those of all features that are there where no name is given; `nil` where that is every column of the schema.
    public static func ordinals(of names: [String], in group: CatalogGroup) throws(HeadwaterError) -> [Int]? {
        if names.isEmpty {
            let all = group.featureOrdinals
            return all.count == group.newestSchema.features.count ? nil : all
        }
        var ordinals: [Int] = []
        var isListed = Set<Int>()
        for name in names {
            guard let ordinal = group.ordinal(ofFeature: name) else {
                let known = group.featureOrdinals.map { group.newestSchema.columns[$0] }.map(\.name).joined(separator: ", ")
                throw HeadwaterError(.invalidArgument, "'\(name)' is no feature of the group; there are: \(known)")
            }
            guard isListed.insert(ordinal).inserted else {
                throw HeadwaterError(.invalidArgument, "the column '\(name)' is listed twice")
            }
            ordinals.append(ordinal)
        }
        return ordinals
    }

    /// An estimate of the bytes that `history` holds for each row of its spine, without texts and arrays.
    public static func historyBytes(_ plan: FeaturePlan, eventTimes: Bool = false) -> Int {
        plan.lookups.reduce(PlanEvaluator.bytesPerRow(plan)) {
            $0 + OfflineView.joinBytes($1.features.map(\.type), eventTimes: eventTimes)
        }
    }

    /// Whether each of some keys of a group has a row at `asOf`, of any age: its latest row is no tombstone.
    static func exist(
        _ schema: GroupSchema, keys: [Column], rowCount: Int, in view: OfflineView, asOf: Position
    ) throws(HeadwaterError) -> [Bool] {
        let feature = Lookup.Feature(ordinal: schema.featureBase, type: schema.type(ofOrdinal: schema.featureBase))
        let lookup = Lookup(schema: schema, keys: Array(keys.indices), features: [feature])
        let end = try Column(.timestamp, Array(repeating: Value.timestamp(.max), count: rowCount))
        let found = try view.join(spineTimes: end, keys: keys, [lookup], asOf: asOf, availability: .event)
        return (0..<rowCount).map { found[0][0].statuses[$0] != .notFound }
    }
}
