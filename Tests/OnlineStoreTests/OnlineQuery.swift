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

    /// The lookup with its keys at these places of a request.
    ///
    /// The store goes by its own schema of the group: only the id counts.
    func lookup(keys: [Int]) -> Lookup {
        let schema = GroupSchema(groupID: groupID, schemaVersion: 1, keys: [], eventTimeName: nil, features: [])
        return Lookup(schema: schema, maxAge: maxAge, keys: keys, features: features)
    }
}

extension OnlineStore {
    func get(_ query: OnlineQuery, now: Microseconds, isCounted: Bool = true) throws(HeadwaterError) -> OnlineResult {
        let lookup = query.lookup(keys: Array(query.keyColumns.indices))
        return try get([lookup], keys: query.keyColumns, rowCount: query.rowCount, now: now, isCounted: isCounted)[0]
    }

    /// Several queries of one length of keys, at one position.
    func get(_ queries: [OnlineQuery], now: Microseconds) throws(HeadwaterError) -> [OnlineResult] {
        var keys: [Column] = []
        var lookups: [Lookup] = []
        for query in queries {
            lookups.append(query.lookup(keys: Array(keys.count..<keys.count + query.keyColumns.count)))
            keys += query.keyColumns
        }
        return try get(lookups, keys: keys, rowCount: queries[0].rowCount, now: now)
    }
}
