public import FeatureModel

extension OnlineStore {
    /// Reads features of several groups at one position: never half of a record. For
    /// reads that come once; those that come again keep an `OnlineReader` and a plan.
    ///
    /// - Parameters:
    ///   - keys: the request's key columns, all of `rowCount` rows.
    ///   - now: the clock that `maxAge` counts back from.
    ///   - isCounted: whether hits and misses count as those of gets.
    /// - Complexity: O(rows × (1 + frozen maps) + cells).
    /// - Throws: as `OnlineReader.read`; `.invalidArgument` where keys do not fit their groups.
    public func get(
        _ lookups: [Lookup], keys: [Column], rowCount: Int, now: Microseconds, isCounted: Bool = true
    ) throws(HeadwaterError) -> [OnlineResult] {
        if keys.contains(where: { $0.count != rowCount || !$0.type.isKeyType }) {
            throw HeadwaterError(.invalidArgument, "key columns must be of key types and of one length")
        }
        let (maps, position, _) = pin()
        defer { unpin(position) }
        let reader = OnlineReader(self)
        var results: [OnlineResult] = []
        for lookup in lookups {
            try check(lookup, keys, maps)
            let plan = OnlineReadPlan(
                lookups: [lookup], outputs: lookup.features.indices.map { OnlineReadPlan.Output(lookup: 0, feature: $0) },
                isCounted: isCounted)
            results.append(
                try reader.read(plan, keys: keys, rowCount: rowCount, now: now, maps, at: position) {
                    (answer) throws(HeadwaterError) in
                    let result = try OnlineResult(answer)
                    answer.count()
                    return result
                })
        }
        return results
    }

    private func check(_ lookup: Lookup, _ keys: [Column], _ maps: MapSet) throws(HeadwaterError) {
        guard let schema = maps.groups[lookup.groupID]?.newest else { return }
        guard lookup.keys.map({ keys[$0].type }) == schema.keys.map(\.type) else {
            let types = schema.keys.map { "\($0.name) \($0.type)" }.joined(separator: ", ")
            throw HeadwaterError(.invalidArgument, "the key of group \(lookup.groupID) is (\(types))")
        }
    }
}
