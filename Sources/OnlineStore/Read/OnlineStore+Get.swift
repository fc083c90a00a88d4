public import FeatureModel

extension OnlineStore {
    /// Reads features of one group.
    ///
    /// - Parameter now: the clock that the query's `maxAge` counts back from.
    /// - Complexity: O(rows × (1 + frozen maps) + cells).
    /// - Throws: as `OnlineReader.read`.
    public func get(_ query: OnlineQuery, now: Microseconds) throws(HeadwaterError) -> OnlineResult {
        try get([query], now: now)[0]
    }

    /// Reads features of several groups at one position: never half of a record. For reads that come once; those that come again keep an
    /// `OnlineReader` and a plan.
    ///
    /// - Parameter isCounted: whether hits and misses count as those of gets.
    public func get(
        _ queries: [OnlineQuery], now: Microseconds, isCounted: Bool = true
    ) throws(HeadwaterError) -> [OnlineResult] {
        let (maps, position, _) = pin()
        defer { unpin(position) }
        let reader = OnlineReader(self)
        var results: [OnlineResult] = []
        for query in queries {
            try check(query, maps)
            let lookup = OnlineReadPlan.Lookup(
                groupID: query.groupID, features: query.features, maxAge: query.maxAge, keys: Array(query.keyColumns.indices))
            let plan = OnlineReadPlan(
                lookups: [lookup], outputs: query.features.indices.map { OnlineReadPlan.Output(lookup: 0, feature: $0) },
                isCounted: isCounted)
            results.append(
                try reader.read(
                    plan, keys: query.keyColumns, rowCount: query.rowCount, now: now, maps, at: position
                ) { (answer) throws(HeadwaterError) in
                    let result = try OnlineResult(answer)
                    answer.count()
                    return result
                })
        }
        return results
    }

    private func check(_ query: OnlineQuery, _ maps: MapSet) throws(HeadwaterError) {
        if let schema = maps.groups[query.groupID]?.newest, query.keyColumns.map(\.type) != schema.keys.map(\.type) {
            let types = schema.keys.map { "\($0.name) \($0.type)" }.joined(separator: ", ")
            throw HeadwaterError(.invalidArgument, "the key of group \(query.groupID) is (\(types))")
        }
        if query.keyColumns.contains(where: { $0.count != query.rowCount || !$0.type.isKeyType }) {
            throw HeadwaterError(.invalidArgument, "key columns must be of key types and of one length")
        }
    }
}
