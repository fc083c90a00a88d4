import FeatureModel
import OnlineStore

/// Features of one group for many keys, by the group's id.
struct OnlineQuery {
    let groupID: GroupID
    let features: [Lookup.Feature]
    let maxAge: Microseconds?
    /// The entity's key columns in order; none for a global group.
    let keyColumns: [Column]
    let rowCount: Int

    /// - Parameter rowCount: needed only where there are no key columns; else their length.
    init(
        groupID: GroupID, features: [Lookup.Feature], maxAge: Microseconds?, keyColumns: [Column], rowCount: Int? = nil
    ) {
        self.groupID = groupID
        self.features = features
        self.maxAge = maxAge
        self.keyColumns = keyColumns
        self.rowCount = rowCount ?? keyColumns.first?.count ?? 1
    }

    /// The store goes by its own schema of the group: only the id counts.
    var lookup: Lookup {
        let schema = GroupSchema(groupID: groupID, schemaVersion: 1, keys: [], eventTimeName: nil, features: [])
        return Lookup(schema: schema, maxAge: maxAge, keys: Array(keyColumns.indices), features: features)
    }
}

extension OnlineStore {
    func get(_ query: OnlineQuery, now: Microseconds, isCounted: Bool = true) throws(HeadwaterError) -> OnlineResult {
        try get([query], now: now, isCounted: isCounted)[0]
    }

    /// Several queries at one position.
    func get(
        _ queries: [OnlineQuery], now: Microseconds, isCounted: Bool = true
    ) throws(HeadwaterError) -> [OnlineResult] {
        let reader = OnlineReader(self)
        reader.pin()
        defer { reader.unpin() }
        var results: [OnlineResult] = []
        for query in queries {
            let plan = OnlineReadPlan(
                lookups: [query.lookup], outputs: query.features.indices.map { OnlineReadPlan.Output(lookup: 0, feature: $0) },
                isCounted: isCounted)
            results.append(
                try reader.read(plan, keys: query.keyColumns, rowCount: query.rowCount, now: now) {
                    (answer) throws(HeadwaterError) in
                    answer.count()
                    return try OnlineResult(answer)
                })
        }
        return results
    }
}
